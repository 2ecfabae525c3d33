// SPDX-License-Identifier: LGPL-2.1-or-later
//! Accepting findings on a real libvirtd: from the command line and through the channel, and what is refused.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use serde_json::{Value, json};

use crate::bed::{HARDENED, INSECURE, STOPPED, bed};

const SCRIPT: &str = "vm-security unwaive vm.floppy --vm stopped 2>/dev/null || true
    vm-security unwaive proc.uid --vm insecure 2>/dev/null || true
    vm-security unwaive daemon.security-driver 2>/dev/null || true";

fn finding<'a>(report: &'a Value, uuid: &str, id: &str) -> &'a Value {
    &report["vms"][uuid]["findings"][id]
}

#[test]
fn a_waiver_is_kept_with_the_vm_beside_what_others_keep_there() {
    let bed = bed();
    let _undo = bed.after(format!("{SCRIPT}; virsh -q metadata stopped urn:other --config --remove"));
    bed.sh("virsh -q metadata stopped urn:other --config --key other --set '<note>theirs</note>'");
    let run = bed.run(&[
        "vm-security",
        "waive",
        "vm.floppy",
        "--vm",
        "stopped",
        "--reason",
        "It's <needed> & \"quoted\"",
        "--until",
        "2999-12-31",
    ]);
    assert_eq!(run.code, Some(0), "{run:?}");
    let report = bed.audit();
    let waived = finding(&report, STOPPED, "vm.floppy");
    assert_eq!(waived["verdict"], "fail", "it stays visible: {waived}");
    assert_eq!(waived["waiver"]["reason"], "It's <needed> & \"quoted\"");
    assert_eq!((&waived["waiver"]["until"], &waived["waiver"]["expired"]), (&json!("2999-12-31"), &json!(false)));
    assert!(waived["waiver"]["by"].as_str().is_some_and(|by| !by.is_empty()));
    assert!(bed.sh("virsh dumpxml stopped").contains("theirs"), "another's metadata is untouched");
    assert!(bed.run(&["vm-security", "waivers"]).ok().contains("2999-12-31"));
    // What it accepts may not make the program fail a script.
    bed.sh("vm-security unwaive vm.floppy --vm stopped");
    assert_eq!(finding(&bed.audit(), STOPPED, "vm.floppy")["waiver"], Value::Null);
    assert!(bed.sh("virsh dumpxml stopped").contains("theirs"));
    let run = bed.run(&["vm-security", "unwaive", "vm.floppy", "--vm", "stopped"]);
    assert!(run.code == Some(2) && run.stderr.contains("is not waived"), "{run:?}");
}

#[test]
fn a_waiver_of_a_running_vm_and_of_the_host() {
    let bed = bed();
    let _undo = bed.after(SCRIPT);
    bed.sh("vm-security waive proc.uid --vm insecure --reason lab; vm-security waive daemon.security-driver --reason 'no LSM here'");
    let report = bed.audit();
    assert_eq!(finding(&report, INSECURE, "proc.uid")["waiver"]["reason"], "lab");
    assert_eq!(report["host"]["findings"]["daemon.security-driver"]["waiver"]["reason"], "no LSM here");
    for xml in ["virsh dumpxml insecure", "virsh dumpxml insecure --inactive"] {
        assert!(bed.sh(xml).contains("urn:cockpit-vm-security:waivers:1"), "{xml}");
    }
    assert_eq!(bed.sh("stat -c '%a %U' /etc/cockpit-vm-security/waivers.json").trim(), "644 root");
}

#[test]
fn over_the_channel_and_seen_by_a_watch() {
    let bed = bed();
    let _undo = bed.after(SCRIPT);
    let mut peer = bed.peer();
    peer.open("1:1", json!({"view": "audit", "vm": STOPPED, "watch": true}));
    peer.expect_ready("1:1");
    let report = peer.expect_json("1:1");
    let message = finding(&report, STOPPED, "vm.floppy")["message"].clone();
    let waive = json!({"view": "waive", "vm": STOPPED, "check": "vm.floppy", "reason": "why", "seen": message});
    peer.open("1:2", waive.clone());
    peer.expect_ready("1:2");
    assert_eq!(peer.expect_json("1:2")["reason"], "why");
    peer.expect_done("1:2");
    peer.expect_close("1:2");
    let change = peer.expect_json("1:1");
    assert_eq!(finding(&change, STOPPED, "vm.floppy")["waiver"]["reason"], "why", "{change}");

    let mut changed = waive;
    changed["seen"] = json!("The VM has two floppy drives.");
    peer.open("1:3", changed);
    let said = peer.expect_problem("1:3", "change-conflict");
    assert!(said.contains("has changed meanwhile"), "{said}");
    for (open, code) in [
        (json!({"view": "waive", "vm": HARDENED, "check": "vm.floppy", "reason": "why"}), "change-conflict"),
        (json!({"view": "waive", "vm": HARDENED, "check": "vm.none", "reason": "why"}), "not-found"),
        (json!({"view": "waive", "vm": HARDENED, "check": "vm.floppy"}), "protocol-error"),
        (json!({"view": "waive", "vm": HARDENED, "check": "vm.floppy", "reason": ""}), "protocol-error"),
        (json!({"view": "waive", "check": "vm.floppy", "reason": "why"}), "protocol-error"),
        (json!({"view": "unwaive", "vm": HARDENED, "check": "vm.floppy"}), "not-found"),
    ] {
        peer.open("1:4", open);
        peer.expect_problem("1:4", code);
    }
    peer.open("1:5", json!({"view": "unwaive", "vm": STOPPED, "check": "vm.floppy"}));
    peer.expect_ready("1:5");
    peer.expect_json("1:5");
    peer.expect_done("1:5");
    peer.expect_close("1:5");
    let change = peer.expect_json("1:1");
    assert_eq!(finding(&change, STOPPED, "vm.floppy")["waiver"], Value::Null, "{change}");
}

#[test]
fn a_limited_user_may_not() {
    let bed = bed();
    for user in ["tbuser", "tbadmin"] {
        let run =
            bed.run(&["--user", user, "vm-security", "waive", "proc.uid", "--vm", "insecure", "--reason", "mine"]);
        assert_eq!(run.code, Some(2), "{run:?}");
        assert!(run.stderr.contains("administrative access is required"), "{run:?}");
    }
}

#[test]
fn two_writers_at_once_lose_nothing() {
    let bed = bed();
    let _undo = bed.after(SCRIPT);
    bed.sh("ids='proc.uid proc.capabilities vm.graphics-listen vm.graphics-password vm.secure-boot vm.hardware-accel'
            pids=; for id in $ids; do vm-security waive $id --vm insecure --reason together & pids=\"$pids $!\"; done
            for pid in $pids; do wait $pid; done
            test $(virsh dumpxml insecure --inactive | grep -c together) = 6
            for id in $ids; do vm-security unwaive $id --vm insecure; done");
}
