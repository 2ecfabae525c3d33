// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may manage VMs: groups, polkit, D-Bus, sudo, and the ways in from elsewhere.

pub mod acl;
pub mod bus;
pub mod group;
mod javascript;
pub mod keys;
mod pkla;
pub mod polkit;
pub mod remote;
pub mod session;
pub mod sudo;
pub mod tools;

use crate::facts::Facts;

/// Groups whose members become root anyway.
const ADMINISTRATORS: [&str; 3] = ["wheel", "sudo", "root"];

/// A user who becomes root anyway.
fn is_administrator(facts: &Facts, name: &str) -> bool {
    let groups = facts.host.groups.value().into_iter().flatten();
    let mut groups = groups.filter(|group| ADMINISTRATORS.contains(&group.name.as_str()));
    name == "root" || groups.any(|group| group.members.iter().any(|member| member == name))
}
