// SPDX-License-Identifier: LGPL-2.1-or-later
//! All checks, in reading order.

use super::{Check, host, vm};

pub static CHECKS: &[&Check] = &[
    // The host: mandatory access control.
    &host::selinux::ENFORCING,
    // A VM: consoles.
    &vm::graphics::LISTEN,
];
