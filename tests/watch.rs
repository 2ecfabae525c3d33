// SPDX-License-Identifier: LGPL-2.1-or-later
//! Watched reports, in one process with libvirt's test driver: what a test defines, starts and removes in `test:///default`
//! is what the watch sees.
//!
//! The tests share that driver, so each has VMs of its own.
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

use serde_json::{Value, json};
use virt::connect::Connect;
use virt::domain::Domain;
use vm_security::peer::audit_channel;

#[path = "watch/followed.rs"]
mod followed;
#[path = "protocol/transcript.rs"]
mod transcript;

use followed::{Followed, merge, without_nulls};
use transcript::Transcript;

const URI: &str = "test:///default";
const LOCAL: &str = "<graphics type='vnc' listen='127.0.0.1'/>";
const EXPOSED: &str = "<graphics type='vnc' listen='0.0.0.0'/>";
const CONSOLE: &str = "vm.graphics-listen";

/// libvirt, and a peer that watches it.
struct Stage {
    connection: Connect,
    transcript: Transcript,
}

impl Stage {
    fn new() -> Self {
        // Ours first and for as long as the test runs: the driver forgets its VMs with its last connection.
        let connection = Connect::open(Some(URI)).expect("libvirt's test driver");
        Self { connection, transcript: Transcript::in_process(audit_channel::open) }
    }

    fn define(&self, number: u32, devices: &str) -> Domain {
        self.connection.define_domain_xml(&definition(number, devices)).expect("a definition")
    }

    fn watch(&mut self, id: &str, options: Value) -> Followed {
        let mut all = json!({"connection": URI});
        merge(&mut all, options);
        Followed::open(&mut self.transcript, id, &all)
    }

    /// The report as somebody who asks now gets it.
    fn fresh(&mut self, options: Value) -> Value {
        let mut open = json!({"view": "audit", "connection": URI});
        merge(&mut open, options);
        self.transcript.open("fresh", open);
        self.transcript.expect_ready("fresh");
        let report = self.transcript.expect_json("fresh");
        self.transcript.expect_done("fresh");
        self.transcript.expect_close("fresh");
        report
    }
}

fn definition(number: u32, devices: &str) -> String {
    format!(
        "<domain type='test'><name>watched-{number}</name><uuid>{}</uuid><memory>65536</memory>\
         <os><type>hvm</type></os><devices>{devices}</devices></domain>",
        uuid(number)
    )
}

fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

fn verdict(followed: &Followed, number: u32) -> &str {
    followed.finding(&uuid(number), CONSOLE)["verdict"].as_str().unwrap_or("none")
}

#[test]
fn a_change_arrives_as_a_patch_and_only_the_change() {
    let mut stage = Stage::new();
    let domain = stage.define(1, LOCAL);
    let mut watch = stage.watch("1:1", json!({"vm": uuid(1)}));
    let before = watch.vm(&uuid(1)).clone();
    assert_eq!(before["state"], "shut off");
    stage.define(1, EXPOSED);
    let patch = watch.patch_of_vms(&mut stage.transcript);
    let said = &patch["vms"][uuid(1)];
    assert!(said["findings"].get(CONSOLE).is_some(), "{patch}");
    assert_eq!(said.get("name"), None, "{patch}");
    assert!(matches!(verdict(&watch, 1), "warn" | "fail"), "{}", watch.report);
    // Back again, and it is as it was.
    stage.define(1, LOCAL);
    watch.patch_of_vms(&mut stage.transcript);
    let mut before = before;
    without_nulls(&mut before);
    assert_eq!(*watch.vm(&uuid(1)), before);
    domain.undefine().unwrap();
}

