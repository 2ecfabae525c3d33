// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the definition says about the VM's confinement.

use super::Tally;
use crate::checks::domain::children;
use crate::checks::{Apply, Area, Check, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static NONE: Check = Check {
    id: "vm.seclabel-none",
    title: "The VM is not exempt from confinement",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[
        "best-practices-for-securing-virtual-machines",
        "automatic-features-for-virtual-machine-security",
        "https://libvirt.org/formatdomain.html#security-label",
    ],
    why: "With `<seclabel type='none'>` libvirt starts QEMU without the label or profile that keeps it apart. A guest that \
          breaks out of this one QEMU can then open the disk images of all other VMs.",
    fix: "Run `virsh edit VM`, delete the `<seclabel type='none'/>` element, shut the VM down and start it again.",
    impact: "A VM that used files outside of libvirt's reach is denied them then: label these files (`semanage fcontext`, \
             `restorecon`) or move them into a storage pool.",
    apply: Apply::NextStart,
    needs: "<seclabel> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for label in children(domain.root(), "seclabel").filter(|label| label.attribute("type") == Some("none")) {
            tally.add(Outcome::Fail, || {
                let message = match label.attribute("model") {
                    None => "The definition exempts this VM from confinement.".to_owned(),
                    Some(model) => format!("The definition exempts this VM from confinement by {model}."),
                };
                Verdict::fail(message).because([domain.evidence(label, "type")])
            });
        }
        Ok(tally.finish(|| Verdict::pass("The definition does not exempt this VM from confinement.")))
    }),
};
