// SPDX-License-Identifier: LGPL-2.1-or-later
//! polkit's rules for single actions of libvirt, where libvirt asks for them, and what Cockpit makes of that.

use std::borrow::Cow;

use super::ADMINISTRATORS;
use super::javascript::{self, Condition, Token};
use super::pkla;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const CHAPTER: &str = "limiting-what-actions-are-available-to-virtual-machine-users";
const KEY: &str = "access_drivers";
/// What the names of libvirt's actions begin with.
const API: &str = "org.libvirt.api.";
/// Some of them, and a name that only a pattern for all of them fits.
const ACTIONS: [&str; 3] =
    ["org.libvirt.api.domain.start", "org.libvirt.api.domain.stop", "org.libvirt.api.domain.write"];
const ANY: &str = "org.libvirt.api.\u{0}";

pub static RULES: Check = Check {
    id: "access.polkit-acl-rules",
    title: "polkit's rules for libvirt's actions name the VMs that they are about",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &[CHAPTER, "https://libvirt.org/aclpolkit.html"],
    why: "With the access driver polkit, libvirt asks before each action. A rule that says YES to all actions takes that back: whoever it \
          lets in may do everything with every VM, and so with the host.",
    fix: "In /etc/polkit-1/rules.d, test `action.lookup(\"domain_name\")` or `action.lookup(\"domain_uuid\")` beside the user or the group, and name \
          the actions: org.libvirt.api.domain.start, org.libvirt.api.domain.stop.",
    impact: "Users see and do only what a rule names.",
    apply: Apply::HostNow,
    needs: "access_drivers of libvirt's daemons, files that speak of libvirt in polkit's directories of rules (administrative access)",
    judge: Judge::Host(|facts, _| rules(facts)),
};

/// The places where libvirt is told to ask polkit. None, where the configuration is known and does not.
fn asked(facts: &Facts) -> Result<Vec<Evidence>, Gap> {
    let daemons = &facts.host.config.daemons;
    if daemons.is_empty() {
        return Err(Gap::new("/etc/libvirt", "no configuration file of libvirt's daemons was read"));
    }
    let mut found = Vec::new();
    let mut gap = None;
    for fact in daemons.values() {
        let conf = match fact.get() {
            Ok(conf) => conf,
            Err(missing) => {
                gap = gap.or(Some(missing));
                continue;
            }
        };
        if conf.list(KEY)?.is_some_and(|list| list.iter().any(|driver| driver == "polkit")) {
            found.push(Evidence { origin: conf.place(KEY), value: conf.shown(KEY) });
        }
    }
    match gap {
        Some(gap) if found.is_empty() => Err(gap),
        _ => Ok(found),
    }
}

fn rules(facts: &Facts) -> Judged {
    let asked = asked(facts)?;
    if asked.is_empty() {
        return Ok(Verdict::not_applicable("libvirt does not ask polkit about single actions (access_drivers)."));
    }
    let files = facts.host.polkit.rules.get()?;
    let mut worst = (Outcome::Warn, None);
    let mut gap = None;
    for file in files {
        let found = if pkla::is_pkla(file) { Ok(authorities(&file.text)) } else { scripted(&file.text) };
        match found {
            Ok(found) => {
                for (outcome, what) in found {
                    if worst.1.is_none() || outcome > worst.0 {
                        worst = (outcome, Some((file.path.as_str(), what)));
                    }
                }
            }
            Err(reason) => {
                gap = gap.or(Some(Gap::new(&file.path, format!("{} could not be understood: {reason}", file.path))));
            }
        }
    }
    let evidence = |path: &str, what: Cow<str>| Evidence { origin: path.to_owned(), value: what.into_owned() };
    let verdict = match (worst, gap) {
        ((Outcome::Fail, Some((path, what))), _) => {
            Verdict::fail(format!("{path} says YES to every action of libvirt, whatever VM it is about.")).because([evidence(path, what)])
        }
        (_, Some(gap)) => return Err(gap),
        ((Outcome::Warn, Some((path, what))), None) => {
            Verdict::warn(format!("{path} says YES to actions of libvirt without a look at which VM they are about.")).because([evidence(path, what)])
        }
        ((_, Some((path, what))), None) => {
            Verdict::pass("polkit's rules for libvirt's actions name the VMs that they are about, or let in administrators only.").because([evidence(path, what)])
        }
        ((_, None), None) => Verdict::warn(
            "libvirt asks polkit about each action, but no rule names one: users may only look at VMs, or are asked for an administrator's password.",
        )
        .and(facts.host.polkit.rules.origin(), "(no rule for org.libvirt.api)"),
    };
    Ok(verdict.because(asked))
}

