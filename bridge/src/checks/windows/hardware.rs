// SPDX-License-Identifier: LGPL-2.1-or-later
//! Standard hardware security: Q35, UEFI, Secure Boot, TPM 2.0, and what the host needs for them.

use super::only;
use crate::checks::domain::child;
use crate::checks::vm::tpm::version;
use crate::checks::vm::{arch, firmware, is_x86, machine};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const SLUG: &str = "enabling-standard-hardware-security-on-windows-virtual-machines";

pub static Q35: Check = Check {
    id: "win.q35",
    title: "The Windows guest has the Q35 machine type",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG],
    why: "Windows reaches its standard hardware security, with Secure Boot that malware in the guest cannot switch off, only on Q35.",
    fix: "Run `virt-xml VM --convert-to-q35` where your virt-manager has it; otherwise install the guest anew with \
          `virt-install --machine q35`.",
    impact: "The disk controllers and PCI addresses change; Windows may need one start in safe mode.",
    apply: Apply::NextStart,
    needs: "<os><type> and the guest's operating system in the definition",
    judge: Judge::Definition(|facts, vm, domain| only(vm, domain, || q35(facts, domain))),
};

fn q35(facts: &Facts, domain: &Domain) -> Judged {
    if !is_x86(arch(facts, domain)?) {
        return Ok(Verdict::not_applicable("Q35 is a machine type of x86, and this VM has another architecture."));
    }
    let machine = machine(domain)?;
    if machine.contains("q35") {
        return Ok(Verdict::pass("The machine type is Q35."));
    }
    let evidence = domain.find("os/type").map(|node| domain.evidence(node, "machine"));
    Ok(Verdict::fail(format!("The machine type is {machine}, but Windows needs Q35 for its hardware security."))
        .because(evidence))
}

pub static UEFI: Check = Check {
    id: "win.uefi",
    title: "The Windows guest boots with UEFI",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG],
    why: "With BIOS firmware there is no Secure Boot, no measured start for BitLocker, and no memory integrity: malware can start below Windows.",
    fix: "Convert the system disk in the guest with `mbr2gpt /convert /allowFullOS`, shut it down, and run `virt-xml VM --edit --boot \
          uefi`. Or install the guest anew with `virt-install --boot uefi`.",
    impact: "Without the conversion of the disk the guest does not start any more. Take a backup first.",
    apply: Apply::NextStart,
    needs: "<os> with its firmware and loader, and the guest's operating system, in the definition",
    judge: Judge::Definition(|_, vm, domain| only(vm, domain, || uefi(domain))),
};

fn uefi(domain: &Domain) -> Judged {
    let loader = domain.find("os/loader");
    match (domain.attribute("os", "firmware"), loader.map(|loader| loader.attribute("type"))) {
        (Some("efi"), _) | (None, Some(Some("pflash"))) => Ok(Verdict::pass("The VM boots with UEFI firmware.")),
        (None, Some(_)) => {
            Err(domain.gap("os/loader", "type", "what the firmware image is that the definition names was not read"))
        }
        (firmware, _) => {
            let evidence = match (firmware, domain.find("os")) {
                (Some(_), Some(os)) => domain.evidence(os, "firmware"),
                _ => domain.absence("os/@firmware"),
            };
            Ok(Verdict::fail("Windows boots with BIOS firmware, without Secure Boot.").because([evidence]))
        }
    }
}

pub static SECURE_BOOT: Check = Check {
    id: "win.secure-boot",
    title: "Secure Boot is enforced for the Windows guest",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG, "https://libvirt.org/kbase/secureboot.html"],
    why: "Without Secure Boot the firmware starts any boot loader, so that malware that was administrator once stays below Windows, where no \
          virus scanner finds it. Memory integrity and Credential Guard rest on it.",
    fix: "As for vm.secure-boot: run `virsh edit VM`, demand the firmware features secure-boot and enrolled-keys, delete `<loader>` and \
          `<nvram>`, shut the VM down and run `virsh start VM --reset-nvram`. Then look that Secure Boot is on in the guest's UEFI settings.",
    impact: "Unsigned drivers and boot loaders do not start any more. BitLocker asks for its recovery key once.",
    apply: Apply::NextStart,
    needs: "<os> with its firmware features and loader, and the guest's operating system, in the definition",
    judge: Judge::Definition(|facts, vm, domain| {
        only(vm, domain, || judged(&firmware::SECURE_BOOT, facts, vm, domain))
    }),
};

/// What another check says about the same definition.
fn judged(check: &Check, facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    match check.judge {
        Judge::Definition(judge) => judge(facts, vm, domain),
        _ => Err(Gap::new(check.id, "it is not judged on a definition")),
    }
}

pub static TPM2: Check = Check {
    id: "win.tpm2",
    title: "The Windows guest has an emulated TPM 2.0",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG, "https://libvirt.org/formatdomain.html#tpm-device"],
    why: "BitLocker, Credential Guard and Windows Hello keep their keys in a TPM. Without one a copied disk image is an open book; Windows 11 \
          does not even install.",
    fix: "Run `virt-xml VM --add-device --tpm backend.type=emulator,backend.version=2.0,model=tpm-crb`; remove another TPM before with \
          `virt-xml VM --remove-device --tpm all`.",
    impact: "Removing or replacing a TPM loses the keys in it: have BitLocker's recovery key at hand. The TPM's state in \
             /var/lib/libvirt/swtpm belongs into the backup.",
    apply: Apply::NextStart,
    needs: "//tpm and the guest's operating system in the definition",
    judge: Judge::Definition(|facts, vm, domain| only(vm, domain, || tpm2(facts, domain))),
};

