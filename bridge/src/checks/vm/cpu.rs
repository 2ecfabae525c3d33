// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guest's processor: whether it has what protects against side channels, and whether it may run VMs of its own.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::{Tally, arch, is_x86};
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const MODELS: &str = "https://www.qemu.org/docs/master/system/i386/cpu.html";
const FORMAT: &str = "https://libvirt.org/formatdomain.html";

/// Something of the processor with which a kernel closes a side channel.
struct Protection {
    name: &'static str,
    /// Any of these flags in the host's `/proc/cpuinfo`: the host has it.
    host: &'static [&'static str],
    /// Any of these features, in libvirt's names: the guest has it, or does not need it.
    guest: &'static [&'static str],
}

const PROTECTIONS: [Protection; 4] = [
    Protection {
        name: "barriers against indirect branches (spec-ctrl or ibpb, Spectre v2)",
        host: &["ibrs", "ibpb"],
        guest: &["spec-ctrl", "ibrs", "ibpb"],
    },
    Protection { name: "barriers between hyper-threads (stibp)", host: &["stibp"], guest: &["stibp", "amd-stibp"] },
    Protection {
        name: "the switch for speculative stores (ssbd, Spectre v4)",
        host: &["ssbd"],
        guest: &["ssbd", "amd-ssbd", "virt-ssbd", "ssb-no", "amd-no-ssb"],
    },
    Protection {
        name: "the command that clears buffers (md-clear, MDS)",
        host: &["md_clear"],
        guest: &["md-clear", "mds-no"],
    },
];

/// What a definition says about the processor.
#[derive(Clone, Copy)]
enum Mode<'a, 'i> {
    /// All that KVM can give of the host's.
    Host(Node<'a, 'i>),
    Named(Node<'a, 'i>, &'a str),
    /// QEMU's default, which is the oldest processor that it knows.
    Default,
}

fn mode<'a, 'i>(domain: &'a Domain<'i>) -> Mode<'a, 'i> {
    let Some(cpu) = domain.find("cpu") else { return Mode::Default };
    match cpu.attribute("mode") {
        Some("host-passthrough" | "host-model" | "maximum") => Mode::Host(cpu),
        _ => match child(cpu, "model").and_then(|model| Some((model, model.text()?.trim()))) {
            Some((model, name)) if !name.is_empty() => Mode::Named(model, name),
            _ => Mode::Default,
        },
    }
}

/// Names of features with one of the policies.
fn features<'a, 'i>(domain: &'a Domain<'i>, policies: &'a [&'a str]) -> impl Iterator<Item = Node<'a, 'i>> {
    let features = domain.find("cpu").into_iter().flat_map(|cpu| children(cpu, "feature"));
    features.filter(|feature| policies.contains(&feature.attribute("policy").unwrap_or("require")))
}

const OFF: &[&str] = &["disable", "forbid"];
const ON: &[&str] = &["require", "force", "optional"];

/// Why these checks say nothing about a VM.
fn beside_the_point(facts: &Facts, domain: &Domain) -> Result<Option<Verdict>, Gap> {
    if domain.root().attribute("type") == Some("qemu") {
        return Ok(Some(
            Verdict::not_applicable("QEMU emulates this VM's processor in software.")
                .because([domain.evidence(domain.root(), "type")]),
        ));
    }
    let arch = arch(facts, domain)?;
    if is_x86(arch) {
        return Ok(None);
    }
    Ok(Some(Verdict::not_applicable(format!(
        "What is looked for are features of x86 processors, and this VM is {arch}."
    ))))
}

pub static MITIGATION_FLAGS: Check = Check {
    id: "vm.cpu-mitigation-flags",
    title: "The guest sees what protects the processor against side channels",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[MODELS, FORMAT],
    why: "A guest's kernel can only use what its processor says that it has. Without these features one program in the guest reads the memory of another, \
          or the kernel's, though the host's processor could prevent it.",
    fix: "Run `virt-xml VM --edit --cpu host-model,clearxml=yes`. Where VMs migrate between hosts that differ, choose the newest model that all of them have \
          (`virsh hypervisor-cpu-baseline`).",
    impact: "The guest sees another processor: Windows may want to be activated anew, and the VM migrates only to hosts that have the same features.",
    apply: Apply::NextStart,
    needs: "<cpu> in the definition, flags in /proc/cpuinfo, libvirt's models of processors in /usr/share/libvirt/cpu_map",
    judge: Judge::Definition(|facts, _, domain| mitigation_flags(facts, domain)),
};

