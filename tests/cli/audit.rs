// SPDX-License-Identifier: LGPL-2.1-or-later
//! `audit` of what libvirt says.

use serde_json::{Value, json};

use crate::program::{EXPOSED, Place, domain, finish, run, timeless, uuid};

const SEVERITIES: [&str; 5] = ["info", "low", "medium", "high", "critical"];

fn findings(report: &Value) -> Vec<(&String, &Value)> {
    let vms = report["vms"].as_object().into_iter().flat_map(serde_json::Map::values);
    vms.chain([&report["host"]]).flat_map(|subject| subject["findings"].as_object().unwrap()).collect()
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn a_report_has_the_shape_of_version_1() {
    let report = timeless(run(&["audit", "-c", "test:///default", "--format", "json"]).json());
    assert_eq!(keys(&report), ["host", "libvirt", "privileged", "profile", "version", "vms"]);
    assert_eq!(report["version"], 1);
    assert_eq!(report["profile"], "server");
    assert!(report["privileged"].is_boolean());
    assert_eq!(report["libvirt"], json!({"state": "connected", "uri": "test:///default"}));
    assert_eq!(keys(&report["host"]), ["findings", "meets", "name", "proven"]);
    let vm = &report["vms"]["6695eb01-f6a4-8304-79aa-97f2502e193f"];
    assert_eq!(keys(vm), ["connection", "findings", "meets", "name", "proven", "state", "vectors"]);
    assert_eq!(
        (&vm["name"], &vm["connection"], &vm["state"]),
        (&json!("test"), &json!("test:///default"), &json!("running"))
    );
    let checks = run(&["checks", "--format", "json"]).json();
    let known: Vec<&Value> = checks["checks"].as_array().unwrap().iter().map(|check| &check["id"]).collect();
    assert_eq!(findings(&report).len(), known.len(), "one VM: each check has one finding");
    for (id, finding) in findings(&report) {
        assert!(known.contains(&&json!(id)), "{id}");
        let mut fields = keys(finding);
        fields.retain(|field| *field != "needs");
        assert_eq!(fields, ["apply", "basis", "evidence", "message", "severity", "verdict"], "{id}");
        let is_one_of =
            |field: &str, names: &[&str]| assert!(names.iter().any(|name| finding[field] == **name), "{id}: {finding}");
        is_one_of("verdict", &["pass", "info", "warn", "fail", "not-applicable", "unknown"]);
        is_one_of("severity", &SEVERITIES);
        is_one_of("apply", &["live", "next-start", "daemon-restart", "host-now", "host-reboot", "manual"]);
        assert!(finding["message"].as_str().is_some_and(|text| text.ends_with('.')), "{id}: {finding}");
        assert!(finding["basis"].as_array().is_some_and(|list| list.iter().all(Value::is_string)), "{id}");
        for evidence in finding["evidence"].as_array().unwrap() {
            assert_eq!(keys(evidence), ["origin", "value"], "{id}");
        }
        if let Some(needs) = finding.get("needs") {
            assert_eq!((needs, &finding["verdict"]), (&json!("admin"), &json!("unknown")), "{id}");
        }
    }
}

#[test]
fn vms_in_every_state() {
    let state = |number: u32| format!("<test:runstate>{number}</test:runstate>");
    let domains = [
        domain("running", 1, "", ""),
        domain("paused", 3, &state(3), ""),
        domain("shut-off", 5, &state(5), ""),
        domain("crashed", 6, &state(6), ""),
        domain("transient", 7, "<test:transient/>", EXPOSED),
    ]
    // The driver's own elements are children of <domain> in its namespace.
    .concat();
    let place = Place::new();
    let uri = place.test_driver(&domains);
    let report = run(&["audit", "-c", &uri, "--format", "json"]).json();
    let states: Vec<(&str, &str)> = report["vms"]
        .as_object()
        .unwrap()
        .values()
        .map(|vm| (vm["name"].as_str().unwrap(), vm["state"].as_str().unwrap()))
        .collect();
    let wanted = [
        ("running", "running"),
        ("paused", "paused"),
        ("shut-off", "shut off"),
        ("crashed", "crashed"),
        ("transient", "running"),
    ];
    assert_eq!(states, wanted);
    // Only its running definition exists, and it is judged.
    let console = &report["vms"][uuid(7)]["findings"]["vm.graphics-listen"];
    assert_ne!(console["verdict"], "unknown", "{console}");
    assert!(console["evidence"].to_string().contains("(live)"), "{console}");
}

#[test]
fn only_the_vms_that_are_asked_for() {
    let place = Place::new();
    let uri =
        place.test_driver(&[domain("web1", 1, "", ""), domain("db1", 2, "", ""), domain("mail", 3, "", "")].concat());
    let report = run(&["audit", "-c", &uri, "--format", "json", "db1", &uuid(3)]).json();
    assert_eq!(keys(&report["vms"]), [uuid(2), uuid(3)]);
    assert!(!report["host"]["findings"].as_object().unwrap().is_empty(), "the host is always judged");
    run(&["audit", "-c", &uri, "web1", "web2"]).refused(&["there is no VM 'web2'", &uri]);
    run(&["audit", "-c", &uri, "\u{1b}[31mweb\n\u{202e}"]).refused(&["'\\u{1b}[31mweb\\n\\u{202e}'"]);
    run(&["audit", "-c", &uri, "web1", "new.xml"]).refused(&["'web1' is a VM and 'new.xml' a file"]);
}

#[test]
fn libvirt_that_is_away() {
    let uri = "qemu+unix:///system?socket=/nonexistent/libvirt-sock";
    for args in [vec!["audit", "-c", uri], vec!["facts", "-c", uri], vec!["audit", "-c", uri, "--format", "json"]] {
        run(&args).refused(&[uri, "'/nonexistent/libvirt-sock'"]);
    }
    run(&["audit", "-c", "nonsense:///"]).refused(&["nonsense:///"]);
    // libvirt's own XML parser has its say on standard error before us.
    let file = run(&["audit", "-c", "test:///nonexistent.xml"]);
    assert!(
        file.code == Some(2) && file.stderr.contains("vm-security: libvirt did not answer at test:///nonexistent.xml")
    );
    // Where the user's own libvirt is looked for, and none can be started.
    let place = Place::new();
    let mut session = crate::program::command(&["audit", "-c", "session"]);
    session.env("XDG_RUNTIME_DIR", place.path("run")).env("LIBVIRT_AUTOSTART", "0");
    finish(&mut session).refused(&["qemu:///session", "libvirt-sock"]);
}

/// Exit status 1 says exactly that the report holds a warning or failure of that severity or above.
#[test]
fn fail_on_is_what_the_report_says() {
    let place = Place::new();
    let exposed = place.file("exposed.xml", domain("exposed", 1, "", EXPOSED));
    let nothing = place.file("nothing.json", r#"{"version": 1}"#);
    let root = place.path("host");
    place.file("host/etc/libvirt/qemu.conf", "user = \"root\"\n");
    let mut seen = [false; 2];
    for subject in [vec![exposed.as_str()], vec!["--facts", &nothing], vec!["--root", &root]] {
        let args = [vec!["audit", "--format", "json"], subject].concat();
        let report = run(&args).json();
        for (rank, severity) in SEVERITIES.iter().enumerate() {
            let hit = findings(&report).into_iter().any(|(_, finding)| {
                let severe = SEVERITIES[rank..].iter().any(|severity| finding["severity"] == **severity);
                severe && matches!(finding["verdict"].as_str(), Some("warn" | "fail"))
            });
            let run = run(&[args.as_slice(), &["--fail-on", severity]].concat());
            assert_eq!(run.code, Some(i32::from(hit)), "--fail-on {severity}: {args:?}");
            assert_eq!(run.stderr, "");
            seen[usize::from(hit)] = true;
        }
    }
    assert_eq!(seen, [true, true], "both happen");
    let root = run(&["audit", "--root", &root, "--fail-on", "critical"]);
    assert_eq!(root.code, Some(1), "QEMU as root is critical");
    let nothing = run(&["audit", "--facts", &nothing, "--fail-on", "info"]);
    assert_eq!(nothing.code, Some(0), "what is not known is no failure");
    run(&["audit", "--fail-on", "severe"]).misused("severe");
}

/// As a file: libvirt's own parser takes minutes for so many.
#[test]
fn ten_thousand_devices() {
    use std::fmt::Write as _;
    // vda … vdz, vdaa …
    fn disk(number: u32) -> String {
        let last = char::from_u32(u32::from('a') + number % 26).unwrap();
        if number < 26 { last.to_string() } else { format!("{}{last}", disk(number / 26 - 1)) }
    }
    let devices = (0..10_000).fold(String::new(), |mut all, number| {
        let source = format!("<source file='/images/{number}.raw'/>");
        let _ = write!(
            all,
            "<disk type='file' device='disk'>{source}<target dev='vd{}' bus='virtio'/></disk>",
            disk(number)
        );
        all
    });
    let place = Place::new();
    let file = place.file("large.xml", domain("large", 1, "", &format!("{devices}{EXPOSED}")));
    let report = run(&["audit", &file, "--format", "json"]).json();
    assert_ne!(report["vms"][uuid(1)]["findings"]["vm.graphics-listen"]["verdict"], "unknown");
}
