// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may speak to libvirt over D-Bus.

use super::ADMINISTRATORS;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::facts::dbus_policy::BusRule;
use crate::policy::Profile;

pub static POLICY: Check = Check {
    id: "access.dbus-policy",
    title: "Only root and the group libvirt reach libvirt over D-Bus",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["https://github.com/libvirt/libvirt-dbus", "https://dbus.freedesktop.org/doc/dbus-daemon.1.html"],
    why: "libvirt-dbus manages VMs with its own rights, for whom polkit has a rule. Whoever may send to org.libvirt manages all VMs without \
          another question, and so the host.",
    fix: "Remove the file below /etc/dbus-1/system.d that widens the policy, then `systemctl reload dbus`.",
    impact: "Users whom it let in no longer see the system's VMs in Cockpit, unless they are in the group libvirt.",
    apply: Apply::HostNow,
    needs: "files that speak of org.libvirt in /usr/share/dbus-1/system.d and /etc/dbus-1/system.d, whether libvirt-dbus is installed",
    judge: Judge::Host(|facts, _| policy(facts)),
};

fn policy(facts: &Facts) -> Judged {
    let access = &facts.host.access;
    let rules = access.bus.get()?;
    if rules.is_empty() && !*access.libvirt_dbus.get()? {
        return Ok(Verdict::not_applicable("libvirt-dbus is not installed.").with(&access.libvirt_dbus));
    }
    let evidence = |rule: &BusRule| Evidence {
        origin: rule.path.clone(),
        value: format!("<policy {}=\"{}\"><{}>", rule.kind, rule.name, if rule.allow { "allow" } else { "deny" }),
    };
    let allowing = || rules.iter().filter(|rule| rule.allow);
    let everybody = |rule: &&BusRule| {
        rule.kind == "context" || (matches!(rule.kind.as_str(), "user" | "group") && rule.name == "*")
    };
    // What comes later counts more.
    let closed = |at: &BusRule| {
        rules
            .iter()
            .skip_while(|rule| *rule != at)
            .any(|rule| !rule.allow && rule.kind == at.kind && rule.name == at.name)
    };
    if let Some(rule) = allowing().filter(everybody).find(|rule| !closed(rule)) {
        return Ok(Verdict::fail(format!("{} lets every user of this host manage all VMs over D-Bus.", rule.path))
            .because([evidence(rule)]));
    }
    let expected = |rule: &&BusRule| match rule.kind.as_str() {
        "group" => rule.name == "libvirt" || ADMINISTRATORS.contains(&rule.name.as_str()),
        "user" => ["root", "libvirtdbus"].contains(&rule.name.as_str()),
        _ => false,
    };
    let others: Vec<&BusRule> = allowing().filter(|rule| !everybody(rule) && !expected(rule)).collect();
    Ok(match others.as_slice() {
        [] => Verdict::pass("Only root and the group libvirt reach libvirt over D-Bus.")
            .because(rules.iter().map(evidence)),
        [first, ..] => {
            let who = match first.kind.as_str() {
                "at_console" => "whoever sits at the machine".to_owned(),
                kind => format!("the {kind} {}", first.name),
            };
            Verdict::warn(format!("{} lets {who} manage all VMs over D-Bus.", first.path))
                .because(others.iter().map(|rule| evidence(rule)))
        }
    })
}
