// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a user who may manage VMs may do in detail.

use super::in_use;
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static DRIVERS: Check = Check {
    id: "daemon.access-drivers",
    title: "Users who manage VMs are limited to what they need",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["limiting-what-actions-are-available-to-virtual-machine-users", "https://libvirt.org/acl.html"],
    why: "Without an access driver, whoever may manage one VM may manage all of them, and through them the host: there is no user who \
          may only start and stop.",
    fix: "Write polkit rules for org.libvirt.api.* in /etc/polkit-1/rules.d, uncomment access_drivers = [ \"polkit\" ] in each \
          /etc/libvirt/virt*d.conf, and run `systemctl try-restart virtqemud` and the same for each other daemon. Or leave \
          the management of VMs to root.",
    impact: "Users see no VM until a rule allows it. Cockpit's Virtual Machines page goes through libvirt-dbus, for which these rules \
             do not tell one user from another: it may show nothing, or everything.",
    apply: Apply::DaemonRestart,
    needs: "access_drivers of each daemon in use (administrative access), the members of the group libvirt",
    judge: Judge::Host(|facts, _| access_drivers(facts)),
};

fn access_drivers(facts: &Facts) -> Judged {
    const KEY: &str = "access_drivers";
    let daemons = in_use(facts)?;
    if daemons.is_empty() {
        return Ok(Verdict::not_applicable("No daemon of libvirt is active on this host."));
    }
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for daemon in &daemons {
        let limited = daemon.conf.list(KEY)?.is_some_and(|list| list.iter().any(|driver| driver == "polkit"));
        if limited { &mut with } else { &mut without }.push(daemon.name);
    }
    let evidence = |verdict: Verdict| {
        daemons.iter().fold(verdict, |verdict, daemon| verdict.and(daemon.conf.place(KEY), daemon.conf.shown(KEY)))
    };
    if without.is_empty() {
        return Ok(evidence(Verdict::pass("Every daemon in use asks polkit about each action.")));
    }
    if !with.is_empty() {
        return Ok(evidence(Verdict::warn(format!(
            "{} asks polkit about each action, but {} does not, so that what is denied there may be allowed here.",
            with.join(", "),
            without.join(", ")
        ))));
    }
    let groups = &facts.host.groups;
    let members = groups.get()?.iter().find(|group| group.name == "libvirt").map_or(&[][..], |group| &group.members);
    let others: Vec<&str> = members.iter().map(String::as_str).filter(|name| *name != "root").collect();
    let verdict = if others.is_empty() {
        Verdict::info(
            "libvirt does not limit single actions. The group libvirt has no member but root, so that nobody is to be limited.",
        )
    } else {
        Verdict::warn(format!(
            "libvirt does not limit single actions, so that each of these members of the group libvirt may do everything: {}.",
            others.join(", ")
        ))
    };
    let shown = if members.is_empty() { "(no members)".to_owned() } else { members.join(", ") };
    Ok(evidence(verdict).and(format!("{}: libvirt", groups.origin()), shown))
}
