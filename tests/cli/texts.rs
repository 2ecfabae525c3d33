// SPDX-License-Identifier: LGPL-2.1-or-later
//! `checks` and `explain`: what there is to read about the checks themselves.

use serde_json::Value;

use crate::program::{command, finish, run};

fn checks() -> Vec<Value> {
    let document = run(&["checks", "--format", "json"]).json();
    assert_eq!(document["version"], 1);
    document["checks"].as_array().unwrap().clone()
}

#[test]
fn the_list_as_json() {
    let checks = checks();
    for check in &checks {
        for field in ["id", "title", "scope", "area", "severity", "profile", "why", "fix", "impact", "apply"] {
            assert!(check[field].as_str().is_some_and(|text| !text.is_empty()), "{field}: {check}");
        }
        assert!(check["basis"].as_array().is_some_and(|list| list.iter().all(Value::is_string)), "{check}");
        assert!(["host", "vm"].iter().any(|scope| check["scope"] == **scope), "{check}");
    }
    assert!(checks.iter().any(|check| check["id"] == "vm.graphics-listen"));
}

#[test]
fn each_check_is_listed_and_explained() {
    let checks = checks();
    let list = run(&["checks"]).ok();
    assert!(
        list.ends_with(&format!("{} checks. `vm-security explain ID` tells more about one.\n", checks.len())),
        "{list}"
    );
    for check in &checks {
        let text = |field: &str| check[field].as_str().unwrap();
        let line = format!("{}  {}, from profile {}", text("id"), text("severity"), text("profile"));
        assert!(list.lines().any(|other| other == line), "{line}");
        let explained = run(&["explain", text("id")]).ok();
        assert!(explained.starts_with(text("id")), "{explained}");
        assert!(explained.lines().all(|line| line.chars().count() <= 80), "{explained}");
        // Without spaces: an address or an option is longer than a line at times.
        let flat: String = explained.split_whitespace().collect();
        for field in ["title", "why", "fix", "impact"] {
            let words: String = text(field).split_whitespace().collect();
            assert!(flat.contains(&words), "{field} of {}", text("id"));
        }
        for basis in check["basis"].as_array().unwrap() {
            assert!(flat.contains(basis.as_str().unwrap()), "{basis} of {}", text("id"));
        }
    }
}

#[test]
fn a_check_that_there_is_not() {
    run(&["explain", "graphics-listen"]).refused(&["no check 'graphics-listen'", "vm.graphics-listen"]);
    run(&["explain", "vm.nonsense"]).refused(&["no check 'vm.nonsense'", "vm-security checks lists them"]);
    run(&["explain", "\u{1b}[31m"]).refused(&["'\\u{1b}[31m'"]);
    run(&["explain", ""]).refused(&["no check ''"]);
}

#[test]
fn help_is_worth_reading() {
    let help = run(&["audit", "--help"]).ok();
    for word in ["Examples:", "--fail-on", "Exit status", "--facts", "new.xml", "multi-tenant"] {
        assert!(help.contains(word), "{word}: {help}");
    }
    assert!(run(&["--version"]).ok().contains(env!("CARGO_PKG_VERSION")));
    let nothing = finish(&mut command(&[]));
    assert_eq!(nothing.code, Some(2));
    assert!(nothing.stderr.contains("Usage: vm-security"), "{nothing:?}");
    run(&["audti"]).misused("audit");
}
