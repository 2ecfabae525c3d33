// SPDX-License-Identifier: LGPL-2.1-or-later
//! Firmware: whether the guest's boot chain is verified.

use super::descriptor::{self, Firmware, Wanted, feature, is_enabled};
use super::{arch, machine};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static SECURE_BOOT: Check = Check {
    id: "vm.secure-boot",
    title: "Secure Boot is enforced",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[
        "best-practices-for-securing-virtual-machines",
        "creating-a-secureboot-virtual-machine",
        "https://libvirt.org/kbase/secureboot.html",
    ],
    why: "Without Secure Boot the firmware starts any boot loader. Whoever was root in the guest once can put a boot loader or \
          a kernel of their own below the operating system, where neither updates nor a virus scanner in the guest find it.",
    fix: "For a new VM use `virt-install --boot uefi,firmware.feature0.name=secure-boot,firmware.feature0.enabled=yes,\
          firmware.feature1.name=enrolled-keys,firmware.feature1.enabled=yes`. For a VM that boots with UEFI, run `virsh edit VM`, \
          set `<os firmware='efi'>` with `<firmware><feature enabled='yes' name='secure-boot'/><feature enabled='yes' \
          name='enrolled-keys'/></firmware>`, delete `<loader>` and `<nvram>`, shut it down and run `virsh start VM --reset-nvram`. \
          A guest that was installed with BIOS usually has to be installed anew.",
    impact: "A guest with an unsigned boot loader, kernel or driver does not start any more. `--reset-nvram` forgets the boot \
             entries of the guest. Secure Boot needs the Q35 machine type.",
    apply: Apply::NextStart,
    needs: "<os> with its firmware features and loader, and <launchSecurity>, in the definition; the firmware descriptors in \
            /usr/share/qemu/firmware and /etc/qemu/firmware where the definition does not demand the features by itself",
    judge: Judge::Definition(|facts, _, domain| secure_boot(facts, domain)),
};

fn secure_boot(facts: &Facts, domain: &Domain) -> Judged {
    let arch = arch(facts, domain)?;
    if arch != "x86_64" {
        return Ok(Verdict::not_applicable(format!("Secure Boot is for x86_64, and this VM is {arch}.")));
    }
    if let Some(security) = domain.find("launchSecurity") {
        return Ok(Verdict::not_applicable(
            "The guest's owner verifies its start by measurement (launch security) instead.",
        )
        .because([domain.evidence(security, "type")]));
    }
    let os = domain.find("os");
    let loader = domain.find("os/loader");
    let firmware = os.and_then(|os| os.attribute("firmware"));
    match (firmware, loader) {
        (Some("efi"), _) | (None, Some(_)) => {}
        (Some(_), _) => return Ok(bios().because(os.map(|os| domain.evidence(os, "firmware")))),
        (None, None) => return Ok(bios().because([domain.absence("os/@firmware"), domain.absence("os/loader")])),
    }
    let (secure, keys) = (feature(domain, "secure-boot"), feature(domain, "enrolled-keys"));
    let wanted = Wanted { secure_boot: is_enabled(secure), enrolled_keys: is_enabled(keys) };
    let evidence = [secure, keys].into_iter().flatten().map(|feature| domain.evidence(feature, "enabled"));
    Ok(match (wanted.secure_boot, wanted.enrolled_keys) {
        (Some(true), Some(true)) => {
            Verdict::pass("The definition demands UEFI firmware with Secure Boot and enrolled keys.").because(evidence)
        }
        (Some(false), _) => without().because(evidence),
        (_, Some(false)) => without_keys().because(evidence),
        _ => match descriptor::of_vm(facts, domain, arch, wanted) {
            Ok(firmware) => described(&firmware).because(evidence).because(paths(domain)),
            Err(gap) => Verdict::unknown(format!(
                "The definition does not demand firmware with Secure Boot and enrolled keys, and what its firmware does by \
                 itself is not known: {}.",
                gap.reason
            ))
            .because(paths(domain)),
        },
    })
}

/// What the descriptor of an image says. A name proves nothing: one that is called secure only can do Secure Boot.
fn described(firmware: &Firmware) -> Verdict {
    match firmware {
        Firmware::Bios => bios(),
        Firmware::Uefi { secure_boot, enrolled_keys, descriptor } => {
            let verdict = match (secure_boot, enrolled_keys) {
                (true, true) => {
                    Verdict::pass("The VM's UEFI firmware has Secure Boot and enrolled keys, as its descriptor says.")
                }
                (true, false) => without_keys(),
                (false, _) => without(),
            };
            verdict.and(format!("{}: features", descriptor.path), descriptor.features.join(", "))
        }
    }
}

fn bios() -> Verdict {
    Verdict::fail("The VM boots with BIOS firmware, which starts any boot loader, signed or not.")
}

fn without() -> Verdict {
    Verdict::fail("The VM boots with UEFI firmware without Secure Boot, so it starts any boot loader, signed or not.")
}