/// How good each YES of a rules file is that is about libvirt's actions, and what shows it.
fn scripted(text: &str) -> Result<Vec<(Outcome, Cow<'static, str>)>, String> {
    let tokens = javascript::tokens(text)?;
    let grants = javascript::grants(&tokens)?;
    let outcomes = grants.iter().filter_map(|grant| judge(grant));
    let shown = |outcome| if outcome == Outcome::Pass { "action.lookup" } else { "YES without action.lookup" };
    Ok(outcomes.map(|outcome| (outcome, shown(outcome).into())).collect())
}

/// The same of an authority file. Its sections cannot ask which VM an action is about.
fn authorities(text: &str) -> Vec<(Outcome, Cow<'static, str>)> {
    let mut found = Vec::new();
    for grant in pkla::grants(text) {
        // What a pattern with a star in the middle is about, some of libvirt's actions tell.
        let about =
            |pattern: &str| pattern.starts_with(API) || ACTIONS.iter().any(|action| pkla::matches(pattern, action));
        let others = grant.identities().find(|identity| !is_administrators(identity));
        let identity = others.or_else(|| grant.identities().next());
        if let (Some(identity), Some(pattern)) = (identity, grant.actions().find(|pattern| about(pattern))) {
            let outcome = if others.is_none() {
                Outcome::Pass
            } else if grant.covers(ANY) {
                Outcome::Fail
            } else {
                Outcome::Warn
            };
            found.push((outcome, format!("Action={pattern} for {identity} with a result of yes").into()));
        }
    }
    found
}

fn is_administrators(identity: &str) -> bool {
    match pkla::one(identity) {
        Some(("unix-group", name)) => ADMINISTRATORS.contains(&name),
        Some(("unix-user", name)) => name == "root",
        _ => false,
    }
}

/// How good one YES is, if it is about libvirt's actions.
fn judge(grant: &[Condition]) -> Option<Outcome> {
    let all = || grant.iter().flat_map(|condition| condition.tokens);
    let texts = || {
        all().filter_map(|token| match token {
            Token::Text(text) | Token::Regex(text) => Some(text.as_str()),
            _ => None,
        })
    };
    let api: Vec<&str> =
        texts().filter(|text| text.contains("libvirt.api") || text.contains("libvirt\\.api")).collect();
    if api.is_empty() {
        return None;
    }
    let looks_up = grant.iter().any(|condition| condition.tokens.iter().any(|token| token.is_word("lookup")));
    let administrators = || {
        let mut asked = all().zip(all().skip(2)).filter(|(token, _)| token.is_word("isInGroup")).peekable();
        asked.peek().is_some()
            && asked.all(|(_, group)| matches!(group, Token::Text(name) if ADMINISTRATORS.contains(&name.as_str())))
    };
    Some(if looks_up || administrators() {
        Outcome::Pass
    } else if api.iter().any(|text| {
        API.starts_with(text.trim_start_matches('^').trim_end_matches(['*', '.'])) || text.ends_with("api.")
    }) {
        Outcome::Fail
    } else {
        Outcome::Warn
    })
}

pub static COCKPIT: Check = Check {
    id: "access.cockpit-acl-conflict",
    title: "libvirt's access control and Cockpit do not contradict each other",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &[CHAPTER, "https://github.com/cockpit-project/cockpit-machines/issues/58"],
    why: "Cockpit reaches libvirt through libvirt-dbus, which has a user of its own. polkit then judges that user and not who is logged in: VMs \
          disappear for everybody, or stay fully manageable for those who should be limited.",
    fix: "Decide for one of the two. Either leave access_drivers unset and let only administrators into the group libvirt; or limit users with polkit and \
          a D-Bus policy for org.libvirt in /etc/dbus-1/system.d that keeps them from libvirt-dbus, and let them use virsh.",
    impact: "Limited users have no page for VMs in Cockpit, or there are no limited users.",
    apply: Apply::Manual,
    needs: "access_drivers of libvirt's daemons (administrative access), whether libvirt-dbus and cockpit-machines are installed",
    judge: Judge::Host(|facts, _| {
        let asked = asked(facts)?;
        if asked.is_empty() {
            return Ok(Verdict::not_applicable("libvirt does not ask polkit about single actions (access_drivers)."));
        }
        let access = &facts.host.access;
        let (bus, machines) = (*access.libvirt_dbus.get()?, *access.cockpit_machines.get()?);
        let installed = if machines { "cockpit-machines" } else { "libvirt-dbus" };
        let verdict = if bus || machines {
            Verdict::warn(format!(
                "libvirt asks polkit about each action, and {installed} is installed: through it polkit does not tell one user from another."
            ))
        } else {
            Verdict::pass(
                "libvirt asks polkit about each action, and neither libvirt-dbus nor cockpit-machines is installed.",
            )
        };
        Ok(verdict.with(&access.libvirt_dbus).with(&access.cockpit_machines).because(asked))
    }),
};
