// SPDX-License-Identifier: LGPL-2.1-or-later
//! The group libvirt.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::host::Group;
use crate::policy::Profile;

pub static LIBVIRT: Check = Check {
    id: "access.libvirt-group",
    title: "Only administrators are in the group libvirt",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["automatic-features-for-virtual-machine-security", "https://libvirt.org/aclpolkit.html"],
    why: "polkit's rule for this group lets its members manage VMs without a password. Whoever may do that is as good as root: a VM may be \
          given any file of the host as its disk.",
    fix: "For each member who is not to be an administrator run `gpasswd -d USER libvirt`. Users can run VMs of their own in their session \
          (qemu:///session).",
    impact: "These users no longer manage the system's VMs without an administrator's password. It holds from their next login.",
    apply: Apply::HostNow,
    needs: "/etc/group, and primary groups in /etc/passwd",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.groups;
        let groups = fact.get()?;
        let place = format!("{}: libvirt", fact.origin());
        let Some(group) = groups.iter().find(|group| group.name == "libvirt") else {
            return Ok(Verdict::pass("This host has no group libvirt.").and(place, "(does not exist)"));
        };
        let shown = if group.members.is_empty() { "(no members)".to_owned() } else { group.members.join(", ") };
        let services: Vec<&str> = named(group, |name| ["qemu", "libvirt-qemu"].contains(&name));
        let others: Vec<&str> = named(group, |name| {
            // libvirt-dbus has a user of its own, for which polkit has a rule of its own.
            !["root", "libvirtdbus", "qemu", "libvirt-qemu"].contains(&name) && !is_administrator(groups, name)
        });
        let verdict = if let [service, ..] = services.as_slice() {
            Verdict::fail(format!(
                "The user {service}, as whom VMs run, is in the group libvirt: a guest that breaks out of QEMU may manage all VMs, and so the host."
            ))
        } else if others.is_empty() && group.members.is_empty() {
            Verdict::pass("The group libvirt has no members.")
        } else if others.is_empty() {
            Verdict::pass("All members of the group libvirt are administrators of this host anyway.")
        } else {
            Verdict::warn(format!(
                "These members of the group libvirt are as good as root on this host, and not in its group of administrators: {}.",
                others.join(", ")
            ))
        };
        Ok(verdict.and(place, shown))
    }),
};

fn named(group: &Group, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    group.members.iter().map(String::as_str).filter(|name| wanted(name)).collect()
}

/// In a group that distributions let become root: wheel (Fedora, RHEL) or sudo (Debian, Ubuntu).
fn is_administrator(groups: &[Group], name: &str) -> bool {
    let roots = groups.iter().filter(|group| ["wheel", "sudo"].contains(&group.name.as_str()));
    roots.into_iter().any(|group| group.members.iter().any(|member| member == name))
}
