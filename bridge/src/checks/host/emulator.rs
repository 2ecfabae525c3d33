// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the emulators were built.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::policy::Profile;

pub static HARDENING: Check = Check {
    id: "host.qemu-binary-hardening",
    title: "QEMU is built to make exploits harder",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Process,
    basis: &["https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html"],
    why: "A QEMU that is loaded at a fixed address, or that keeps its table of functions writable, makes the step from an error in a device to the attacker's own code short.",
    fix: "Use the emulator of the distribution's package, or build with `-pie -Wl,-z,relro,-z,now`.",
    impact: "None that could be felt; QEMU starts a few milliseconds later.",
    apply: Apply::NextStart,
    needs: "<emulator> in the definitions of all VMs, the headers of these programs",
    judge: Judge::Host(|facts, _| {
        let emulators = &facts.host.emulators;
        if emulators.is_empty() {
            super::sebool_state::all_vms_known(facts)?;
            return Ok(Verdict::not_applicable("No VM's definition names an emulator."));
        }
        let mut good = Verdict::pass("The VMs' emulators are position-independent, and their tables are read-only.");
        let mut gap = None;
        for (path, fact) in emulators {
            match fact.get() {
                Ok(built) => {
                    let lacks = [(built.pie, "PIE"), (built.relro, "RELRO"), (built.bind_now, "BIND_NOW")];
                    let lacks: Vec<&str> = lacks.into_iter().filter(|(has, _)| !has).map(|(_, name)| name).collect();
                    if !lacks.is_empty() {
                        let lacks = lacks.join(", ");
                        return Ok(Verdict::warn(format!("The emulator {path} is built without {lacks}."))
                            .and(path, format!("without {lacks}")));
                    }
                    good = good.and(path, "PIE, RELRO, BIND_NOW");
                }
                Err(missing) => gap = gap.or(Some(missing)),
            }
        }
        gap.map_or(Ok(good), Err)
    }),
};
