// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is on that host, and how it was booted.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

use serde_json::Value;

pub(crate) const TENANT_A: &str = "aaaaaaaa-0000-4000-8000-000000000001";
pub(crate) const TENANT_B: &str = "bbbbbbbb-0000-4000-8000-000000000002";
pub(crate) const TENANTS: [&str; 2] = [TENANT_A, TENANT_B];

/// Whether the host was booted with SELinux enforcing.
pub(crate) fn booted_enforcing() -> bool {
    match std::env::var("VM_SECURITY_ENFORCING").as_deref() {
        Ok("1") => true,
        Ok("0") => false,
        other => panic!("VM_SECURITY_ENFORCING must be 1 or 0, not {other:?}"),
    }
}

/// The value of a finding's evidence with this origin.
pub(crate) fn evidence<'a>(finding: &'a Value, origin: &str) -> &'a str {
    let all = finding["evidence"].as_array().expect("evidence");
    let found = all.iter().find(|evidence| evidence["origin"] == origin);
    found.and_then(|evidence| evidence["value"].as_str()).unwrap_or_else(|| panic!("no {origin} in {finding}"))
}
