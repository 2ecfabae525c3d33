// SPDX-License-Identifier: LGPL-2.1-or-later
//! Machine types: which ones QEMU's developers keep secure, and which ones they are about to remove.

use super::{arch, machine};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static SUPPORTED: Check = Check {
    id: "vm.machine-supported",
    title: "QEMU's developers keep the machine type secure",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &["https://www.qemu.org/docs/master/system/security.html#virtualization-use-case"],
    why: "QEMU can play hundreds of boards. Its developers treat a guest's break-out as a security bug only for the few machine types \
          that are made for virtualization, and say that the others give no guarantee of isolation.",
    fix: "Install the guest anew on one of the covered machine types: `q35` on x86, `virt` on aarch64, RISC-V and LoongArch, \
          `s390-ccw-virtio` on s390x, `pseries` on ppc64.",
    impact: "The guest sees other hardware, so that it must be installed anew, or at least be given other drivers.",
    apply: Apply::NextStart,
    needs: "<os><type> and the domain's type in the definition",
    judge: Judge::Definition(|facts, _, domain| supported(facts, domain)),
};

fn supported(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(verdict) = not_of_qemu(domain) {
        return Ok(verdict);
    }
    let arch = arch(facts, domain)?;
    let machine = machine(domain)?;
    if is_covered(arch, machine) {
        return Ok(Verdict::pass("QEMU's security policy covers the machine type."));
    }
    Ok(Verdict::fail(format!(
        "QEMU's security policy does not cover the machine type {machine} ({arch}): a guest's break-out from it counts as no \
         security bug."
    ))
    .because(domain.find("os/type").map(|node| domain.evidence(node, "machine"))))
}

/// As QEMU's `docs/system/security.rst` lists them. Versions and distributors add to the names: `pc-q35-rhel9.4.0`.
fn is_covered(arch: &str, machine: &str) -> bool {
    let families: &[&str] = match arch {
        "x86_64" | "i686" => &["q35", "pc", "microvm", "xenfv", "xenpv", "xenpvh"],
        "aarch64" | "riscv32" | "riscv64" | "loongarch64" => &["virt"],
        "s390x" => &["s390-ccw-virtio"],
        "ppc64" | "ppc64le" => &["pseries"],
        _ => &[],
    };
    families
        .iter()
        .any(|family| machine.strip_prefix(family).is_some_and(|rest| rest.is_empty() || rest.starts_with('-')))
}

pub static DEPRECATED: Check = Check {
    id: "vm.machine-deprecated",
    title: "The machine type is not deprecated",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Firmware,
    basis: &["https://libvirt.org/formatcaps.html", "https://github.com/vmware/vcf-security-and-compliance-guidelines"],
    why: "An old machine type keeps the virtual hardware as it was, mistakes of its devices included, and is tested least. QEMU removes \
          deprecated ones: after that update the VM does not start.",
    fix: "Run `virt-xml VM --edit --boot refresh-machine-type=yes`, which takes the newest version of the same type, shut the VM down and \
          start it again.",
    impact: "Small changes of the virtual hardware; Windows may find new devices. The VM cannot move to a host with an older QEMU.",
    apply: Apply::NextStart,
    needs: "<os><type> in the definition, and the machine types in libvirt's capabilities",
    judge: Judge::Definition(|facts, _, domain| deprecated(facts, domain)),
};

fn deprecated(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(verdict) = not_of_qemu(domain) {
        return Ok(verdict);
    }
    let arch = arch(facts, domain)?;
    let machine = machine(domain)?;
    let types = &facts.libvirt.machine_types;
    let deprecated =
        types.get()?.get(arch).and_then(|types| types.get(machine)).ok_or_else(|| {
            Gap::new(types.origin(), format!("this host's QEMU has no machine type {machine} ({arch})"))
        })?;
    let evidence = domain.find("os/type").map(|node| domain.evidence(node, "machine"));
    Ok(if *deprecated {
        Verdict::warn(format!("The machine type {machine} is deprecated: a later QEMU will not have it any more."))
            .because(evidence)
            .and(types.origin(), format!("{machine}: deprecated"))
    } else {
        Verdict::pass("libvirt does not call the machine type deprecated.").because(evidence)
    })
}

/// Another hypervisor's VM.
fn not_of_qemu(domain: &Domain) -> Option<Verdict> {
    let kind = domain.root().attribute("type").filter(|kind| !matches!(*kind, "kvm" | "qemu" | "hvf"))?;
    Some(Verdict::not_applicable(format!("QEMU does not run this VM: its type is {kind}.")))
}
