// SPDX-License-Identifier: LGPL-2.1-or-later
//! The same host as a user sees it who may read little.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use serde_json::Value;

use crate::bed::bed;
use crate::subjects::{TENANT_B, TENANTS};

const VIEWER: [&str; 2] = ["--user", "viewer"];

/// Read from what root alone may read.
const HOST_NEEDS_ROOT: [&str; 4] =
    ["host.sebool-not-persistent", "daemon.qemu-user", "daemon.seccomp-sandbox", "daemon.namespaces"];
const VM_NEEDS_ROOT: [&str; 1] = ["proc.mount-namespace"];

#[test]
fn nothing_passes_that_needs_root() {
    let bed = bed();
    let all = bed.audit();
    let report = bed.run(&[VIEWER.as_slice(), &["vm-security", "audit", "--format", "json"]].concat()).json();
    assert_eq!(report["privileged"], false);
    assert_eq!(report["libvirt"]["state"], "connected", "{}", report["libvirt"]);
    for id in HOST_NEEDS_ROOT {
        assert_needs_admin(&report["host"]["findings"][id]);
    }
    for uuid in TENANTS {
        for id in VM_NEEDS_ROOT {
            assert_needs_admin(&report["vms"][uuid]["findings"][id]);
        }
    }
    assert_needs_admin(&report["vms"][TENANT_B]["findings"]["vm.graphics-password"]);
    assert_less(&report["host"]["findings"], &all["host"]["findings"]);
    for uuid in TENANTS {
        assert_less(&report["vms"][uuid]["findings"], &all["vms"][uuid]["findings"]);
    }
    let shown = bed.run(&[VIEWER.as_slice(), &["vm-security", "audit"]].concat()).ok();
    let words = shown.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(words.contains("need administrative access: run this as root"), "{shown}");
}

fn assert_needs_admin(finding: &Value) {
    assert_eq!((&finding["verdict"], &finding["needs"]), (&"unknown".into(), &"admin".into()), "{finding}");
    let message = finding["message"].as_str().unwrap();
    assert!(message.contains("administrative access is required"), "{message}");
}

/// What is known without root is the same, and whatever root knows beyond that is said to be for want of root.
fn assert_less(findings: &Value, all: &Value) {
    for (id, finding) in findings.as_object().unwrap() {
        let whole = &all[id]["verdict"];
        let told = finding["needs"] == "admin" || finding.to_string().contains("administrative access is required");
        assert!(finding["verdict"] == *whole || told, "{id}: {finding}, as root {whole}");
        assert!(
            finding["verdict"] != "pass" || *whole == "pass",
            "{id} passes, though as root it is {whole}: {finding}"
        );
    }
}

/// SELinux's mode and booleans are there for everybody to read, and so are the labels of processes.
#[test]
fn selinux_is_known_without_root() {
    let bed = bed();
    let all = bed.audit();
    let report = bed.run(&[VIEWER.as_slice(), &["vm-security", "audit", "--format", "json"]].concat()).json();
    for id in ["host.selinux-enforcing", "host.selinux-persistent", "host.sebool-virt-use-nfs"] {
        assert_eq!(report["host"]["findings"][id], all["host"]["findings"][id]);
    }
    for uuid in TENANTS {
        for id in ["proc.selinux-label", "proc.mcs-unique", "proc.uid"] {
            assert_eq!(report["vms"][uuid]["findings"][id], all["vms"][uuid]["findings"][id], "{id}");
        }
    }
}
