// SPDX-License-Identifier: LGPL-2.1-or-later
//! Firmware: whether the guest's boot chain is verified.

use super::arch;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
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
    needs: "<os> with its firmware features and loader, and <launchSecurity>, in the definition",
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
    let loader_type = loader.map(|loader| loader.attribute("type").unwrap_or("rom"));
    match (firmware, loader_type) {
        (Some("efi"), _) | (None, Some("pflash")) => {}
        (Some(_), _) => return Ok(bios().because(os.map(|os| domain.evidence(os, "firmware")))),
        (None, None) => return Ok(bios().because([domain.absence("os/@firmware"), domain.absence("os/loader")])),
        (None, Some(_)) => {
            return Ok(unproven(
                "The definition names a firmware image, and what that image verifies was not read.",
                domain,
            ));
        }
    }
    let feature = |name: &str| {
        let features = children(child(os?, "firmware")?, "feature");
        features.filter(|feature| feature.attribute("name") == Some(name)).last()
    };
    let (secure, keys) = (feature("secure-boot"), feature("enrolled-keys"));
    let state =
        |feature: Option<roxmltree::Node>| feature.and_then(|feature| Some(feature.attribute("enabled")? == "yes"));
    let evidence = [secure, keys].into_iter().flatten().map(|feature| domain.evidence(feature, "enabled"));
    Ok(match (state(secure), state(keys)) {
        (Some(true), Some(true)) => {
            Verdict::pass("The definition demands UEFI firmware with Secure Boot and enrolled keys.").because(evidence)
        }
        (Some(false), _) => {
            Verdict::fail("The VM boots with UEFI firmware without Secure Boot, so it starts any boot loader, signed or not.")
                .because(evidence)
        }
        (_, Some(false)) => Verdict::fail(
            "No keys are enrolled in the VM's UEFI firmware: it stays in setup mode, where Secure Boot verifies nothing.",
        )
        .because(evidence),
        _ => unproven(
            "The VM boots with UEFI firmware, but the definition does not demand both secure-boot and enrolled-keys, and what its \
             firmware image does by itself was not read.",
            domain,
        ),
    })
}

fn bios() -> Verdict {
    Verdict::fail("The VM boots with BIOS firmware, which starts any boot loader, signed or not.")
}

/// A loader that is called secure only can do Secure Boot, and a template's name proves nothing about the variables.
fn unproven(message: &'static str, domain: &Domain) -> Verdict {
    let loader =
        domain.find("os/loader").map(|loader| [domain.text_evidence(loader), domain.evidence(loader, "secure")]);
    let template = domain.find("os/nvram").map(|nvram| domain.evidence(nvram, "template"));
    let evidence: Vec<Evidence> = loader.into_iter().flatten().chain(template).collect();
    let evidence = if evidence.is_empty() { vec![domain.absence("os/firmware")] } else { evidence };
    Verdict::unknown(message).because(evidence)
}
