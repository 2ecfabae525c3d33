// SPDX-License-Identifier: LGPL-2.1-or-later
//! Verdicts as a table: what an expert would say of a host whose state is known.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use serde_json::Value;

/// Each row holds, and what is not in the table is at least known. `known` stands for any verdict but `unknown`.
pub(crate) fn assert_verdicts(subject: &str, findings: &Value, table: &[(&str, &str)]) {
    let mut wrong = Vec::new();
    for (id, finding) in findings.as_object().unwrap() {
        let wanted = table.iter().find(|(other, _)| other == id).map_or("known", |(_, verdict)| verdict);
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
