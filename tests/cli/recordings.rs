// SPDX-License-Identifier: LGPL-2.1-or-later
//! `facts`, and `audit --facts` of what it wrote or of what somebody else did.

use serde_json::{Value, json};

use crate::program::{EXPOSED, Place, domain, run, timeless, uuid};

fn audit(path: &str) -> Value {
    timeless(run(&["audit", "--format", "json", "--facts", path]).json())
}

#[test]
fn facts_are_judged_later_as_they_were_at_once() {
    let place = Place::new();
    let uri = place.test_driver(
        &[domain("web1", 1, "", EXPOSED), domain("db1", 2, "<test:runstate>5</test:runstate>", "")].concat(),
    );
    place.file("etc/libvirt/qemu.conf", "user = \"root\"\nnamespaces = []\nvnc_password = \"hunter2\"\n");
    place.file("etc/libvirt/libvirtd.conf", "auth_unix_rw = none\n");
    place.file("sys/kernel/mm/ksm/run", "1\n");
    // Below a directory of our own: what the running host says changes between two reads.
    let sources = ["-c", &uri, "--root", &place.path("")];
    for profile in ["baseline", "server", "multi-tenant", "confidential"] {
        let judge = ["audit", "--format", "json", "--profile", profile];
        let direct = run(&[&judge, sources.as_slice()].concat()).json();
        let facts = run(&[&["facts"], sources.as_slice()].concat()).ok();
        assert!(!facts.contains("hunter2"), "{facts}");
        let recording = place.file("host.json", facts);
        let replayed = run(&[judge.as_slice(), &["--facts", &recording]].concat()).json();
        assert_eq!(direct["profile"], profile);
        assert_eq!(timeless(direct), timeless(replayed));
    }
}

#[test]
fn recordings_of_nothing() {
    let place = Place::new();
    let recorded = "2026-01-31T12:00:00Z";
    for nothing in [
        json!({"version": 1, "recorded": recorded}),
        json!({"version": 1, "recorded": recorded, "vms": [{}], "later": {"more": []}}),
    ] {
        let report = audit(&place.file("nothing.json", nothing.to_string()));
        let findings = report["host"]["findings"].as_object().unwrap();
        assert!(!findings.is_empty());
        for (id, finding) in findings {
            assert!(matches!(finding["verdict"].as_str(), Some("unknown" | "not-applicable")), "{id}: {finding}");
        }
        assert_eq!(report["host"]["proven"], false);
    }
}

#[test]
fn recordings_that_are_refused() {
    let place = Place::new();
    let whole = run(&["facts", "-c", "test:///default", "--root", &place.path("")]).ok();
    let vm = json!({"uuid": uuid(1), "name": "twin"});
    let table = [
        ("truncated", whole[..whole.len() / 2].to_owned(), "EOF"),
        ("empty", String::new(), "EOF"),
        (
            "another version",
            json!({"version": 2, "host": "looks different"}).to_string(),
            "version 2, this program reads version 1",
        ),
        ("no version", "{}".to_owned(), "version"),
        ("a version in words", json!({"version": "1"}).to_string(), "version"),
        ("a list", "[]".to_owned(), "recording"),
        ("null", "null".to_owned(), "recording"),
        ("a number", "1e999".to_owned(), "recording"),
        ("VMs as an object", json!({"version": 1, "vms": {}}).to_string(), "not valid"),
        ("a VM as a text", json!({"version": 1, "vms": ["web1"]}).to_string(), "not valid"),
        ("the host as a list", json!({"version": 1, "host": [1]}).to_string(), "not valid"),
        (
            "a definition as a number",
            json!({"version": 1, "vms": [{"stored": {"value": 7, "origin": ""}}]}).to_string(),
            "not valid",
        ),
        (
            "a state that there is not",
            json!({"version": 1, "vms": [{"state": {"value": "\u{1b}[31m", "origin": ""}}]}).to_string(),
            "not valid",
        ),
        ("two VMs in one place", json!({"version": 1, "vms": [vm, vm]}).to_string(), "two VMs"),
        ("a report instead", run(&["audit", "-c", "test:///default", "--format", "json"]).ok(), "not valid"),
        ("deep", format!("{{\"version\":1,\"vms\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)), "not valid"),
    ];
    for (what, text, reason) in table {
        let file = place.file(&format!("{what}.json"), text);
        run(&["audit", "--facts", &file]).refused(&[&file, reason]);
    }
    let binary = place.file("binary.json", b"\xff\xfe{}");
    run(&["audit", "--facts", &binary]).refused(&[&binary, "not UTF-8"]);
    run(&["audit", "--facts", &place.path("none.json")]).refused(&["none.json", "No such file"]);
    let file = place.file("good.json", r#"{"version": 1}"#);
    run(&["audit", "--facts", &file, "--root", "/"]).misused("--root");
    run(&["audit", "--facts", &file, "-c", "system"]).misused("--connect");
    run(&["audit", "--facts", &file, "web1"]).refused(&["there is no VM 'web1'"]);
    run(&["audit", "--facts", &file, "new.xml"]).refused(&["judged alone"]);
}

/// Right in form and hostile in content: judged, with each definition that cannot be read as not known.
#[test]
fn recordings_from_somebody_hostile() {
    let place = Place::new();
    let definition = |text: &str| json!({"value": text, "origin": "virsh dumpxml"});
    let vms = json!([
        {"uuid": "a", "name": "\u{1b}]0;owned\u{7}", "stored": definition("<!DOCTYPE d [<!ENTITY a 'b'>]><domain>&a;</domain>")},
        {"uuid": "b", "name": "<script>alert(1)</script>", "stored": definition("<network/>")},
        {"uuid": "../../etc", "name": "", "stored": definition(&"<a>".repeat(200_000)), "live": definition("")},
        {"uuid": "\u{202e}", "name": "x".repeat(100_000), "stored": definition("<domain/>"), "live": {"value": null, "origin": "\u{1b}[2J"}},
    ]);
    let file =
        place.file("hostile.json", json!({"version": 1, "recorded": "2026-01-01T00:00:00Z", "vms": vms}).to_string());
    let report = audit(&file);
    for uuid in ["a", "b", "../../etc"] {
        let finding = &report["vms"][uuid]["findings"]["vm.graphics-listen"];
        assert_eq!(finding["verdict"], "unknown", "{uuid}: {finding}");
        assert_eq!(report["vms"][uuid]["proven"], false);
    }
    let shown = run(&["audit", "--all", "--facts", &file]).ok();
    assert!(shown.contains("VM \\u{1b}]0;owned\\u{7} (unknown)"), "{shown}");
    assert!(!shown.contains(|char: char| char.is_control() && char != '\n') && !shown.contains('\u{202e}'));
    assert!(shown.lines().all(|line| line.chars().count() <= 80));
}
