// SPDX-License-Identifier: LGPL-2.1-or-later
//! The views of `vm-security1`, spoken to directly and through a real cockpit-bridge: `crate::start` decides.
//!
//! libvirt's test driver stands behind them. It has one VM, needs no daemon, and is the same everywhere.

use serde_json::{Value, json};

use crate::start;
use crate::transcript::Transcript;

const CONNECTION: &str = "test:///default";
const VM: &str = "6695eb01-f6a4-8304-79aa-97f2502e193f";
const NO_SOCKET: &str = "/nonexistent/libvirt-sock";

/// The options of an audit: ours, with these put over them.
#[allow(clippy::needless_pass_by_value, reason = "so that a json!() can stand in the call")]
fn audit(options: Value) -> Value {
    let mut open = json!({"view": "audit", "connection": CONNECTION});
    for (name, value) in options.as_object().into_iter().flatten() {
        open[name] = value.clone();
    }
    open
}

fn expect_report(transcript: &mut Transcript, id: &str) -> Value {
    transcript.expect_ready(id);
    let report = transcript.expect_json(id);
    assert_eq!(report["version"], 1, "{report}");
    report
}

fn expect_whole_report(transcript: &mut Transcript, id: &str, options: Value) -> Value {
    transcript.open(id, audit(options));
    let report = expect_report(transcript, id);
    transcript.expect_done(id);
    transcript.expect_close(id);
    report
}

fn start_watching(transcript: &mut Transcript, id: &str, options: Value) -> Value {
    let mut open = audit(options);
    open["watch"] = json!(true);
    transcript.open(id, open);
    expect_report(transcript, id)
}

#[test]
fn a_report_of_everything_and_of_one_vm() {
    let mut transcript = start();
    let all = expect_whole_report(&mut transcript, "1:1", json!({}));
    assert_eq!(all["libvirt"]["state"], "connected", "{all}");
    assert_eq!(all["profile"], "server");
    assert_eq!(all["vms"][VM]["name"], "test");
    let one = expect_whole_report(&mut transcript, "1:2", json!({"vm": VM, "profile": "multi-tenant"}));
    assert_eq!(one["profile"], "multi-tenant");
    assert!(one["vms"].as_object().is_some_and(|vms| vms.keys().eq([VM])), "{one}");
    assert!(one["vms"][VM]["findings"].as_object().is_some_and(|findings| !findings.is_empty()));
    assert!(transcript.hang_up().ok);
}

