// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the executable specifications, `tests/checks/<scope>/<topic>.md`.
//!
//! An example (`###`) below a check's heading (``## `vm.floppy` ``) consists of fenced blocks:
//!
//! | block | meaning |
//! |---|---|
//! | `xml`, `xml live` | stored and running definition of the VM under test, wrapped in `<domain type='kvm'>` unless it is one; only `xml`: shut off; only `xml live`: transient |
//! | `xml vm=NAME`, `xml live vm=NAME` | another VM beside it |
//! | `conf PATH`, `file PATH`, `ini PATH` | a file of the host; `link PATH` is a symbolic link, its text the target |
//! | `facts`, `vm` | merge patch (RFC 7396) onto all facts, or onto those about the VM under test |
//! | `verdict` | `fail: The exact message.` (may be wrapped) |
//! | `evidence` | optional: all evidence, a line `ORIGIN = VALUE` each |
//!
//! What an example does not give is a missing fact. The profile is the strictest, so that nothing is softened.
//! `SPECS_FILTER=TEXT` runs only the examples whose file, check or name contains the text.

#[path = "specs/example.rs"]
mod example;
#[path = "specs/markdown.rs"]
mod markdown;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use example::Case;
use markdown::sections;
use vm_security::audit::{Scope, audit};
use vm_security::checks::{CHECKS, Outcome};
use vm_security::facts::{Facts, Vm};
use vm_security::policy::Profile;

/// First half of the catalogue's ids.
const SUBJECTS: [&str; 11] = ["host", "daemon", "vm", "proc", "storage", "net", "guest", "win", "z", "cc", "access"];

/// Names that stay lowercase where a sentence begins.
const LOWERCASE_NAMES: [&str; 7] = ["libvirt", "org.libvirt", "sVirt", "systemd", "firewalld", "polkit", "swtpm"];

#[track_caller]
fn none(problems: &[String]) {
    assert!(problems.is_empty(), "\n\n{}\n\n{} problem(s)\n", problems.join("\n\n"), problems.len());
}

#[test]
fn every_example_holds() {
    let filter = std::env::var("SPECS_FILTER").unwrap_or_default();
    let mut problems = Vec::new();
    let mut ran = 0;
    for section in sections().unwrap() {
        for example in &section.examples {
            let title = format!("{}: {}: {}", example.place, section.id, example.name);
            if !title.contains(&filter) {
                continue;
            }
            ran += 1;
            let judged = match Case::new(&section.id, example).and_then(|case| case.judge()) {
                Ok(judged) => judged,
                Err(error) => {
                    problems.push(format!("{title}\n{error}"));
                    continue;
                }
            };
            let mut problem = String::new();
            if !judged.verdict_holds() {
                let _ = write!(problem, "\nexpected  {}\ngot       {}", judged.expected, judged.got);
            }
            if let Some(expected) = judged.expected_evidence.as_ref().filter(|_| !judged.evidence_holds()) {
                let _ = write!(problem, "\nexpected evidence\n{expected}\ngot evidence\n{}", judged.got_evidence);
            }
            if !problem.is_empty() {
                problems.push(title + &problem);
            }
        }
    }
    none(&problems);
    assert!(ran > 0, "no example matches SPECS_FILTER={filter}");
}

#[test]
fn every_check_has_its_specification() {
    let mut problems = Vec::new();
    let mut outcomes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for section in sections().unwrap() {
        if !CHECKS.iter().any(|check| check.id == section.id) {
            problems.push(format!("{}: there is no check {}", section.place, section.id));
        }
        let found = outcomes.entry(section.id).or_default();
        let mut names = BTreeSet::new();
        for example in &section.examples {
            found.extend(example::outcome(example).map(str::to_owned));
            if !names.insert(&example.name) {
                problems.push(format!("{}: two examples are named so", example.place));
            }
        }
    }
    for check in CHECKS {
        let Some(found) = outcomes.get(check.id) else {
            problems.push(format!("{}: it has no specification in tests/checks", check.id));
            continue;
        };
        let has = |outcomes: &[Outcome]| found.iter().any(|word| outcomes.iter().any(|outcome| outcome.name() == word));
        // Where nothing is warned about, the information is the check's purpose, and a pass may not exist.
        let warns = has(&[Outcome::Warn, Outcome::Fail]);
        for (there, what) in [
            (has(&[Outcome::Unknown]), "lacks a fact (unknown)"),
            (has(&[Outcome::Pass]) || !warns && has(&[Outcome::Info]), "is good (pass)"),
            (warns || has(&[Outcome::Info]), "is bad (fail, warn or info)"),
        ] {
            if !there {
                problems.push(format!("{}: it has no example that {what}", check.id));
            }
        }
    }
    none(&problems);
}

#[test]
fn without_facts_no_check_claims_to_know() {
    let facts = Facts { vms: vec![Vm { uuid: "1".to_owned(), ..Vm::default() }], ..Facts::default() };
    let report = audit(&facts, Profile::Confidential, &Scope::All);
    let findings: Vec<_> = report.host.findings.iter().chain(&report.vms["1"].findings).collect();
    assert_eq!(findings.len(), CHECKS.len(), "each check answers once");
    let problems: Vec<String> = findings
        .iter()
        .filter(|(_, finding)| !matches!(finding.verdict, Outcome::Unknown | Outcome::NotApplicable))
        .map(|(id, finding)| format!("{id}: without facts it says {}: {}", finding.verdict.name(), finding.message))
        .collect();
    none(&problems);
}

#[test]
fn every_id_is_unique_and_of_the_catalogues_form() {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for check in CHECKS {
        if !seen.insert(check.id) {
            problems.push(format!("{}: two checks have this id", check.id));
        }
        let kebab = |name: &str| {
            name.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            })
        };
        if !check.id.split_once('.').is_some_and(|(subject, name)| SUBJECTS.contains(&subject) && kebab(name)) {
            problems.push(format!("{}: the catalogue's ids are SUBJECT.kebab-name", check.id));
        }
    }
    none(&problems);
}

#[test]
fn every_text_is_written_out() {
    let mut problems = Vec::new();
    for check in CHECKS {
        let mut problem = |what: &str| problems.push(format!("{}: {what}", check.id));
        if check.title.len() < 5 || check.title.ends_with('.') {
            problem("the title is a short sentence without a full stop");
        }
        for (name, text) in [("why", check.why), ("fix", check.fix), ("impact", check.impact)] {
            let start = text.starts_with(|first: char| first.is_uppercase() || first == '`')
                || LOWERCASE_NAMES.iter().any(|name| text.starts_with(name));
            if text.len() < 10 || !start || !text.ends_with('.') {
                problem(&format!("`{name}` is full sentences"));
            }
            // A continued line whose indentation became part of the text.
            if text.contains("  ") || text.contains('\n') {
                problem(&format!("`{name}` has more than one space in a row"));
            }
        }
        if check.needs.is_empty() {
            problem("`needs` says which facts it looks at");
        }
        let slug =
            |basis: &str| basis.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if check.basis.is_empty() || !check.basis.iter().all(|basis| basis.starts_with("https://") || slug(basis)) {
            problem("`basis` is sections of the chapter by their slugs, or https addresses");
        }
    }
    none(&problems);
}
