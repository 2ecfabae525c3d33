// SPDX-License-Identifier: LGPL-2.1-or-later
//! The socket between guest and host that is no network.

use super::is_read;
use crate::checks::assigned::others;
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static VSOCK: Check = Check {
    id: "vm.vsock",
    title: "The VM has a vsock only where one is used",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://libvirt.org/formatdomain.html"],
    why: "No firewall sees a vsock: the guest reaches every program of the host that listens on one, and the host every such program of the guest \
          (systemd offers SSH there). Programs know a guest by its context id alone; whichever of two VMs with one id runs is taken for the other.",
    fix: "Where nothing uses it, run `virsh edit VM` and delete `<vsock>`. Otherwise set `<cid auto='yes'/>`, or give each VM a number of its own.",
    impact: "Programs that talk over it, `systemd-ssh-proxy` and some guest agents, no longer reach the guest.",
    apply: Apply::NextStart,
    needs: "//vsock in the definitions of all VMs",
    judge: Judge::Vm(vsock),
};

fn vsock(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    is_read(vm)?;
    let Some(vsock) = neighbours.vsocks.get(vm.uuid.as_str()) else {
        return Ok(Verdict::pass("The VM has no vsock."));
    };
    let verdict = |verdict: Verdict| verdict.because([vsock.evidence.clone()]);
    let Some(number) = vsock.context_id else {
        return Ok(verdict(Verdict::info("The VM has a vsock, past all firewalls; libvirt chooses its context id.")));
    };
    let users = neighbours.context_ids.get(&number).map_or(&[][..], Vec::as_slice);
    if let Some(others) = others(users, vm, true) {
        let message = format!("The vsock of the VM has the context id {number}, as has that of: {others}.");
        return Ok(verdict(Verdict::warn(message)));
    }
    neighbours.all_known(facts)?;
    Ok(verdict(Verdict::info(format!("The VM has a vsock, past all firewalls, with the context id {number}."))))
}
