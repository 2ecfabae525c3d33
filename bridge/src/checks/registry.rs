// SPDX-License-Identifier: LGPL-2.1-or-later
//! All checks, in reading order.

use super::{Check, host, vm};

pub static CHECKS: &[&Check] = &[
    // The host: mandatory access control.
    &host::selinux::ENFORCING,
    // A VM: firmware, machine, confinement.
    &vm::firmware::SECURE_BOOT,
    &vm::machine::Q35,
    &vm::tpm::PRESENT,
    &vm::machine::HARDWARE_ACCEL,
    &vm::seclabel::NONE,
    &vm::qemu_options::COMMANDLINE,
    &vm::qemu_options::EMULATOR,
    // A VM: consoles, devices, storage, secrets.
    &vm::graphics::LISTEN,
    &vm::graphics::PASSWORD,
    &vm::disks::FLOPPY,
    &vm::disks::SHAREABLE,
    &vm::disks::DUPLICATE_SOURCE,
    &vm::secrets::INSTALL,
    // A VM: its state.
    &vm::state::TAINTS,
    &vm::state::CONFIG_DRIFT,
];