fn tpm2(facts: &Facts, domain: &Domain) -> Judged {
    // libvirt allows one that the guest can use as such.
    let Some(tpm) = domain.devices("tpm").next() else {
        return Ok(Verdict::fail("Windows has no TPM.").because([domain.absence("devices/tpm")]));
    };
    let model = domain.evidence(tpm, "model");
    let Some(backend) = child(tpm, "backend") else {
        return Err(Gap::new(domain.path(tpm), "the definition names no backend of the TPM"));
    };
    let kind = domain.evidence(backend, "type");
    Ok(match backend.attribute("type") {
        Some("emulator") => match version(facts, domain, tpm, backend)? {
            "2.0" if tpm.attribute("model") == Some("tpm-tis") => {
                Verdict::warn("The guest's TPM 2.0 has the old interface (TIS); Red Hat's guide asks for tpm-crb.")
                    .because([model])
            }
            "2.0" => Verdict::pass("The guest has an emulated TPM 2.0."),
            version => {
                Verdict::fail(format!("The guest's TPM is version {version}, and Windows needs 2.0.")).because([model])
            }
        },
        Some("passthrough") => {
            Verdict::warn("The guest uses the host's own TPM instead of one of its own.").because([kind])
        }
        _ => return Err(Gap::new(domain.path(backend), "the TPM's backend runs outside of libvirt's control")),
    })
}

pub static HOST_PACKAGES: Check = Check {
    id: "win.host-packages",
    title: "The host has what Windows guests need",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG],
    why: "Without a TPM emulator and without firmware for Secure Boot on the host, its Windows guests cannot have standard hardware security, \
          however they are defined.",
    fix: "Run `dnf install swtpm libtpms edk2-ovmf`; on Debian and Ubuntu `apt install swtpm swtpm-tools ovmf`.",
    impact: "None: running VMs do not change.",
    apply: Apply::HostNow,
    needs: "/usr/bin/swtpm, the descriptions in /usr/share/qemu/firmware, and the guest's operating system in the definition",
    judge: Judge::Definition(|facts, vm, domain| only(vm, domain, || host_packages(facts, domain))),
};

fn host_packages(facts: &Facts, domain: &Domain) -> Judged {
    if !is_x86(arch(facts, domain)?) {
        return Ok(Verdict::not_applicable("Red Hat's chapter is about x86, and this VM has another architecture."));
    }
    let support = &facts.host.windows_support;
    let message = match (*support.swtpm.get()?, *support.secure_firmware.get()?) {
        (true, true) => return Ok(Verdict::pass("The host has swtpm, and UEFI firmware with Secure Boot.")),
        (false, true) => "The host lacks swtpm, so that this Windows guest can have no TPM.",
        (true, false) => {
            "The host lacks UEFI firmware with Secure Boot and enrolled keys, which this Windows guest needs."
        }
        (false, false) => {
            "The host lacks both swtpm and UEFI firmware with Secure Boot, which this Windows guest needs."
        }
    };
    Ok(Verdict::fail(message).with(&support.swtpm).with(&support.secure_firmware))
}

pub static STANDARD: Check = Check {
    id: "win.standard-hw-security",
    title: "The Windows guest can reach standard hardware security",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG],
    why: "Standard hardware security is what Windows builds its own defences on. It needs Q35, UEFI, Secure Boot and a TPM 2.0 together; with \
          one of them missing malware can start below Windows, or read the disk.",
    fix: "Mend what win.q35, win.uefi, win.secure-boot and win.tpm2 find. Then open Windows Security, Device Security in the guest: it must say \
          that the device meets the requirements for standard hardware security.",
    impact: "As theirs.",
    apply: Apply::NextStart,
    needs: "What win.q35, win.uefi, win.secure-boot and win.tpm2 look at",
    judge: Judge::Definition(|facts, vm, domain| only(vm, domain, || standard(facts, vm, domain))),
};

const MEMBERS: [(&str, &Check); 4] = [
    ("the Q35 machine type", &Q35),
    ("UEFI firmware", &UEFI),
    ("enforced Secure Boot", &SECURE_BOOT),
    ("a TPM 2.0 of its own", &TPM2),
];

pub(super) fn standard(facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    if !is_x86(arch(facts, domain)?) {
        return Ok(Verdict::not_applicable("Red Hat's chapter is about x86, and this VM has another architecture."));
    }
    let (mut lacking, mut evidence, mut unknown) = (Vec::new(), Vec::new(), None);
    for (name, check) in MEMBERS {
        match judged(check, facts, vm, domain) {
            Ok(verdict) if verdict.outcome == Outcome::Fail => {
                lacking.push(name);
                evidence.extend(verdict.evidence);
            }
            Ok(verdict) if verdict.outcome == Outcome::Unknown => unknown = unknown.or(Some(Ok(verdict))),
            Ok(_) => {}
            Err(gap) => unknown = unknown.or(Some(Err(gap))),
        }
    }
    if !lacking.is_empty() {
        return Ok(Verdict::fail(format!("The VM lacks {} for standard hardware security.", lacking.join(", ")))
            .because(evidence));
    }
    let ready =
        "The VM has what standard hardware security needs. Confirm it in the guest: Windows Security, Device Security.";
    unknown.unwrap_or_else(|| Ok(Verdict::pass(ready)))
}
