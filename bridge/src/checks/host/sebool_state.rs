// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a boolean says, which VM needs it, and whether it lasts.

use std::collections::BTreeMap;

use super::sebool::CHAPTER;
use crate::checks::daemon::asked_system;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Need, Neighbours, Severity, User, Verdict};
use crate::facts::host::{Boolean, SelinuxMode};
use crate::facts::{Fact, Facts, Gap, Link};
use crate::policy::Profile;

/// What differs from boolean to boolean.
pub(super) struct Row {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) severity: Severity,
    pub(super) why: &'static str,
    pub(super) fix: &'static str,
    pub(super) impact: &'static str,
    pub(super) needs: &'static str,
    pub(super) judge: fn(&Facts, &Neighbours) -> Judged,
}

pub(super) const fn check(profile: Profile, basis: &'static [&'static str], row: &Row) -> Check {
    Check {
        id: row.id,
        title: row.title,
        severity: row.severity,
        profile,
        area: Area::Mac,
        basis,
        why: row.why,
        fix: row.fix,
        impact: row.impact,
        apply: Apply::HostNow,
        needs: row.needs,
        judge: Judge::Host(row.judge),
    }
}

pub static NOT_PERSISTENT: Check = Check {
    id: "host.sebool-not-persistent",
    title: "SELinux booleans keep their values after a reboot",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: CHAPTER,
    why: "A boolean that was set without -P flips back at the next boot: a door that was closed opens again, or a VM that \
          worked does not start.",
    fix: "Set the value that you mean with `setsebool -P NAME on` or `setsebool -P NAME off`.",
    impact: "None now; the present value also holds after a reboot.",
    apply: Apply::HostNow,
    needs: "/sys/fs/selinux/booleans (current and pending value), and the values that setsebool -P stored (administrative access)",
    judge: Judge::Host(|facts, _| {
        if let Some(verdict) = without_selinux(facts)? {
            return Ok(verdict);
        }
        let (booleans, stored) = (&facts.host.selinux.booleans, &facts.host.selinux.stored_booleans);
        let mut evidence = Vec::new();
        let mut names = Vec::new();
        for (name, boolean) in booleans.get()? {
            let kept = stored.value().and_then(|stored| stored.get(name));
            if boolean.current != boolean.pending || kept.is_some_and(|kept| *kept != boolean.current) {
                names.push(name.as_str());
                evidence.push(shown(booleans, name, *boolean));
                if let Some(kept) = kept {
                    evidence.push(Evidence {
                        origin: format!("{}: {name}", stored.origin()),
                        value: word(*kept).to_owned(),
                    });
                }
            }
        }
        if !names.is_empty() {
            let message = format!(
                "These booleans change at the next boot or commit, as they were set without -P: {}.",
                names.join(", ")
            );
            return Ok(Verdict::warn(message).because(evidence));
        }
        let count = stored.get()?.keys().filter(|name| booleans.get().is_ok_and(|all| all.contains_key(*name))).count();
        Ok(Verdict::pass(format!(
            "No boolean of virtualization has a change pending, and the {count} that setsebool -P stored have the stored value."
        ))
        .and(booleans.origin(), "current and pending values are equal")
        .and(stored.origin(), format!("{count} stored values")))
    }),
};

/// A host without SELinux has no booleans; `host.selinux-enforcing` judges that.
fn without_selinux(facts: &Facts) -> Result<Option<Verdict>, Gap> {
    let mode = &facts.host.selinux.mode;
    Ok((*mode.get()? == SelinuxMode::Disabled)
        .then(|| Verdict::not_applicable("SELinux is not in use on this host, so it has no booleans.").with(mode)))
}

/// Evidence that the boolean is on, or `None` when it is off or there is none: then [`settled`] has the verdict.
pub(super) fn on(facts: &Facts, name: &str) -> Result<Option<Evidence>, Gap> {
    if without_selinux(facts)?.is_some() {
        return Ok(None);
    }
    let booleans = &facts.host.selinux.booleans;
    let boolean = booleans.get()?.get(name).filter(|boolean| boolean.current);
    Ok(boolean.map(|boolean| shown(booleans, name, *boolean)))
}

/// The verdict on a boolean that is not on.
pub(super) fn settled(facts: &Facts, name: &str) -> Judged {
    if let Some(verdict) = without_selinux(facts)? {
        return Ok(verdict);
    }
    let booleans = &facts.host.selinux.booleans;
    Ok(match booleans.get()?.get(name) {
        None => Verdict::not_applicable(format!("The policy of this host has no boolean {name}."))
            .and(format!("{}/{name}", booleans.origin()), "(does not exist)"),
        Some(boolean) => Verdict::pass(format!("{name} is off.")).because([shown(booleans, name, *boolean)]),
    })
}

/// A boolean that no VM needs.
pub(super) fn plain(facts: &Facts, name: &str, outcome: fn(String) -> Verdict, effect: &str) -> Judged {
    match on(facts, name)? {
        None => settled(facts, name),
        Some(on) => Ok(outcome(format!("{name} is on: {effect}.")).because([on])),
    }
}

/// A boolean that a VM may need, by the first that does: `used` is given the boolean's and that VM's name.
pub(super) fn needed(
    facts: &Facts,
    neighbours: &Neighbours,
    name: &str,
    need: Need,
    used: fn(&str, &str) -> Verdict,
    unused: fn(&str) -> Verdict,
) -> Judged {
    let Some(on) = on(facts, name)? else { return settled(facts, name) };
    Ok(match used_by(facts, neighbours, need)? {
        Some(found) => used(name, found.vm).because([on, found.evidence.clone()]),
        None => unused(name).because([on]),
    })
}

fn shown(booleans: &Fact<BTreeMap<String, Boolean>>, name: &str, boolean: Boolean) -> Evidence {
    let mut value = word(boolean.current).to_owned();
    if boolean.pending != boolean.current {
        value = format!("{value} (pending: {})", word(boolean.pending));
    }
    Evidence { origin: format!("{}/{name}", booleans.origin()), value }
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// The first VM that needs something of the host. That there is none is known only when libvirt listed all VMs of the system
/// and each definition was read.
pub(super) fn used_by<'n, 'v>(
    facts: &Facts,
    neighbours: &'n Neighbours<'v>,
    need: Need,
) -> Result<Option<&'n User<'v>>, Gap> {
    if let Some(user) = neighbours.needs.get(need) {
        return Ok(Some(user));
    }
    if let Some(gap) = &neighbours.unread {
        return Err(gap.clone());
    }
    all_vms_known(facts).map(|()| None)
}

/// Whether libvirt listed all VMs of this host's system.
pub(super) fn all_vms_known(facts: &Facts) -> Result<(), Gap> {
    match &facts.libvirt.link {
        Link::Connected => asked_system(facts),
        Link::Unreachable { message } | Link::Denied { message } => {
            Err(Gap::new("libvirt", format!("which VMs need it libvirt did not say ({message})")))
        }
        Link::NotUsed => Err(Gap::new("libvirt", "libvirt was not asked about this host's VMs")),
    }
}
