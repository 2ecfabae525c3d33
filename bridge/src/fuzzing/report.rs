// SPDX-License-Identifier: LGPL-2.1-or-later
//! What holds for every report: each check answers once, it is JSON, and no face lets through what its input says to a browser or a
//! terminal.

use crate::audit::{Scope, audit};
use crate::checks::CHECKS;
use crate::facts::Facts;
use crate::policy::Profile;
use crate::report::{Findings, Report, html, patch, picture, terminal};

pub(super) fn check(facts: &Facts) {
    let report = audit(facts, Profile::Confidential, &Scope::All);
    answered(&report.host.findings, "host");
    for vm in report.vms.values() {
        answered(&vm.findings, "vm");
    }
    assert_eq!(report.vms.len(), facts.vms.len());
    let json = serde_json::to_string(&report).unwrap_or_default();
    assert!(
        json.starts_with('{') && !json.contains(|char: char| char.is_ascii_control() && char != '\u{7f}'),
        "{json}"
    );
    assert!(matches!(patch::between(&report, &report), Ok(None)));

    let style = terminal::Style { color: false, width: 80, all: true };
    let text =
        rendered(|out| terminal::write(out, &report, style)) + &rendered(|out| picture::write(out, &report, style));
    assert!(!text.contains(unsafe_to_show), "{text}");

    let page = page(&report);
    assert!(!page.contains(|char| unsafe_to_show(char) && char != '\t'), "{page}");
    // Whatever the texts are, the page has the same marks.
    let plain = self::page(&neutral(report));
    for mark in ['<', '>', '"'] {
        assert_eq!(page.matches(mark).count(), plain.matches(mark).count(), "{page}");
    }
}

fn answered(findings: &Findings, scope: &str) {
    let mut ids: Vec<_> = CHECKS.iter().filter(|check| check.scope() == scope).map(|check| check.id).collect();
    ids.sort_unstable();
    assert!(ids.into_iter().eq(findings.keys().copied()), "each check answers once");
    assert!(findings.values().all(|finding| !finding.message.is_empty()));
}

/// Escape sequences, and what turns the direction of the text around.
fn unsafe_to_show(char: char) -> bool {
    char.is_control() && char != '\n' || matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn rendered(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    assert!(write(&mut out).is_ok());
    String::from_utf8(out).unwrap_or_default()
}

fn page(report: &Report) -> String {
    rendered(|out| html::write(out, report))
}

/// The report with nothing in its texts that means something to HTML.
fn neutral(mut report: Report) -> Report {
    fn plain(text: &str) -> String {
        text.replace(['<', '>', '"', '&', '\''], "_")
    }
    fn all(findings: &mut Findings) {
        for finding in findings.values_mut() {
            finding.message = plain(&finding.message).into();
            for evidence in &mut finding.evidence {
                *evidence = crate::checks::Evidence { origin: plain(&evidence.origin), value: plain(&evidence.value) };
            }
            if let Some(waiver) = &mut finding.waiver {
                (waiver.reason, waiver.by, waiver.since) =
                    (plain(&waiver.reason), plain(&waiver.by), plain(&waiver.since));
                waiver.until = waiver.until.as_deref().map(plain);
            }
        }
    }
    report.generated = plain(&report.generated);
    report.host.name = plain(&report.host.name);
    all(&mut report.host.findings);
    let vms = std::mem::take(&mut report.vms);
    report.vms = vms
        .into_iter()
        .enumerate()
        .map(|(number, (uuid, mut vm))| {
            (vm.name, vm.connection, vm.state) = (plain(&vm.name), plain(&vm.connection), plain(&vm.state));
            all(&mut vm.findings);
            // Two of them must not become one.
            (format!("{number} {}", plain(&uuid)), vm)
        })
        .collect();
    report
}