fn without_keys() -> Verdict {
    Verdict::fail(
        "No keys are enrolled in the VM's UEFI firmware: it stays in setup mode, where Secure Boot verifies nothing, unless somebody \
         enrolled keys by hand.",
    )
}

/// What the definition says about the firmware's files.
fn paths(domain: &Domain) -> Vec<Evidence> {
    let loader =
        domain.find("os/loader").map(|loader| [domain.text_evidence(loader), domain.evidence(loader, "secure")]);
    let template = domain.find("os/nvram").map(|nvram| domain.evidence(nvram, "template"));
    let evidence: Vec<Evidence> = loader.into_iter().flatten().chain(template).collect();
    if evidence.is_empty() { vec![domain.absence("os/firmware")] } else { evidence }
}

pub static SMM: Check = Check {
    id: "vm.secure-boot-smm",
    title: "Secure Boot is protected by system management mode",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Firmware,
    basis: &[
        "https://libvirt.org/kbase/secureboot.html",
        "https://www.qemu.org/docs/master/interop/firmware.html",
        "https://github.com/virt-manager/virt-manager",
    ],
    why: "The keys of Secure Boot stand in variables in the VM's flash memory. Only system management mode (SMM), which the Q35 machine \
          has, keeps the guest's kernel from writing them: without it, whoever controls the guest's kernel switches Secure Boot off \
          or enrols keys of their own.",
    fix: "Run `virt-xml VM --edit --features smm.state=on`, set `secure='yes'` at `<loader>` with `virsh edit VM`, and see that the \
          machine type is Q35 (vm.machine-q35). Then shut the VM down and start it again.",
    impact: "A VM with another machine type than Q35 must be converted or installed anew first.",
    apply: Apply::NextStart,
    needs: "<os>, the machine type and <features><smm> in the definition; the firmware descriptors in /usr/share/qemu/firmware and \
            /etc/qemu/firmware where the definition does not demand Secure Boot by itself",
    judge: Judge::Definition(|facts, _, domain| smm(facts, domain)),
};

fn smm(facts: &Facts, domain: &Domain) -> Judged {
    let arch = arch(facts, domain)?;
    if arch != "x86_64" {
        return Ok(Verdict::not_applicable("System management mode protects Secure Boot on x86_64 only."));
    }
    if domain.find("launchSecurity").is_some() {
        return Ok(Verdict::not_applicable(
            "The guest's owner verifies its start by measurement (launch security) instead.",
        ));
    }
    let loader = domain.find("os/loader");
    let secure = loader.and_then(|loader| loader.attribute("secure"));
    if secure != Some("yes") && !claims_secure_boot(facts, domain, arch)? {
        return Ok(Verdict::not_applicable("The VM does not use Secure Boot."));
    }
    if let Some(varstore) = domain.find("os/varstore") {
        return Ok(Verdict::pass("QEMU keeps the variables of Secure Boot itself, where the guest cannot write them.")
            .and(domain.path(varstore), "present"));
    }
    // Where libvirt chooses the image it sets this by itself; where the image is named, nothing means no.
    let restricts = match secure {
        None => domain.attribute("os", "firmware") == Some("efi"),
        Some(secure) => secure == "yes",
    };
    if let Some(loader) = loader.filter(|_| !restricts) {
        return Ok(Verdict::fail(
            "The VM uses Secure Boot, but the guest's kernel may write its variables: the loader is not `secure='yes'`.",
        )
        .because([domain.evidence(loader, "secure")]));
    }
    let machine = machine(domain)?;
    if !machine.contains("q35") {
        return Ok(Verdict::fail(format!(
            "The VM uses Secure Boot, but its machine type {machine} has no system management mode for it."
        ))
        .because(domain.find("os/type").map(|node| domain.evidence(node, "machine"))));
    }
    Ok(match domain.find("features/smm") {
        Some(smm) if smm.attribute("state") == Some("off") => Verdict::fail(
            "The VM uses Secure Boot, but system management mode is off: the guest's kernel may write its variables.",
        )
        .because([domain.evidence(smm, "state")]),
        Some(smm) => Verdict::pass("System management mode protects the variables of Secure Boot.")
            .because([domain.evidence(smm, "state")]),
        None => Verdict::pass("libvirt turns system management mode on for Secure Boot.")
            .because([domain.absence("features/smm")]),
    })
}

/// Whether Secure Boot is wanted, though the loader is not said to be secure.
fn claims_secure_boot(facts: &Facts, domain: &Domain, arch: &str) -> Result<bool, Gap> {
    let wanted = Wanted {
        secure_boot: is_enabled(feature(domain, "secure-boot")),
        enrolled_keys: is_enabled(feature(domain, "enrolled-keys")),
    };
    if let Some(wanted) = wanted.secure_boot {
        return Ok(wanted);
    }
    let efi = domain.attribute("os", "firmware").map(|firmware| firmware == "efi");
    if !efi.unwrap_or(domain.find("os/loader").is_some()) {
        return Ok(false);
    }
    Ok(matches!(descriptor::of_vm(facts, domain, arch, wanted)?, Firmware::Uefi { secure_boot: true, .. }))
}