#[test]
fn the_patched_report_is_the_report() {
    let mut stage = Stage::new();
    let domain = stage.define(10, EXPOSED);
    let scope = json!({"vm": uuid(10), "profile": "confidential"});
    let mut watch = stage.watch("1:1", scope.clone());
    let steps: [&dyn Fn(&Stage); 6] = [
        &|_| domain.create().unwrap(),
        &|stage| drop(stage.define(10, LOCAL)),
        &|_| domain.suspend().unwrap(),
        &|_| domain.resume().map(drop).unwrap(),
        &|_| domain.destroy().unwrap(),
        &|stage| drop(stage.define(10, "<disk type='file'><source file='/a'/><target dev='vda'/></disk>")),
    ];
    for step in steps {
        step(&stage);
        watch.patch_of_vms(&mut stage.transcript);
        let mut fresh = stage.fresh(scope.clone());
        without_nulls(&mut fresh);
        without_nulls(&mut watch.report);
        for member in ["version", "profile", "privileged", "libvirt", "vms"] {
            assert_eq!(watch.report[member], fresh[member], "{member}");
        }
        let ids = |report: &Value| report["host"]["findings"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(ids(&watch.report), ids(&fresh));
    }
    domain.undefine().unwrap();
}

#[test]
fn vms_come_and_go() {
    let mut stage = Stage::new();
    let mut watch = stage.watch("1:1", json!({}));
    assert_eq!(*watch.vm(&uuid(20)), Value::Null);
    let patience = std::time::Duration::from_secs(20);
    let mut follow = |stage: &mut Stage, what: &str, wanted: &dyn Fn(&Value) -> bool| {
        watch.until(&mut stage.transcript, what, patience, |watch| wanted(watch.vm(&uuid(20))));
    };
    let domain = stage.define(20, LOCAL);
    follow(&mut stage, "defined", &|vm| vm["state"] == "shut off" && vm["name"] == "watched-20");
    domain.create().unwrap();
    follow(&mut stage, "started", &|vm| vm["state"] == "running");
    // What runs without a definition is transient, and its end is its end.
    domain.undefine().unwrap();
    follow(&mut stage, "undefined", &|vm| {
        vm["state"] == "running" && vm["findings"][CONSOLE]["evidence"].to_string().contains("(live)")
    });
    domain.destroy().unwrap();
    follow(&mut stage, "gone", &Value::is_null);
    stage.connection.create_domain_xml(&definition(20, EXPOSED), 0).unwrap();
    follow(&mut stage, "transient", &|vm| vm["state"] == "running");
    domain.destroy().unwrap();
    follow(&mut stage, "gone again", &Value::is_null);
}

#[test]
fn the_vm_that_is_watched_goes_and_comes_back() {
    let mut stage = Stage::new();
    let domain = stage.define(30, LOCAL);
    let mut watch = stage.watch("1:1", json!({"vm": uuid(30)}));
    assert!(watch.report["vms"].as_object().unwrap().keys().eq([&uuid(30)]), "just that VM");
    domain.undefine().unwrap();
    let patch = watch.patch_of_vms(&mut stage.transcript);
    assert_eq!(patch["vms"], json!({uuid(30): null}));
    let domain = stage.define(30, EXPOSED);
    watch.patch_of_vms(&mut stage.transcript);
    assert_eq!(watch.vm(&uuid(30))["name"], "watched-30");
    domain.undefine().unwrap();
}

/// Events of which nothing follows for the report are not passed on: the first patch is about the change that came last.
#[test]
fn nothing_is_sent_when_nothing_changed() {
    let mut stage = Stage::new();
    let (domain, other) = (stage.define(40, LOCAL), stage.define(41, LOCAL));
    let mut watch = stage.watch("1:1", json!({"vm": uuid(40)}));
    stage.define(40, LOCAL);
    stage.define(41, EXPOSED);
    other.create().unwrap();
    // Another watch that has seen all this shows that the events have come.
    let mut all = stage.watch("1:2", json!({}));
    other.destroy().unwrap();
    all.until(&mut stage.transcript, "stopped", std::time::Duration::from_secs(20), |all| {
        all.vm(&uuid(41))["state"] == "shut off"
    });
    stage.define(40, EXPOSED);
    let patch = watch.patch_of_vms(&mut stage.transcript);
    assert!(patch["vms"].as_object().unwrap().keys().eq([&uuid(40)]), "{patch}");
    assert!(matches!(verdict(&watch, 40), "warn" | "fail"), "{patch}");
    domain.undefine().unwrap();
    other.undefine().unwrap();
}

/// The transcript itself fails a test in which anything comes for a closed channel.
#[test]
fn a_closed_watch_is_silent_and_the_other_goes_on() {
    let mut stage = Stage::new();
    let domain = stage.define(50, LOCAL);
    let mut first = stage.watch("1:1", json!({"vm": uuid(50)}));
    let mut second = stage.watch("1:2", json!({"vm": uuid(50), "profile": "baseline"}));
    stage.define(50, EXPOSED);
    first.patch_of_vms(&mut stage.transcript);
    second.patch_of_vms(&mut stage.transcript);
    assert_eq!((&first.report["profile"], &second.report["profile"]), (&json!("server"), &json!("baseline")));
    stage.transcript.close("1:1");
    while stage.transcript.is_open("1:1") {
        // A patch about the host may have been on its way.
        stage.transcript.next("1:1");
    }
    stage.define(50, LOCAL);
    second.patch_of_vms(&mut stage.transcript);
    assert_eq!(verdict(&second, 50), "pass");
    domain.undefine().unwrap();
    let patch = second.patch_of_vms(&mut stage.transcript);
    assert_eq!(patch["vms"][uuid(50)], Value::Null);
    let end = stage.transcript.hang_up();
    assert!(end.ok, "{end:?}");
}

#[test]
fn bursts_are_one_change_and_none_is_lost() {
    let mut stage = Stage::new();
    let mut watch = stage.watch("1:1", json!({}));
    let domains: Vec<Domain> = (60..90).map(|number| stage.define(number, LOCAL)).collect();
    let patience = std::time::Duration::from_secs(20);
    watch.until(&mut stage.transcript, "all defined", patience, |watch| {
        (60..90).all(|number| verdict(watch, number) != "none")
    });
    for domain in domains {
        domain.undefine().unwrap();
    }
    watch.until(&mut stage.transcript, "all gone", patience, |watch| {
        (60..90).all(|number| verdict(watch, number) == "none")
    });
}

#[test]
fn merging_is_as_rfc_7396_says() {
    // Its appendix A.
    for (mut target, patch, result) in [
        (json!({"a": "b"}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": "b"}), json!({"b": "c"}), json!({"a": "b", "b": "c"})),
        (json!({"a": "b"}), json!({"a": null}), json!({})),
        (json!({"a": ["b"]}), json!({"a": "c"}), json!({"a": "c"})),
        (json!({"a": {"b": "c"}}), json!({"a": {"b": "d", "c": null}}), json!({"a": {"b": "d"}})),
        (json!({"a": "foo"}), json!("bar"), json!("bar")),
        (json!({"e": null}), json!({"a": 1}), json!({"e": null, "a": 1})),
        (json!({}), json!({"a": {"bb": {"ccc": null}}}), json!({"a": {"bb": {}}})),
    ] {
        merge(&mut target, patch);
        assert_eq!(target, result);
    }
}
