// SPDX-License-Identifier: LGPL-2.1-or-later
//! Verdicts as a table: what an expert would say of a host whose state is known.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]
#![allow(dead_code, reason = "each test program uses its part")]

use serde_json::Value;

/// What a check is that has no row.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Unlisted {
    /// One that nobody reviewed.
    Wrong,
    /// Not looked at here, but at least known.
    Known,
}

/// Each row holds. `known` stands for any verdict but `unknown`.
pub(crate) fn assert_verdicts(subject: &str, findings: &Value, table: &[(&str, &str)], unlisted: Unlisted) {
    let mut wrong = Vec::new();
    for (id, finding) in findings.as_object().unwrap() {
        let row = table.iter().find(|(other, _)| other == id);
        if row.is_none() && unlisted == Unlisted::Wrong {
            wrong.push(format!("{subject}: {id} has no row: {finding}"));
            continue;
        }
        let wanted = row.map_or("known", |(_, verdict)| verdict);
        let verdict = finding["verdict"].as_str().unwrap();
        if verdict != wanted && (wanted != "known" || verdict == "unknown") {
            wrong.push(format!("{subject}: {id} is {verdict}, not {wanted}: {finding}"));
        }
    }
    for (id, _) in table {
        if findings.get(id).is_none() {
            wrong.push(format!("{subject}: there is no {id}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
