// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where systemd's control groups hold a QEMU process.

use super::{DRIVER, is_session, judge};
use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::helpers::scope;
use crate::policy::Profile;

pub static CGROUP: Check = Check {
    id: "proc.cgroup",
    title: "QEMU is in the control group that libvirt made for it",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Process,
    basis: &["https://libvirt.org/cgroups.html", DRIVER],
    why: "The control group carries the limits of the VM and the list of devices that QEMU may open. Outside of it a broken-out guest may \
          use up the host, and opens whatever device the files' modes allow.",
    fix: "Shut the VM down and start it again. Should it end up elsewhere again, look at cgroup_controllers in /etc/libvirt/qemu.conf and \
          whether systemd-machined runs.",
    impact: "The VM must be started anew.",
    apply: Apply::NextStart,
    needs: "/proc/PID/cgroup",
    judge: Judge::Vm(|_, vm, _| {
        if is_session(vm) {
            return Ok(Verdict::not_applicable(
                "This is a VM of a user's session, which libvirt gives no control group.",
            ));
        }
        judge(vm, |process| {
            let path = process.cgroup.get()?;
            let verdict = match scope(path) {
                Some(scope) => Verdict::pass(format!("QEMU is in the control group {scope}.")),
                None => Verdict::fail(format!(
                    "QEMU is in the control group {path}, which is not one that libvirt made for a VM."
                )),
            };
            Ok(verdict.with(&process.cgroup))
        })
    }),
};
