// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the owner of an encrypted VM lets the host do: the bits of its launch policy.

use roxmltree::Node;

use super::only;
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Severity, Verdict};
use crate::facts::Gap;
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html#launch-security";

/// The policy as a number: libvirt reads it as hexadecimal, with or without `0x`.
fn policy(domain: &Domain, node: Node) -> Result<Option<(u64, Evidence)>, Gap> {
    let Some(element) = child(node, "policy") else { return Ok(None) };
    let text = element.text().unwrap_or_default().trim();
    let digits = text.strip_prefix("0x").unwrap_or(text);
    let bits = u64::from_str_radix(digits, 16)
        .map_err(|_| Gap::new(domain.path(element), "the launch policy is not a hexadecimal number"))?;
    Ok(Some((bits, domain.text_evidence(element))))
}

/// As [`policy`], for kinds that need one.
fn needed(domain: &Domain, node: Node) -> Result<(u64, Evidence), Gap> {
    policy(domain, node)?.ok_or_else(|| Gap::new(domain.path(node), "the definition has no launch policy"))
}

fn bit(policy: u64, number: u32) -> bool {
    policy.checked_shr(number).is_some_and(|rest| rest & 1 == 1)
}

pub static SEV_DEBUG: Check = Check {
    id: "cc.sev-policy-debug",
    title: "The host may not debug the encrypted VM, nor see its registers",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[FORMAT, "https://libvirt.org/kbase/launch_security_sev.html"],
    why: "A policy without the bit NODBG lets the host decrypt the guest's memory with the debug commands of the secure processor: the encryption \
          is for show. Without the bit ES the guest's registers lie open whenever it stops for the host.",
    fix: "Run `virsh edit VM` and set `<policy>0x07</policy>`: no debugging, no key sharing, encrypted state.",
    impact: "The VM cannot be debugged from outside. ES needs a second generation EPYC, and a guest kernel that knows it. The measurement of the \
             start changes.",
    apply: Apply::NextStart,
    needs: "<launchSecurity><policy> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev"], |node, _| {
            let (policy, evidence) = needed(domain, node)?;
            Ok(if !bit(policy, 0) {
            Verdict::fail(format!("The launch policy {policy:#x} lets the host decrypt the guest's memory for debugging."))
        } else if !bit(policy, 2) {
            Verdict::warn(format!("The launch policy {policy:#x} does not ask for SEV-ES, so that the host sees the guest's registers."))
        } else {
            Verdict::pass("The launch policy forbids debugging and asks for SEV-ES.")
        }
        .because([evidence]))
        })
    }),
};

pub static SNP: Check = Check {
    id: "cc.snp-policy",
    title: "The host may not debug the SEV-SNP guest",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[FORMAT, "https://docs.kernel.org/virt/kvm/x86/amd-memory-encryption.html"],
    why: "With the debug bit in its policy the host decrypts the guest's memory through the secure processor: the encryption is for show.",
    fix: "Run `virsh edit VM` and set `<policy>0x30000</policy>`. Clear bit 16 too where hyper-threads must not be shared; the host then \
          has to run without them.",
    impact: "The VM cannot be debugged from outside. The measurement of the start changes.",
    apply: Apply::NextStart,
    needs: "<launchSecurity><policy> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev-snp"], |node, _| {
            let (policy, evidence) = needed(domain, node)?;
            Ok(if bit(policy, 19) {
            Verdict::fail(format!("The launch policy {policy:#x} lets the host decrypt the guest's memory for debugging (bit 19)."))
        } else if !bit(policy, 17) {
            Verdict::warn(format!("The launch policy {policy:#x} lacks bit 17, which must be set: the firmware refuses to start the VM."))
        } else if bit(policy, 18) {
            Verdict::info(format!("The launch policy {policy:#x} lets a migration agent move the guest's memory (bit 18)."))
        } else {
            Verdict::pass("The launch policy forbids debugging.")
        }
        .because([evidence]))
        })
    }),
};

pub static TDX_DEBUG: Check = Check {
    id: "cc.tdx-debug",
    title: "The host may not debug the TDX guest",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[FORMAT, "https://www.qemu.org/docs/master/system/i386/tdx.html"],
    why: "A trust domain with the debug attribute lets the host read its memory and its processor's state: the encryption is for show. \
          Examples with that bit set go round.",
    fix: "Run `virsh edit VM` and set `<policy>0x10000000</policy>`.",
    impact: "The VM cannot be debugged from outside. The measurement of the start changes.",
    apply: Apply::NextStart,
    needs: "<launchSecurity><policy> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["tdx"], |node, _| {
            let Some((policy, evidence)) = policy(domain, node)? else {
                return Ok(Verdict::pass(
                    "The definition sets no attributes of the trust domain, debugging among them.",
                ));
            };
            Ok(if bit(policy, 0) {
                Verdict::fail(format!(
                    "The attributes {policy:#x} of the trust domain let the host read its memory for debugging (bit 0)."
                ))
            } else {
                Verdict::pass("The attributes of the trust domain forbid debugging.")
            }
            .because([evidence]))
        })
    }),
};
