// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whom polkit lets manage VMs without asking.

use super::javascript::{self, Condition, Token};
use super::pkla;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::host::RulesFile;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const ACTION: &str = "org.libvirt.unix.manage";

pub static MANAGE: Check = Check {
    id: "access.polkit-manage",
    title: "polkit lets only administrators manage VMs unasked",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["https://libvirt.org/aclpolkit.html", "limiting-what-actions-are-available-to-virtual-machine-users"],
    why: "Who has org.libvirt.unix.manage may manage all VMs, and with that is root: a VM may be given any file of the host as its disk. \
          A rule that says YES without a look at who asks gives it to every local user.",
    fix: "Let the rule test `subject.isInGroup(\"libvirt\")`, or remove it; then the defaults of libvirt hold, which ask for an administrator's \
          password. `pkcheck --action-id org.libvirt.unix.manage --process PID` shows what polkit answers.",
    impact: "Users whom the rule let in are asked for an administrator's password.",
    apply: Apply::HostNow,
    needs: "files that speak of libvirt in /etc/polkit-1/rules.d, /usr/share/polkit-1/rules.d and polkit's .pkla directories (administrative \
            access); they are read, not evaluated. polkit's implicit answers over D-Bus",
    judge: Judge::Host(|facts, _| manage(facts)),
};

/// Groups whose members are administrators anyway, or are judged by `access.libvirt-group`.
const GROUPS: [&str; 4] = ["libvirt", "wheel", "sudo", "root"];
/// root, and the service that gives D-Bus clients access, which asks polkit in turn.
const USERS: [&str; 2] = ["root", "libvirtdbus"];

/// Who is let in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Who {
    /// Only whom everybody expects.
    Expected,
    Others(String),
    /// Perhaps everybody: the scan cannot tell.
    Unclear,
    Everybody,
}

fn manage(facts: &Facts) -> Judged {
    let polkit = &facts.host.polkit;
    if let Some(answers) = polkit.actions.value().and_then(|actions| actions.get(ACTION)) {
        let all = [("any", &answers.any), ("inactive", &answers.inactive), ("active", &answers.active)];
        if let Some((kind, _)) = all.iter().find(|(_, answer)| *answer == "yes") {
            let message =
                format!("polkit's implicit answer to {ACTION} is yes: every user may manage all VMs unasked.");
            return Ok(Verdict::fail(message).and(format!("{}: {ACTION} {kind}", polkit.actions.origin()), "yes"));
        }
    }
    let files = polkit.rules.get()?;
    let mut worst = (Who::Expected, None);
    let mut gap = None;
    for file in files {
        let found = if pkla::is_pkla(file) { Ok(pkla(&file.text)) } else { rules(&file.text) };
        match found {
            Ok(found) => {
                for (who, what) in found {
                    if who > worst.0 {
                        worst = (who, Some(Evidence { origin: file.path.clone(), value: what }));
                    }
                }
            }
            Err(reason) => {
                gap = gap.or(Some(Gap::new(&file.path, format!("{} could not be understood: {reason}", file.path))));
            }
        }
    }
    let (who, evidence) = worst;
    let place = evidence.as_ref().map_or("", |evidence| evidence.origin.as_str());
    let verdict = match who {
        Who::Everybody => Verdict::fail(format!("{place} lets everybody on this host manage all VMs unasked.")),
        Who::Unclear => Verdict::warn(format!(
            "{place} says YES without a look at who asks, under conditions that were not understood; pkcheck shows whether {ACTION} is meant."
        )),
        Who::Others(others) => Verdict::warn(format!("{place} lets {others} manage all VMs unasked.")),
        Who::Expected => match gap {
            Some(gap) => return Err(gap),
            None => Verdict::pass(
                "polkit lets nobody manage VMs unasked but members of groups of administrators, the group libvirt, and libvirt's own services.",
            )
            .because(files.iter().map(read)),
        },
    };
    Ok(verdict.because(evidence))
}

fn read(file: &RulesFile) -> Evidence {
    Evidence { origin: file.path.clone(), value: "(nobody else is let in)".to_owned() }
}

/// Whom each YES of a rules file lets manage VMs.
fn rules(text: &str) -> Result<Vec<(Who, String)>, String> {
    let tokens = javascript::tokens(text)?;
    let speaks = tokens.iter().any(covers);
    let grants = javascript::grants(&tokens)?;
    Ok(grants.iter().filter_map(|grant| judge(grant, speaks)).collect())
}

