// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an encrypted VM starts from: a kernel from the host, or firmware.

use super::only;
use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::Gap;
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html#launch-security";

pub static KERNEL_HASHES: Check = Check {
    id: "cc.kernel-hashes",
    title: "A kernel that the host gives is measured",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[FORMAT],
    why: "A kernel and initial RAM disk that stand on the host are not part of the firmware's measurement. Whoever is root there swaps them, and \
          the owner hands his secrets to the swapped ones.",
    fix: "Run `virsh edit VM` and add `kernelHashes='yes'` to `<launchSecurity>` (libvirt 8.0 and later, with firmware that was built for it).",
    impact: "The owner's expected measurement changes with each update of the kernel.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> and <os><kernel> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev", "sev-snp"], |node, _| {
            let Some(kernel) = domain.find("os/kernel") else {
                return Ok(Verdict::not_applicable(
                    "The VM starts from its own disk, not with a kernel from the host.",
                ));
            };
            Ok(if node.attribute("kernelHashes") == Some("yes") {
                Verdict::pass("The kernel from the host is measured.")
            } else {
                Verdict::fail("The VM starts with a kernel from the host that is not measured.")
                    .because([domain.evidence(node, "kernelHashes"), domain.text_evidence(kernel)])
            })
        })
    }),
};

pub static STATELESS: Check = Check {
    id: "cc.firmware-stateless",
    title: "The encrypted VM's firmware keeps no state on the host",
    severity: Severity::Medium,
    profile: Profile::Confidential,
    area: Area::Encryption,
    basis: &[FORMAT, "https://docs.openstack.org/nova/latest/admin/uefi.html"],
    why: "The firmware's variables lie in a file on the host that nothing measures. Whoever is root there changes what the guest starts, or \
          switches Secure Boot off in it.",
    fix: "Run `virsh edit VM`, set `<os firmware='efi'><loader stateless='yes'/>` and delete `<nvram>`; or name a firmware image that was built \
          for it with `<loader type='rom'>`.",
    impact: "The guest cannot store boot entries or keys in its firmware.",
    apply: Apply::NextStart,
    needs: "<launchSecurity>, <os><loader> and <nvram> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev-snp", "tdx"], |_, _| {
            if let Some(nvram) = domain.find("os/nvram") {
                return Ok(Verdict::warn(
                    "The firmware keeps its variables in a file on the host, which nothing measures.",
                )
                .because([domain.text_evidence(nvram)]));
            }
            let loader = domain.find("os/loader");
            let stateless = loader.is_some_and(|loader| {
                loader.attribute("stateless") == Some("yes") || loader.attribute("type") == Some("rom")
            });
            if stateless {
                return Ok(Verdict::pass("The firmware keeps no state on the host."));
            }
            Err(Gap::new("/domain/os/loader", "the definition leaves it to libvirt which firmware the VM gets"))
        })
    }),
};
