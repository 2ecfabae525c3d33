// SPDX-License-Identifier: LGPL-2.1-or-later
//! The firmware's variables: what Secure Boot really goes by.

use super::arch;
use crate::checks::domain::{child, children};
use crate::checks::storage::image;
use crate::checks::storage::state::nvram_path;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static KEYS: Check = Check {
    id: "vm.secure-boot-nvram",
    title: "The VM's NVRAM holds the Secure Boot keys",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &["https://libvirt.org/kbase/secureboot.html"],
    why: "Secure Boot goes by the keys in the VM's NVRAM file. That file is made once; a change of the definition later does not change it. Without a platform key the firmware \
          is in setup mode and starts anything, whatever the definition says.",
    fix: "Shut the VM down and run `virsh start VM --reset-nvram`, which makes the file anew from the template that the definition asks for.",
    impact: "The boot entries and all other settings of the guest's firmware are forgotten. A guest with an unsigned boot loader, kernel or driver does not start any more.",
    apply: Apply::NextStart,
    needs: "<os> in the definition, and the NVRAM file",
    judge: Judge::Definition(keys),
};

fn keys(facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    if arch(facts, domain)? != "x86_64" {
        return Ok(Verdict::not_applicable("Secure Boot is for x86_64."));
    }
    let claimed = claims_secure_boot(domain);
    let Some(path) = nvram_path(vm, domain) else {
        return if claimed {
            Err(Gap::new("/domain/os/nvram", "the definition names no NVRAM file yet"))
        } else {
            Ok(Verdict::not_applicable("The definition names no NVRAM file."))
        };
    };
    let image = image(facts, path)?;
    if image.meta.get()?.is_none() {
        return Err(Gap::new(path, format!("{path} does not exist yet; libvirt makes it when the VM starts")));
    }
    let found = image.variables.get()?;
    let word = |there: bool| if there { "present" } else { "absent" };
    let switch = match found.enabled {
        Some(true) => "1",
        Some(false) => "0",
        None => "absent",
    };
    let shown = format!(
        "PK {}, KEK {}, db {}, SecureBootEnable {switch}",
        word(found.platform_key),
        word(found.key_exchange_key),
        word(found.allowed)
    );
    let verdict = match (found.platform_key, found.enabled) {
        (true, None | Some(true)) => {
            Verdict::pass("The VM's NVRAM holds a platform key, so that the firmware verifies what it starts.")
        }
        _ if !claimed => {
            Verdict::not_applicable("The definition does not ask for Secure Boot; vm.secure-boot judges that.")
        }
        (false, _) => Verdict::fail(format!(
            "The definition asks for Secure Boot, but {path} holds no platform key: the firmware is in setup mode and starts anything."
        )),
        (true, Some(false)) => Verdict::fail(format!(
            "The definition asks for Secure Boot, but it is switched off in the firmware's settings ({path})."
        )),
    };
    Ok(verdict.and(path, shown))
}

/// Features that promise it, or a loader that protects its variables.
fn claims_secure_boot(domain: &Domain) -> bool {
    let feature = |name: &str| {
        let firmware = domain.find("os").and_then(|os| child(os, "firmware"));
        let mut features = firmware.into_iter().flat_map(|firmware| children(firmware, "feature"));
        features.any(|feature| feature.attribute("name") == Some(name) && feature.attribute("enabled") == Some("yes"))
    };
    feature("secure-boot") || feature("enrolled-keys") || domain.attribute("os/loader", "secure") == Some("yes")
}
