// SPDX-License-Identifier: LGPL-2.1-or-later
//! The group libvirt, and those that own the VMs' disks.

use crate::checks::{Apply, Area, Check, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::Facts;
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

pub static KVM_QEMU: Check = Check {
    id: "access.kvm-qemu-groups",
    title: "No person is in a group that reads the VMs' disks",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &[
        "https://libvirt.org/drvqemu.html",
        "https://github.com/systemd/systemd/blob/main/rules.d/50-udev-default.rules.in",
        // Of disk: "mostly equivalent to root access".
        "https://salsa.debian.org/debian/base-passwd/-/blob/master/doc/users-and-groups.sgml",
    ],
    why: "The group disk reads and writes every disk of the host. The groups qemu and libvirt-qemu are those that images of VMs and QEMU's sockets belong to. What their modes give to the group, whoever is in it has past libvirt.",
    fix: "For each of these people run `gpasswd -d USER GROUP`. For /dev/kvm, which the group kvm is for, distributions let in everybody who sits at the machine.",
    impact: "These people no longer open disks and images directly; without kvm, VMs of their session may be slow. It holds from their next login.",
    apply: Apply::HostNow,
    needs: "/etc/group and /etc/passwd",
    judge: Judge::Host(|facts, _| kvm_qemu(facts)),
};

/// The groups, the worst first, with what a person in them does.
const DISKS: [(&str, Outcome, &str); 4] = [
    ("disk", Outcome::Fail, "reads and writes every disk of the host and so is as good as root"),
    // What that is, is up to the modes of the files: libvirt makes images for their owner alone.
    ("qemu", Outcome::Warn, "has what files of VMs give to their group, past libvirt"),
    ("libvirt-qemu", Outcome::Warn, "has what files of VMs give to their group, past libvirt"),
    ("kvm", Outcome::Warn, "starts VMs with the kernel's help, whatever libvirt allows"),
];

fn kvm_qemu(facts: &Facts) -> Judged {
    let fact = &facts.host.groups;
    let groups = fact.get()?;
    let users = facts.host.access.users.get()?;
    let mut found = Vec::new();
    for (name, outcome, power) in DISKS {
        let members = groups.iter().filter(|group| group.name == name).flat_map(|group| &group.members);
        // Who is not in /etc/passwd comes from a directory service, and is a person.
        let people: Vec<&str> = members
            .filter(|member| users.get(*member).is_none_or(|user| crate::checks::is_person(user.uid)))
            .map(String::as_str)
            .collect();
        if !people.is_empty() {
            found.push((name, outcome, power, people.join(", ")));
        }
    }
    let Some((name, outcome, power, people)) = found.first() else {
        return Ok(Verdict::pass("No person is in the groups disk, qemu, libvirt-qemu or kvm.")
            .and(fact.origin(), "(no such member)"));
    };
    let message = format!("These people are in the group {name}, which {power}: {people}.");
    let verdict = Verdict::new(*outcome, message);
    Ok(found.iter().fold(verdict, |verdict, (name, _, _, people)| {
        verdict.and(format!("{}: {name}", fact.origin()), people.as_str())
    }))
}

fn named(group: &Group, wanted: impl Fn(&str) -> bool) -> Vec<&str> {
    group.members.iter().map(String::as_str).filter(|name| wanted(name)).collect()
}

/// In a group that distributions let become root: wheel (Fedora, RHEL) or sudo (Debian, Ubuntu).
fn is_administrator(groups: &[Group], name: &str) -> bool {
    let roots = groups.iter().filter(|group| ["wheel", "sudo"].contains(&group.name.as_str()));
    roots.into_iter().any(|group| group.members.iter().any(|member| member == name))
}