fn mitigation_flags(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(verdict) = beside_the_point(facts, domain)? {
        return Ok(verdict);
    }
    let (model, name) = match mode(domain) {
        Mode::Host(cpu) => {
            return Ok(Verdict::pass("The guest's processor is the host's, with all that KVM can give of it.")
                .because([domain.evidence(cpu, "mode")]));
        }
        Mode::Default => {
            return Ok(Verdict::warn(
                "The definition names no processor, and QEMU's default has none of what protects against side channels.",
            )
            .because([domain.absence("cpu/model")]));
        }
        Mode::Named(model, name) => (model, name),
    };
    let host = &facts.host.cpu.flags;
    let flags = host.get()?;
    let named = |policies| features(domain, policies).filter_map(|feature| feature.attribute("name")).collect();
    let (on, off): (BTreeSet<&str>, BTreeSet<&str>) = (named(ON), named(OFF));
    // What the definition itself switches off is for `vm.cpu-mitigation-disabled` to judge.
    let lacks = |protection: &&Protection| {
        protection.host.iter().any(|flag| flags.contains(*flag))
            && !protection.guest.iter().any(|feature| on.contains(feature) || off.contains(feature))
    };
    let mut lacking: Vec<&Protection> = PROTECTIONS.iter().filter(lacks).collect();
    if !lacking.is_empty() {
        let models = &facts.host.cpu.models;
        let missing = || Gap::new(models.origin(), format!("libvirt does not describe the processor {name} here"));
        let model = models.get()?.get(name).ok_or_else(missing)?;
        lacking.retain(|protection| !protection.guest.iter().any(|feature| model.contains(*feature)));
    }
    let evidence = domain.text_evidence(model);
    if lacking.is_empty() {
        return Ok(Verdict::pass(format!(
            "The guest's processor {name} has what the host's has against side channels."
        ))
        .because([evidence]));
    }
    let what = lacking.iter().map(|protection| protection.name).collect::<Vec<_>>().join(", ");
    let has =
        lacking.iter().flat_map(|protection| protection.host.iter().copied().filter(|flag| flags.contains(*flag)));
    let has = has.collect::<Vec<_>>().join(" ");
    Ok(Verdict::fail(format!("The guest's processor {name} lacks what the host's has against side channels: {what}."))
        .because([evidence])
        .and(host.origin(), has))
}

pub static MITIGATION_DISABLED: Check = Check {
    id: "vm.cpu-mitigation-disabled",
    title: "The definition switches off nothing that protects against side channels",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[MODELS, FORMAT],
    why: "Somebody took a feature away from the guest with which its kernel would close a side channel: one program in the guest then reads the memory of \
          another, or the kernel's.",
    fix: "Run `virsh edit VM` and delete the `<feature policy='disable'>` from `<cpu>`.",
    impact: "The guest may become slower where it now uses the protection. It migrates only to hosts that have the feature.",
    apply: Apply::NextStart,
    needs: "<cpu> in the definition, flags in /proc/cpuinfo",
    judge: Judge::Definition(|facts, _, domain| mitigation_disabled(facts, domain)),
};

fn mitigation_disabled(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(verdict) = beside_the_point(facts, domain)? {
        return Ok(verdict);
    }
    let has = |feature: &str| features(domain, ON).any(|node| node.attribute("name") == Some(feature));
    let mut tally = Tally::default();
    for node in features(domain, OFF) {
        let Some(name) = node.attribute("name") else { continue };
        let Some(protection) = PROTECTIONS.iter().find(|protection| protection.guest.contains(&name)) else { continue };
        // Processors of different makers have different names for one thing; one of them is enough. A running VM's definition
        // lists what the host does not have as switched off, too.
        if protection.guest.iter().any(|feature| has(feature)) {
            continue;
        }
        let host = &facts.host.cpu.flags;
        let flags = host.get()?;
        if let Some(flag) = protection.host.iter().find(|flag| flags.contains(**flag)) {
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!(
                    "The definition takes {name} away from the guest, which the host's processor has."
                ))
                .because([domain.evidence(node, "name"), domain.evidence(node, "policy")])
                .and(host.origin(), *flag)
            });
        }
    }
    Ok(tally.finish(|| Verdict::pass("The definition switches off nothing that protects against side channels.")))
}

