// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said about the bed, whose state is known: each verdict as an expert would give it.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use serde_json::Value;

use crate::bed::{HARDENED, INSECURE, STOPPED, bed, definition, vm};
use crate::expected::{HOST, VMS};
use crate::table::{Unlisted, assert_verdicts};

#[test]
fn each_verdict_is_the_right_one() {
    let report = bed().audit();
    assert_eq!(report["privileged"], true);
    assert_eq!(report["libvirt"]["state"], "connected");
    assert_verdicts("host", &report["host"]["findings"], HOST, Unlisted::Wrong);
    for (index, uuid) in [INSECURE, HARDENED, STOPPED].into_iter().enumerate() {
        let table: Vec<(&str, &str)> = VMS.iter().map(|(id, verdicts)| (*id, verdicts[index])).collect();
        assert_verdicts(uuid, &report["vms"][uuid]["findings"], &table, Unlisted::Wrong);
    }
    for (uuid, name, state) in
        [(INSECURE, "insecure", "running"), (HARDENED, "hardened", "running"), (STOPPED, "stopped", "shut off")]
    {
        let vm = &report["vms"][uuid];
        assert_eq!((&vm["name"], &vm["state"]), (&name.into(), &state.into()), "{vm}");
        // Without KVM not even baseline. What the guest's operating system is stays open (guest.os-eol).
        assert_eq!((&vm["meets"], &vm["proven"]), (&Value::Null, &false.into()), "{vm}");
    }
}

#[test]
fn messages_name_what_is_there() {
    let report = bed().audit();
    for (uuid, id, words) in [
        (INSECURE, "vm.graphics-listen", ["0.0.0.0 port 5900", "VNC"].as_slice()),
        (INSECURE, "proc.uid", &["root", "0"]),
        (INSECURE, "proc.listen-sockets", &["0.0.0.0:5900"]),
        (HARDENED, "proc.uid", &["user id"]),
    ] {
        let finding = &report["vms"][uuid]["findings"][id];
        for word in words {
            assert!(finding["message"].as_str().unwrap().contains(word), "{finding}");
        }
        assert!(!finding["evidence"].as_array().unwrap().is_empty(), "{finding}");
    }
}

/// A VM that libvirt forgets when it ends has no stored definition, and nothing about it is unknown for that.
#[test]
fn a_transient_vm() {
    let bed = bed();
    let gone = bed.after("virsh -q destroy passing >/dev/null 2>&1 || true");
    bed.pipe(
        &["virsh", "-q", "create", "/dev/stdin"],
        &definition("passing", "", "<graphics type='vnc' listen='0.0.0.0'/>"),
    );
    let report = bed.audit();
    let passing = vm(&report, "passing");
    assert_eq!(passing["state"], "running", "{report}");
    for (id, finding) in passing["findings"].as_object().unwrap() {
        // The definition names no operating system, and there is no agent in the guest that could.
        assert!(finding["verdict"] != "unknown" || id.starts_with("guest."), "{id}: {finding}");
    }
    assert_eq!(passing["findings"]["vm.graphics-listen"]["verdict"], "fail");
    assert_eq!(passing["findings"]["proc.uid"]["verdict"], "pass", "{}", passing["findings"]["proc.uid"]);
    drop(gone);
    assert_eq!(*vm(&bed.audit(), "passing"), Value::Null);
}