#[test]
fn a_vm_by_its_name_and_only_some_verdicts() {
    let mut transcript = start();
    let all = expect_whole_report(&mut transcript, "1:1", json!({"vm-name": "test"}));
    let one =
        expect_whole_report(&mut transcript, "1:2", json!({"vm-name": "test", "vm-verdicts": ["fail", "unknown"]}));
    let findings = |report: &Value| report["vms"][VM]["findings"].as_object().cloned().unwrap_or_default();
    let (all_found, found) = (findings(&all), findings(&one));
    let wanted =
        all_found.iter().filter(|(_, finding)| ["fail", "unknown"].contains(&finding["verdict"].as_str().unwrap()));
    assert!(found.iter().eq(wanted) && !found.is_empty() && found.len() < all_found.len(), "{one}");
    let of_host = |report: &Value| report["host"]["findings"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(of_host(&one), of_host(&all), "the host's own findings are all there");
    assert_eq!(
        (&one["vms"][VM]["meets"], &one["vms"][VM]["proven"]),
        (&all["vms"][VM]["meets"], &all["vms"][VM]["proven"])
    );
    let none = expect_whole_report(&mut transcript, "1:3", json!({"vm-name": "no such name"}));
    assert_eq!(none["vms"], json!({}), "{none}");
    let none = start_watching(&mut transcript, "1:4", json!({"vm-name": "no such name"}));
    assert_eq!(none["vms"], json!({}), "{none}");
    assert!(transcript.hang_up().ok);
}

#[test]
fn the_checks() {
    let mut transcript = start();
    transcript.open("1:1", json!({"view": "checks"}));
    let checks = expect_report(&mut transcript, "1:1");
    transcript.expect_done("1:1");
    transcript.expect_close("1:1");
    let rows = checks["checks"].as_array();
    assert!(rows.is_some_and(|rows| rows.iter().any(|row| row["id"] == "vm.graphics-listen")), "{checks}");
}

#[test]
fn the_facts_and_the_printable_report() {
    let mut transcript = start();
    let mut expect_one = |id: &str, view: &str| {
        transcript.open(id, audit(json!({"view": view, "vm": VM})));
        transcript.expect_ready(id);
        let answer = transcript.expect_json(id);
        transcript.expect_done(id);
        transcript.expect_close(id);
        answer
    };
    let facts = expect_one("1:1", "facts");
    assert_eq!(facts["vms"].as_array().map(Vec::len), Some(1), "{facts}");
    assert!(facts["vms"][0]["stored"]["value"].as_str().is_some_and(|xml| xml.contains(VM)));
    let page = expect_one("1:2", "html");
    assert!(page.as_str().is_some_and(|page| page.starts_with("<!DOCTYPE html>") && page.contains(VM)), "{page}");
}

#[test]
fn what_is_refused() {
    let mut transcript = start();
    let no_such_vm = "00000000-0000-4000-8000-000000000000";
    let table = [
        (audit(json!({"vm": no_such_vm})), "not-found", no_such_vm),
        (audit(json!({"vm": no_such_vm, "watch": true})), "not-found", no_such_vm),
        (audit(json!({"vm": "<script>"})), "not-found", "<script>"),
        (json!({"view": "none such"}), "not-supported", "none such"),
        (json!({}), "protocol-error", "\"view\" is missing"),
        (json!({"view": 1}), "protocol-error", "\"view\" must be a string, not a number"),
        (audit(json!({"connection": true})), "protocol-error", "\"connection\" must be a string, not true or false"),
        (audit(json!({"connection": "nonsense"})), "protocol-error", "nonsense"),
        (audit(json!({"connection": ""})), "protocol-error", "''"),
        (audit(json!({"vm": [VM]})), "protocol-error", "\"vm\" must be a string, not an array"),
        (audit(json!({"profile": {}})), "protocol-error", "\"profile\" must be a string, not an object"),
        (audit(json!({"profile": "strict"})), "protocol-error", "strict"),
        (audit(json!({"vm": VM, "vm-name": "test"})), "protocol-error", "both vm and vm-name"),
        (audit(json!({"vm-name": 1})), "protocol-error", "\"vm-name\" must be a string, not a number"),
        (
            audit(json!({"vm-verdicts": "fail"})),
            "protocol-error",
            "\"vm-verdicts\" must be an array of strings, not a string",
        ),
        (audit(json!({"vm-verdicts": ["fail", 1]})), "protocol-error", "\"vm-verdicts\" must be an array of strings"),
        (audit(json!({"vm-verdicts": ["bad"]})), "protocol-error", "there is no verdict 'bad'"),
        (audit(json!({"watch": "true"})), "protocol-error", "\"watch\" must be true or false, not a string"),
    ];
    for (number, (open, code, text)) in table.into_iter().enumerate() {
        let id = format!("1:{number}");
        transcript.open(&id, open);
        // Never ready: the close is the first thing that comes.
        let message = transcript.expect_problem(&id, code);
        assert!(message.contains(text), "{message}");
    }
    expect_whole_report(&mut transcript, "1:99", json!({}));
}

#[test]
fn a_payload_that_nobody_has() {
    let mut transcript = start();
    transcript.open_exactly("1:1", &json!({"payload": "vm-security2", "view": "audit"}));
    transcript.expect_problem("1:1", "not-supported");
    expect_whole_report(&mut transcript, "1:2", json!({}));
}

#[test]
fn libvirt_that_is_not_running() {
    let mut transcript = start();
    let connection = format!("qemu+unix:///system?socket={NO_SOCKET}");
    transcript.open("1:1", audit(json!({"connection": connection})));
    let message = transcript.expect_problem("1:1", "terminated");
    assert!(message.contains(NO_SOCKET), "{message}");
    let report = start_watching(&mut transcript, "1:2", json!({"connection": connection}));
    assert_eq!(report["libvirt"]["state"], "unreachable", "{report}");
    assert!(report["libvirt"]["message"].as_str().is_some_and(|message| message.contains(NO_SOCKET)), "{report}");
    transcript.expect_pong("1:2");
}

#[test]
fn a_watch_until_it_is_closed() {
    let mut transcript = start();
    let report = start_watching(&mut transcript, "1:1", json!({"vm": VM}));
    assert_eq!(report["vms"][VM]["name"], "test");
    transcript.expect_pong("1:1");
    // Others come and go meanwhile.
    expect_whole_report(&mut transcript, "1:2", json!({}));
    transcript.expect_pong("1:1");
    transcript.close("1:1");
    transcript.expect_close("1:1");
    transcript.close("1:1");
    start_watching(&mut transcript, "1:1", json!({}));
    transcript.expect_pong("1:1");
    let end = transcript.hang_up();
    assert!(end.ok && !end.reason.contains("panicked"), "{end:?}");
}

#[test]
fn a_page_that_goes_away() {
    let mut transcript = start();
    let group = "cockpit1:localhost/vm-security";
    start_watching(&mut transcript, "1:1", json!({"group": group}));
    start_watching(&mut transcript, "1:2", json!({"group": group}));
    start_watching(&mut transcript, "1:3", json!({"group": "another"}));
    transcript.send(&json!({"command": "kill", "group": group}));
    transcript.expect_problem("1:1", "terminated");
    transcript.expect_problem("1:2", "terminated");
    // cockpit-ws sends these when the page's socket closes, after the kill.
    transcript.send(&json!({"command": "close", "channel": "1:1", "problem": "disconnected"}));
    transcript.send(&json!({"command": "close", "channel": "1:2", "problem": "disconnected"}));
    transcript.expect_pong("1:3");
    expect_whole_report(&mut transcript, "1:4", json!({}));
    start_watching(&mut transcript, "1:1", json!({"group": group}));
    transcript.close("1:1");
    transcript.expect_close("1:1");
}