pub static NESTED: Check = Check {
    id: "vm.cpu-nested",
    title: "The guest cannot run VMs of its own",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Confinement,
    basis: &[
        "https://github.com/ComplianceAsCode/content",
        "https://docs.kernel.org/virt/kvm/x86/running-nested-guests.html",
    ],
    why: "To let a guest run VMs the host's kernel imitates the processor's virtualization: much intricate code that a guest talks to directly, and through which \
          guests have broken out into the host's kernel (CVE-2021-3653, CVE-2021-3656).",
    fix: "Run `virt-xml VM --edit --cpu host-model,disable=vmx` (on AMD: disable=svm). To switch it off for the whole host, see `host.kvm-nested`.",
    impact: "VMs, some emulators, and virtualization-based security of Windows stop working in the guest.",
    apply: Apply::NextStart,
    needs: "<cpu> in the definition, the parameter nested of kvm_intel, kvm_amd or kvm, flags in /proc/cpuinfo, \
            /usr/share/libvirt/cpu_map",
    judge: Judge::Definition(|facts, _, domain| nested(facts, domain)),
};

fn nested(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(verdict) = beside_the_point(facts, domain)? {
        return Ok(verdict);
    }
    let cpu = &facts.host.cpu;
    let nested = &facts.host.processor.nested;
    let evidence = match nested.get()? {
        Some(true) => Evidence { origin: nested.origin().to_owned(), value: "on".to_owned() },
        Some(false) => {
            return Ok(Verdict::pass("KVM lets no guest of this host run VMs of its own.").and(nested.origin(), "off"));
        }
        None => {
            return Ok(Verdict::pass("KVM is not loaded on this host, so that no guest can use its virtualization.")
                .and(nested.origin(), "(does not exist)"));
        }
    };
    let name = if cpu.flags.get()?.contains("svm") { "svm" } else { "vmx" };
    let is = |node: &Node| node.attribute("name") == Some(name);
    if let Some(node) = features(domain, OFF).find(is) {
        return Ok(Verdict::pass(format!("The guest's processor has no virtualization ({name})."))
            .because([domain.evidence(node, "policy")]));
    }
    let exposed = match mode(domain) {
        Mode::Host(cpu) => Some(domain.evidence(cpu, "mode")),
        mode => match features(domain, ON).find(is) {
            Some(node) => Some(domain.evidence(node, "name")),
            None => model_has(facts, domain, mode, name)?,
        },
    };
    let Some(exposed) = exposed else {
        return Ok(Verdict::pass(format!("The guest's processor has no virtualization ({name}).")));
    };
    let windows = domain.guest_os().is_some_and(|os| os.starts_with("http://microsoft.com/win"));
    let verdict = if windows {
        Verdict::info(format!(
            "The guest can run VMs of its own ({name}), which the virtualization-based security of Windows does."
        ))
    } else {
        Verdict::warn(format!("The guest can run VMs of its own ({name})."))
    };
    Ok(verdict.because([exposed, evidence]).because(if windows { domain.guest_os_evidence() } else { None }))
}

/// Evidence that a model of a processor has a feature.
fn model_has(facts: &Facts, domain: &Domain, mode: Mode, feature: &str) -> Result<Option<Evidence>, Gap> {
    let (name, evidence) = match mode {
        Mode::Named(model, name) => (name, domain.text_evidence(model)),
        // What QEMU calls its default on x86.
        _ => ("qemu64", domain.absence("cpu/model")),
    };
    let models = &facts.host.cpu.models;
    let missing = || Gap::new(models.origin(), format!("libvirt does not describe the processor {name} here"));
    Ok(models.get()?.get(name).ok_or_else(missing)?.contains(feature).then_some(evidence))
}
