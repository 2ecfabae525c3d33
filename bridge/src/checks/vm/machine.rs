// SPDX-License-Identifier: LGPL-2.1-or-later
//! What kind of machine QEMU makes, and by what means.

use super::{arch, is_x86, machine};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static Q35: Check = Check {
    id: "vm.machine-q35",
    title: "The machine type is Q35",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &["creating-a-secureboot-virtual-machine", "https://www.qemu.org/docs/master/system/security.html"],
    why: "Secure Boot that the guest cannot switch off, and what Windows 11 demands, need the Q35 machine type. The older i440FX \
          machine also brings devices, such as a floppy controller, that no guest needs today. QEMU itself supports both for \
          security; some guides call i440FX a defect, which it is not.",
    fix: "Run `virt-xml VM --convert-to-q35` where your virt-manager has it; otherwise install the guest anew with \
          `virt-install --machine q35`.",
    impact: "PCI addresses and the disk controllers change, so that the guest may name its network interfaces anew; Windows may need one start in safe mode.",
    apply: Apply::NextStart,
    needs: "<os><type> in the definition",
    judge: Judge::Definition(|facts, _, domain| q35(facts, domain)),
};

fn q35(facts: &Facts, domain: &Domain) -> Judged {
    let arch = arch(facts, domain)?;
    if !is_x86(arch) {
        return Ok(Verdict::not_applicable(format!("Q35 is a machine type of x86, and this VM is {arch}.")));
    }
    let machine = machine(domain)?;
    let evidence = domain.find("os/type").map(|node| domain.evidence(node, "machine"));
    if machine.contains("q35") {
        return Ok(Verdict::pass(format!("The machine type is {machine}.")).because(evidence));
    }
    Ok(match wants_q35(domain) {
        Some((what, reason)) => Verdict::warn(format!("The machine type is {machine}, but {what} needs Q35."))
            .because(evidence)
            .because([reason]),
        None => Verdict::info(format!("The machine type is {machine}, on which Secure Boot cannot be enforced."))
            .because(evidence),
    })
}

/// What in the definition asks for a Q35 machine.
fn wants_q35(domain: &Domain) -> Option<(&'static str, Evidence)> {
    if let Some(os) = domain.find("os").filter(|os| os.attribute("firmware") == Some("efi")) {
        return Some(("Secure Boot with its UEFI firmware", domain.evidence(os, "firmware")));
    }
    if let Some(loader) = domain.find("os/loader").filter(|loader| loader.attribute("type") == Some("pflash")) {
        return Some(("Secure Boot with its UEFI firmware", domain.evidence(loader, "type")));
    }
    if let Some(tpm) = domain.devices("tpm").next() {
        return Some(("the measured boot that its TPM is for", domain.evidence(tpm, "model")));
    }
    domain.guest_os().filter(|os| os.starts_with("http://microsoft.com/win"))?;
    Some(("the standard hardware security of Windows", domain.guest_os_evidence()?))
}

pub static HARDWARE_ACCEL: Check = Check {
    id: "vm.hardware-accel",
    title: "The processor separates guest and host",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &["https://www.qemu.org/docs/master/system/security.html"],
    why: "With KVM the processor keeps the guest apart from the host. QEMU's software emulation (TCG) translates the guest's \
          instructions inside the QEMU process; QEMU's developers say that nobody must rely on it to contain a hostile guest, and \
          do not treat a guest's break-out from it as a security bug.",
    fix: "Enable VT-x or AMD-V in the host's firmware, or nested virtualization where the host is a VM itself, see that /dev/kvm \
          exists, and run `virt-xml VM --edit --type kvm`.",
    impact: "The guest then must have the host's architecture. It runs much faster.",
    apply: Apply::NextStart,
    needs: "<domain type> in the definition",
    judge: Judge::Definition(|_, vm, domain| Ok(hardware_accel(vm, domain))),
};

fn hardware_accel(vm: &Vm, domain: &Domain) -> Verdict {
    let evidence = [domain.evidence(domain.root(), "type")];
    match domain.root().attribute("type") {
        Some("kvm" | "hvf") => Verdict::pass("The guest runs on the processor's virtualization.").because(evidence),
        Some("qemu") => {
            let message =
                "QEMU emulates the processor in software (TCG), which is not made to contain a hostile guest.";
            // In a session the process has no more than its user's rights, and its user started it.
            if matches!(vm.connection.as_str(), "session" | "qemu:///session") {
                Verdict::warn(message).because(evidence)
            } else {
                Verdict::fail(message).because(evidence)
            }
        }
        Some(other) => {
            Verdict::not_applicable(format!("QEMU does not run this VM: its type is {other}.")).because(evidence)
        }
        None => Verdict::unknown("The definition does not say what runs this VM.").because(evidence),
    }
}
