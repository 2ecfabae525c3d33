// SPDX-License-Identifier: LGPL-2.1-or-later
//! The QEMU process of a running VM: what is, whatever was configured.

pub mod devices;
pub mod helpers;
pub mod label;
pub mod listen;
pub mod memory;
pub mod placement;
pub mod rights;

use super::{Judged, Verdict};
use crate::facts::host::Process;
use crate::facts::{Gap, Vm};

const AUTOMATIC: &str = "automatic-features-for-virtual-machine-security";
const DRIVER: &str = "https://libvirt.org/drvqemu.html";

/// Judges the process of a VM. One that is shut off has none.
fn judge(vm: &Vm, judge: impl FnOnce(&Process) -> Judged) -> Judged {
    if !vm.is_active()? {
        return Ok(Verdict::not_applicable("The VM is not running, so it has no QEMU process."));
    }
    match vm.process.get()? {
        Some(process) => judge(process),
        None => Err(Gap::new(vm.process.origin(), "no QEMU process of this VM was found")),
    }
}

/// Whether a user runs the VM with his own rights, rather than the system.
pub(super) fn is_session(vm: &Vm) -> bool {
    vm.connection == "session" || vm.connection.split(['?', '#']).next().is_some_and(|uri| uri.ends_with("/session"))
}
