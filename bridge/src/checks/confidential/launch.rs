// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether a VM's memory is encrypted, and whether its owner can prove that.

use super::{only, virtio};
use crate::checks::domain::child;
use crate::checks::vm::{arch, is_x86};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::domain_features::DomainFeatures;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html#launch-security";
const SEV: &str = "https://libvirt.org/kbase/launch_security_sev.html";

pub static LAUNCH: Check = Check {
    id: "cc.launch-security",
    title: "The VM's memory is encrypted",
    severity: Severity::Medium,
    profile: Profile::Confidential,
    area: Area::Encryption,
    basis: &[FORMAT, SEV],
    why: "Without it whoever is root on the host, or broke out of another guest, reads all of this VM's memory: keys, passwords, data.",
    fix: "Install the VM with `virt-install --boot uefi --launchSecurity sev,policy=0x07`, or `sev-snp` or `tdx` where \
          `virsh domcapabilities` lists them.",
    impact: "Migration, suspend to disk and devices that are handed through do not work with it, and the guest becomes somewhat slower. The \
             guest's kernel must know it.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> in the definition, and libvirt's domain capabilities or else the parameters of kvm_amd and kvm_intel",
    judge: Judge::Definition(|facts, _, domain| launch(facts, domain)),
};

fn launch(facts: &Facts, domain: &Domain) -> Judged {
    if !is_x86(arch(facts, domain)?) {
        return Ok(Verdict::not_applicable("SEV and TDX are features of x86, and this VM has another architecture."));
    }
    if let Some(security) = domain.find("launchSecurity") {
        let evidence = [domain.evidence(security, "type")];
        return match security.attribute("type") {
            Some("sev" | "sev-snp" | "tdx") => Ok(Verdict::pass("The VM's memory is encrypted.").because(evidence)),
            _ => Err(Gap::new(domain.path(security), "what this kind of launch security protects is not known here")),
        };
    }
    let (can, evidence) = host_can(facts)?;
    if !can {
        return Ok(Verdict::not_applicable("The host cannot encrypt the memory of its VMs."));
    }
    Ok(Verdict::fail("The VM's memory is not encrypted, although the host could encrypt it.")
        .because([domain.absence("launchSecurity"), evidence]))
}

/// By libvirt's word, or else by the processor and KVM.
fn host_can(facts: &Facts) -> Result<(bool, Evidence), Gap> {
    let features = &facts.libvirt.domain_features;
    if let Some(can) = features.value().and_then(DomainFeatures::encrypts_x86) {
        let value = if can { "features: supported" } else { "features: not supported" };
        return Ok((can, Evidence { origin: features.origin().to_owned(), value: value.to_owned() }));
    }
    let host = &facts.host.memory_encryption;
    let (Ok(sev), Ok(tdx)) = (host.sev.get(), host.tdx.get()) else {
        let reason = "libvirt does not say whether the host can encrypt the memory of its VMs";
        return Err(features.get().err().unwrap_or_else(|| Gap::new(features.origin(), reason)));
    };
    let on = if *sev == Some(true) { &host.sev } else { &host.tdx };
    let evidence = Evidence { origin: on.origin().to_owned(), value: "on".to_owned() };
    Ok((*sev == Some(true) || *tdx == Some(true), evidence))
}

pub static ATTESTATION: Check = Check {
    id: "cc.attestation",
    title: "The owner can verify what was started",
    severity: Severity::Medium,
    profile: Profile::Confidential,
    area: Area::Encryption,
    basis: &[FORMAT, SEV],
    why: "Encryption alone does not say who started what: the host could start other firmware, or no encryption at all, and pretend. Only a \
          measurement that the processor signs, and that the owner compares before handing over secrets, does.",
    fix: "For SEV, give `<dhCert>` and `<session>` that the owner made with `sevctl session`, and verify with `virt-qemu-sev-validate`. For \
          SEV-SNP give `hostData`, or `<idBlock>` with `<idAuth>`. For TDX add `<quoteGenerationService/>`. RHEL 9 excludes SEV's attestation from its support.",
    impact: "The owner has to be there, or a service of his, whenever the VM starts.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev", "sev-snp", "tdx"], |node, kind| {
            let has = |name| child(node, name).is_some();
            let (ready, lacking) = match kind {
                "sev" => (has("dhCert") && has("session"), "dhCert and session"),
                "sev-snp" => (has("hostData") || has("idBlock") && has("idAuth"), "hostData, nor idBlock and idAuth"),
                _ => (has("quoteGenerationService"), "quoteGenerationService"),
            };
            Ok(if ready {
                Verdict::pass("The VM's owner can verify what was started.")
            } else {
                Verdict::warn(format!(
                    "The definition has no {lacking}, so that the owner cannot verify what was started."
                ))
                .because([domain.evidence(node, "type")])
            })
        })
    }),
};

pub static VIRTIO_IOMMU: Check = Check {
    id: "cc.virtio-iommu",
    title: "VirtIO devices of an encrypted VM use memory that it shares on purpose",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Encryption,
    basis: &[SEV],
    why: "An encrypted guest shares only small buffers with QEMU. A device with `iommu='off'` reads the guest's encrypted memory and \
          finds nothing but noise: the guest has no disk or network, and people are tempted to give up the protection.",
    fix: "Run `virsh edit VM` and write `<driver iommu='on'/>` in each VirtIO device. QEMU 6.0 and later does so by itself where nothing is said.",
    impact: "Disk and network become a little slower: data are copied through those buffers.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> and the <driver> of all VirtIO devices in the definition",
    judge: Judge::Definition(|_, _, domain| {
        only(domain, &["sev", "sev-snp", "tdx"], |_, kind| {
            Ok(virtio::off(domain).unwrap_or_else(|| {
            // SEV-SNP and TDX are younger than QEMU 6.0.
            if kind != "sev" || virtio::all_on(domain) {
                Verdict::pass("No VirtIO device has its IOMMU switched off.")
            } else {
                Verdict::info("The definition does not say iommu='on' for all VirtIO devices; QEMU 6.0 and later does so by itself.")
            }
        }))
        })
    }),
};
