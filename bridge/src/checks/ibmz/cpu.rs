// SPDX-License-Identifier: LGPL-2.1-or-later
//! The processor that a VM of IBM Z sees.

use super::{only, only_secure};
use crate::checks::domain::children;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static UNPACK: Check = Check {
    id: "z.cpu-unpack",
    title: "The protected VM's processor can unpack its boot image",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &["setting-up-ibm-secure-execution-on-ibm-z", "https://libvirt.org/kbase/s390_protected_virt.html"],
    why: "A guest that does not see the facility `unpack` cannot enter its protection: it boots in the clear, or not at all.",
    fix: "Run `virt-xml VM --edit --cpu host-model`, or add `<feature policy='require' name='unpack'/>` to the `<cpu>`. See that \
          `virsh domcapabilities` lists the feature.",
    impact: "With the host's model the VM runs on hosts of the same or a later generation only.",
    apply: Apply::NextStart,
    needs: "<cpu> and <launchSecurity> in the definition",
    judge: Judge::Definition(|facts, _, domain| only_secure(facts, domain, || unpack(domain))),
};

/// What a `<cpu>` says about one feature.
enum Feature {
    On,
    Off,
    /// It depends on the model.
    Unsaid,
}

fn feature(domain: &Domain, name: &str) -> Result<Feature, Gap> {
    let gap = || domain.gap("cpu", "mode", "the definition names no processor, so that libvirt chooses one");
    let cpu = domain.find("cpu").ok_or_else(gap)?;
    let named = children(cpu, "feature").filter(|feature| feature.attribute("name") == Some(name)).last();
    Ok(match (cpu.attribute("mode"), named.map(|feature| feature.attribute("policy").unwrap_or("require"))) {
        (_, Some("disable" | "forbid")) => Feature::Off,
        (Some("host-model" | "host-passthrough" | "maximum"), _) | (_, Some("require" | "force")) => Feature::On,
        _ => Feature::Unsaid,
    })
}

fn model<'a>(domain: &'a Domain) -> &'a str {
    domain.text("cpu/model").unwrap_or("(none)")
}

fn unpack(domain: &Domain) -> Judged {
    let verdict = match feature(domain, "unpack")? {
        Feature::On => return Ok(Verdict::pass("The VM's processor can unpack an encrypted boot image.")),
        Feature::Off => Verdict::fail("The definition takes the feature unpack away from the VM's processor."),
        // A base model has no facility but those that all machines of its kind have.
        Feature::Unsaid if model(domain).ends_with("-base") => {
            Verdict::fail(format!("The processor model {} does not have the feature unpack.", model(domain)))
        }
        Feature::Unsaid => Verdict::warn(format!(
            "The definition does not ask for the feature unpack, and its processor model {} may lack it.",
            model(domain)
        )),
    };
    Ok(verdict.because(domain.find("cpu").map(|cpu| domain.evidence(cpu, "mode"))))
}

/// Facilities against Spectre: the branch predictor's state can be shielded (`bpb`), and switched off for a task (`ppa15`).
/// QEMU counts `bpb` as obsolete, so that later machines do not offer it.
const SPECTRE: [&str; 2] = ["ppa15", "bpb"];

pub static SPECTRE_FEATURES: Check = Check {
    id: "z.spectre-features",
    title: "The guest has the processor's help against Spectre",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &[
        "https://docs.redhat.com/ja/documentation/red_hat_enterprise_linux/8/html/configuring_and_managing_virtualization/next-steps-getting-started-with-virtualization-in-rhel-8-on-ibm-z",
    ],
    why: "The guest's kernel can keep its own processes from spying on it and on each other (Spectre) only with facilities that its processor shows.",
    fix: "Run `virt-xml VM --edit --cpu host-model`, or add `<feature policy='require' name='ppa15'/>` and `bpb` to the `<cpu>` as far as \
          `virsh domcapabilities` lists them.",
    impact: "With the host's model the VM runs on hosts of the same or a later generation only. The mitigation itself costs some speed.",
    apply: Apply::NextStart,
    needs: "<cpu> in the definition, and the host's processor in libvirt's domain capabilities",
    judge: Judge::Definition(|facts, _, domain| only(facts, domain, || spectre(facts, domain))),
};

fn spectre(facts: &Facts, domain: &Domain) -> Judged {
    let mut missing = Vec::new();
    for name in SPECTRE {
        if !matches!(feature(domain, name)?, Feature::On) {
            missing.push(name);
        }
    }
    if missing.is_empty() {
        return Ok(Verdict::pass("The VM's processor has what the host's has against Spectre."));
    }
    let host = &facts.libvirt.domain_features;
    let offered = &host.get()?.host_model;
    if !SPECTRE.iter().any(|name| offered.contains(*name)) {
        return Ok(Verdict::not_applicable("The host's processor has neither ppa15 nor bpb."));
    }
    missing.retain(|name| offered.contains(*name));
    if missing.is_empty() {
        return Ok(Verdict::pass("The VM's processor has what the host's has against Spectre."));
    }
    Ok(Verdict::fail(format!(
        "The definition does not give the guest what the host has against Spectre: {}.",
        missing.join(", ")
    ))
    .because(domain.find("cpu").map(|cpu| domain.evidence(cpu, "mode")))
    .and(host.origin(), missing.join(", ")))
}
