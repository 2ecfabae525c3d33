// SPDX-License-Identifier: LGPL-2.1-or-later
//! The helpers that connect VMs to networks.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict, counted};
use crate::facts::Facts;
use crate::facts::helpers::{Helper, dnsmasqs};
use crate::facts::permissions::FileMode;
use crate::policy::Profile;

pub static BRIDGE_HELPER: Check = Check {
    id: "daemon.bridge-helper-acl",
    title: "Users may connect their own VMs to libvirt's NAT bridge only",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: &["https://wiki.qemu.org/Features/HelperNetworking"],
    why: "The program qemu-bridge-helper runs as root for every user and connects a VM of that user to a bridge. On a bridge of the real network that \
          VM may pose as any other machine there.",
    fix: "Let /etc/qemu/bridge.conf (Red Hat: /etc/qemu-kvm/bridge.conf) hold `allow virbr0` only, or take the right from the program: \
          `chmod u-s` on qemu-bridge-helper.",
    impact: "VMs of users (qemu:///session) lose bridges that are no longer allowed.",
    apply: Apply::HostNow,
    needs: "mode of qemu-bridge-helper, /etc/qemu/bridge.conf and /etc/qemu-kvm/bridge.conf",
    judge: Judge::Host(|facts, _| bridge_helper(facts)),
};

fn bridge_helper(facts: &Facts) -> Judged {
    let fact = &facts.host.bridge_helper;
    let helper = fact.get()?;
    if helper.programs.is_empty() {
        return Ok(Verdict::not_applicable("There is no qemu-bridge-helper on this host.").and(fact.origin(), "(none)"));
    }
    let Some(program) = helper.programs.iter().find(|program| is_open(program)) else {
        let verdict = Verdict::pass("qemu-bridge-helper does not run as root for other users.");
        return Ok(helper
            .programs
            .iter()
            .fold(verdict, |verdict, program| verdict.and(format!("stat {}", program.path), program.shown())));
    };
    let rules = helper.rules.get()?;
    let denied = |bridge: &str| rules.iter().any(|rule| !rule.allow && [bridge, "all"].contains(&rule.bridge.as_str()));
    let allowed: Vec<_> = rules.iter().filter(|rule| rule.allow && !denied(&rule.bridge)).collect();
    let others = allowed
        .iter()
        .map(|rule| rule.bridge.as_str())
        .filter(|bridge| !bridge.starts_with("virbr"))
        .collect::<Vec<_>>();
    let verdict = if allowed.iter().any(|rule| rule.bridge == "all" && rule.everybody) {
        Verdict::fail("Users who are not root may connect a VM to every bridge (allow all).")
    } else if !others.is_empty() {
        Verdict::warn(format!("Users who are not root may connect a VM to these bridges: {}.", others.join(", ")))
    } else if allowed.is_empty() {
        Verdict::pass("qemu-bridge-helper connects nobody's VM to a bridge.")
    } else {
        Verdict::pass("Users may connect a VM to bridges of libvirt only.")
    };
    let verdict = verdict.and(format!("stat {}", program.path), program.shown());
    if allowed.is_empty() {
        return Ok(verdict.and(helper.rules.origin(), "(nothing is allowed)"));
    }
    Ok(allowed.iter().fold(verdict, |verdict, rule| verdict.and(&rule.path, format!("allow {}", rule.bridge))))
}

/// It runs as root for somebody who is not.
fn is_open(program: &FileMode) -> bool {
    let group = program.gid != 0 && program.mode & 0o010 != 0;
    program.uid == 0 && program.mode & 0o4000 != 0 && (program.others_may_enter() || group)
}

pub static DNSMASQ: Check = Check {
    id: "daemon.network-dnsmasq-user",
    title: "DHCP and DNS for VMs do not run as root",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: &["https://libvirt.org/formatnetwork.html"],
    why: "The program dnsmasq reads what each guest sends to it. A guest that breaks it has the rights that it runs with.",
    fix: "Use the distribution's packages of libvirt and dnsmasq, which give dnsmasq a user of its own; remove `user=root` from \
          /etc/dnsmasq.conf; under SELinux run `restorecon -v /usr/sbin/dnsmasq`. Then `virsh net-destroy NETWORK; virsh net-start NETWORK`.",
    impact: "VMs lose that network until it is started again, and some until they are started anew.",
    apply: Apply::Manual,
    needs: "command line, user and SELinux label of dnsmasq's processes in /proc",
    judge: Judge::Host(|facts, _| dnsmasq(facts)),
};

fn dnsmasq(facts: &Facts) -> Judged {
    let processes: Vec<(&str, &Helper)> = dnsmasqs(facts.host.helpers.get()?).collect();
    if processes.is_empty() {
        let origin = facts.host.helpers.origin();
        return Ok(Verdict::not_applicable("No dnsmasq runs for a network of libvirt.").and(origin, "(none)"));
    }
    let (mut root, mut free) = (Vec::new(), Vec::new());
    let mut evidence = Vec::new();
    for (network, process) in &processes {
        let [_, effective, ..] = *process.uids.get()?;
        if effective == 0 {
            root.push(*network);
        }
        evidence.push((process.uids.origin(), effective.to_string()));
        let label = process.label.get()?.as_deref();
        if label.is_some_and(|label| label.split(':').nth(2).is_some_and(|kind| kind.starts_with("unconfined_"))) {
            free.push(*network);
        }
        evidence.push((process.label.origin(), label.unwrap_or("(no label)").to_owned()));
    }
    let verdict = if !free.is_empty() {
        Verdict::warn(format!("SELinux does not confine dnsmasq of these networks: {}.", free.join(", ")))
    } else if !root.is_empty() {
        Verdict::warn(format!("dnsmasq runs as root for these networks: {}.", root.join(", ")))
    } else {
        Verdict::pass(format!("dnsmasq runs as a user of its own for {}.", counted(processes.len(), "network")))
    };
    Ok(evidence.into_iter().fold(verdict, |verdict, (origin, value)| verdict.and(origin, value)))
}