/// `speaks`: the file names the action, or a pattern that it matches, somewhere.
fn judge(grant: &[Condition], speaks: bool) -> Option<(Who, String)> {
    let denies = |tokens: &[Token]| tokens.iter().any(|token| matches!(token, Token::Mark(mark) if mark.contains('!')));
    // "Leave unless …" restricts what follows; "leave if it is something else" does not.
    let restricting = || grant.iter().filter(|condition| !condition.negated || denies(condition.tokens));
    let all = || restricting().flat_map(|condition| condition.tokens);
    let unclear = if all().any(covers) {
        false
    } else if restricting().any(|condition| asks_action(condition.tokens)) {
        let other = all().any(|token| matches!(token, Token::Text(text) if text.contains('.')));
        if other || !speaks {
            return None;
        }
        true
    } else {
        // No look at the action at all: YES to everything.
        false
    };
    let mut names = Vec::new();
    for condition in restricting() {
        names.extend(identities(condition));
    }
    let expected = |(kind, name): &&(&str, String)| match *kind {
        "the group" => GROUPS.contains(&name.as_str()),
        _ => USERS.contains(&name.as_str()),
    };
    let others: Vec<String> =
        names.iter().filter(|name| !expected(name)).map(|(kind, name)| format!("{kind} {name}")).collect();
    Some(if names.is_empty() {
        (if unclear { Who::Unclear } else { Who::Everybody }, "YES without a test of the user or the group".to_owned())
    } else if others.is_empty() {
        (Who::Expected, String::new())
    } else {
        let others = others.join(" and ");
        (Who::Others(others.clone()), format!("YES for {others}"))
    })
}

/// A string that is the action or the beginning of its name, or a pattern that is about libvirt and no other action.
fn covers(token: &Token) -> bool {
    match token {
        Token::Text(text) => text.len() >= "org.".len() && ACTION.starts_with(text.as_str()),
        Token::Regex(pattern) => {
            pattern.contains("libvirt")
                && !["unix.monitor", "libvirt.api", "libvirt.dbus"].iter().any(|other| pattern.contains(other))
        }
        _ => false,
    }
}

/// `action.id` or `action.lookup(…)`, whatever the rule calls its parameter.
fn asks_action(tokens: &[Token]) -> bool {
    tokens.windows(2).any(|pair| pair[0].is_mark(".") && (pair[1].is_word("id") || pair[1].is_word("lookup")))
}

/// The groups and users that a condition asks for. `!subject.isInGroup(…)` asks for all the others, and names nobody, unless the
/// condition is negated itself.
fn identities(condition: &Condition) -> Vec<(&'static str, String)> {
    let tokens = condition.tokens;
    let at = |index: Option<usize>| index.and_then(|index| tokens.get(index));
    let text = |index: Option<usize>| match at(index) {
        Some(Token::Text(text)) => Some(text.clone()),
        _ => None,
    };
    let mark = |index: Option<usize>| match at(index) {
        Some(Token::Mark(mark)) => mark.as_str(),
        _ => "",
    };
    let mut found = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        if mark(index.checked_sub(1)) != "." {
            continue;
        }
        let before = index.checked_sub(3);
        if token.is_word("isInGroup") || token.is_word("isInNetGroup") {
            if condition.negated || !mark(before).ends_with('!') {
                let kind = if token.is_word("isInGroup") { "the group" } else { "the netgroup" };
                found.push((kind, text(Some(index + 2)).unwrap_or_else(|| "(not given as a name)".to_owned())));
            }
        } else if token.is_word("user") {
            let compared = [mark(Some(index + 1)), mark(before)];
            if condition.negated || !compared.iter().any(|mark| mark.starts_with("!=")) {
                let name = text(Some(index + 2)).or_else(|| text(index.checked_sub(4)));
                found.push(("the user", name.unwrap_or_else(|| "(not given as a name)".to_owned())));
            }
        }
    }
    found
}

/// Whom each section of an authority file lets manage VMs.
fn pkla(text: &str) -> Vec<(Who, String)> {
    let grants = pkla::grants(text).into_iter().filter(|grant| grant.covers(ACTION));
    grants.flat_map(|grant| grant.identities()).map(pkla_identity).collect()
}

fn pkla_identity(identity: &str) -> (Who, String) {
    let what = format!("Identity={identity} with a result of yes");
    let who = match pkla::one(identity) {
        None if identity.contains(':') => Who::Everybody,
        Some(("unix-group", name)) if GROUPS.contains(&name) => Who::Expected,
        Some(("unix-user", name)) if USERS.contains(&name) => Who::Expected,
        Some(("unix-group", name)) => Who::Others(format!("the group {name}")),
        Some(("unix-user", name)) => Who::Others(format!("the user {name}")),
        _ => Who::Others(identity.to_owned()),
    };
    (who, what)
}
