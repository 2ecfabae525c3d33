// SPDX-License-Identifier: LGPL-2.1-or-later
//! VMs that users run on their own.

use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

/// No more of them are named.
const NAMED: usize = 8;

pub static VMS: Check = Check {
    id: "access.session-vms",
    title: "VMs that users run in their own sessions are known",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["automatic-features-for-virtual-machine-security", "https://libvirt.org/drvqemu.html"],
    why: "A VM of a user's session runs with that user's rights, and heeds nothing of /etc/libvirt/qemu.conf. A guest that breaks out of it has \
          the user's files and keys. The system's list of VMs does not show it.",
    fix: "Look at each as its user: `virsh -c qemu:///session list`. Move those that others depend on to the system: \
          `virsh -c qemu:///session dumpxml VM > vm.xml`, then `virsh -c qemu:///system define vm.xml`.",
    impact: "A VM of the system belongs to the administrators, and no longer to the user.",
    apply: Apply::Manual,
    needs: "the QEMU processes of this host and their user ids, /etc/passwd",
    judge: Judge::Host(|facts, _| session(facts)),
};

fn session(facts: &Facts) -> Judged {
    let fact = &facts.host.qemu_processes;
    let mut found = Vec::new();
    for process in fact.get()? {
        let uid = process.uids.get()?[0];
        // One without libvirt is host.unmanaged-qemu's.
        if let Some(guest) = process.guest.as_deref().filter(|_| crate::checks::is_person(uid)) {
            let users = facts.host.access.users.value().into_iter().flatten();
            let name = users.filter(|(_, user)| user.uid == uid).map(|(name, _)| name.clone()).next();
            found.push((guest, name.unwrap_or_else(|| format!("user id {uid}")), process.uids.origin()));
        }
    }
    if found.is_empty() {
        return Ok(Verdict::pass("No user runs a VM of their own on this host.").and(fact.origin(), "(none)"));
    }
    let shown: Vec<String> = found.iter().take(NAMED).map(|(guest, user, _)| format!("{guest} ({user})")).collect();
    let more = found.len().saturating_sub(NAMED);
    let more = if more > 0 { format!(", and {more} more") } else { String::new() };
    let evidence = found
        .iter()
        .take(NAMED)
        .map(|(_, user, origin)| Evidence { origin: (*origin).to_owned(), value: user.clone() });
    Ok(Verdict::info(format!("Users run VMs with their own rights: {}{more}.", shown.join(", "))).because(evidence))
}
