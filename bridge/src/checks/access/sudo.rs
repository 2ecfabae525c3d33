// SPDX-License-Identifier: LGPL-2.1-or-later
//! What sudo lets people do with VMs without a password.

use super::{ADMINISTRATORS, is_administrator};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::sudoers::SudoRule;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// No more rules are shown.
const SHOWN: usize = 8;

pub static SUDO: Check = Check {
    id: "access.sudo-virt",
    title: "sudo asks for a password before it runs tools that manage VMs",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &[
        "https://www.sudo.ws/docs/man/sudoers.man/",
        // To manage VMs of the system is equivalent to being root.
        "https://gitlab.com/libvirt/libvirt-dbus/-/commit/43f9cd72efc6c931509e8ae893c845c8c03f1a1d",
    ],
    why: "With virsh as root one defines a VM that has the host's own disk, and is root. `virsh` without arguments in sudoers allows every \
          argument. Without a password, any program that runs as that user can do it.",
    fix: "Remove the rule with `visudo`, or `visudo -f FILE` in /etc/sudoers.d. Users who only start and stop VMs get a polkit rule for \
          org.libvirt.api.domain.start and .stop with access_drivers = [ \"polkit\" ].",
    impact: "These users and their scripts are asked for a password, or no longer manage VMs.",
    apply: Apply::HostNow,
    needs: "/etc/sudoers and what it includes (administrative access); they are read, not evaluated. /etc/group",
    judge: Judge::Host(|facts, _| sudo(facts)),
};

fn sudo(facts: &Facts) -> Judged {
    let fact = &facts.host.access.sudo;
    let sudoers = fact.get()?;
    let evidence = |rules: &[&SudoRule]| {
        let shown = rules.iter().take(SHOWN);
        shown
            .map(|rule| Evidence {
                origin: rule.place.clone(),
                value: format!("{} NOPASSWD: {}", rule.who.join(", "), rule.command),
            })
            .collect::<Vec<_>>()
    };
    let (all, tools): (Vec<&SudoRule>, Vec<&SudoRule>) = sudoers.rules.iter().partition(|rule| rule.command == "ALL");
    let ordinary = |rule: &SudoRule| rule.who.iter().find(|who| !becomes_root(facts, who)).cloned();
    let free: Vec<(&SudoRule, String)> = tools
        .iter()
        .filter(|rule| is_unlimited(&rule.command))
        .filter_map(|rule| Some((*rule, ordinary(rule)?)))
        .collect();
    if let Some((rule, who)) = free.first() {
        // Who is an administrator must be known for this, not for less.
        facts.host.groups.get()?;
        let message = format!(
            "sudo lets {who} (no administrator) run {} with any arguments as root and without a password.",
            program(&rule.command)
        );
        let rules: Vec<&SudoRule> = free.iter().map(|(rule, _)| *rule).collect();
        return Ok(Verdict::fail(message).because(evidence(&rules)));
    }
    if let Some(rule) = tools.first() {
        let message = format!("sudo lets {} run {} without a password.", rule.who.join(", "), rule.command);
        return Ok(Verdict::warn(message).because(evidence(&tools)));
    }
    if let Some(place) = &sudoers.unclear {
        return Err(Gap::new(place.as_str(), format!("{place} could not be understood")));
    }
    Ok(match all.first() {
        Some(rule) => Verdict::info(format!(
            "sudo lets {} run everything without a password, and so tools that manage VMs.",
            rule.who.join(", ")
        ))
        .because(evidence(&all)),
        None => {
            Verdict::pass("sudo runs no tool that manages VMs without a password.").and(fact.origin(), "(no such rule)")
        }
    })
}

/// root, a group of administrators or one of their members.
fn becomes_root(facts: &Facts, who: &str) -> bool {
    match who.strip_prefix('%') {
        Some(group) => ADMINISTRATORS.contains(&group) || group == "admin",
        None => is_administrator(facts, who),
    }
}

fn program(command: &str) -> &str {
    command.split_whitespace().find(|word| !word.starts_with("sha")).unwrap_or(command)
}

/// No arguments in sudoers mean any; so does a star in place of the first. `""` means none.
fn is_unlimited(command: &str) -> bool {
    let mut words = command.split_whitespace().skip_while(|word| word.starts_with("sha")).skip(1);
    words.next().is_none_or(|first| first.starts_with('*') || first == "^.*$") || command.starts_with('^')
}
