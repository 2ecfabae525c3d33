// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may manage VMs: groups and polkit.

pub mod group;
mod javascript;
pub mod polkit;
