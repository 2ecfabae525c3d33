// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is secret on this host stays there.

use crate::bed::{bed, definition, vm};

#[test]
fn no_secret_leaves_the_host() {
    let bed = bed();
    let _conf = bed.after("mv /etc/libvirt/qemu.conf.saved /etc/libvirt/qemu.conf");
    bed.sh("cp -p /etc/libvirt/qemu.conf /etc/libvirt/qemu.conf.saved");
    bed.sh("printf '\\nvnc_password = \"secret-of-qemu-conf\"\\n' >>/etc/libvirt/qemu.conf");
    let metadata = "<metadata><m:data xmlns:m='https://github.com/cockpit-project/cockpit-machines'>\
        <m:root_password>secret-of-machines</m:root_password></m:data></metadata>";
    let console = "<graphics type='vnc' listen='0.0.0.0' passwd='vnc-secr'/>";
    let _vm = bed.define(&definition("keeper", metadata, console));
    // They are there to be read, the first two by anybody who may read as root.
    assert!(bed.sh("virsh dumpxml --security-info keeper").contains("passwd='vnc-secr'"));
    let facts = bed.run(&["vm-security", "facts"]).ok();
    let terminal = bed.run(&["vm-security", "audit", "--all"]).ok();
    let report = bed.audit();
    for secret in ["secret-of-qemu-conf", "secret-of-machines", "vnc-secr", "test-bed"] {
        assert!(!facts.contains(secret), "{secret} in the facts");
        assert!(!terminal.contains(secret), "{secret} in the report");
        assert!(!report.to_string().contains(secret), "{secret} in the report");
    }
    // That they are set is known.
    let keeper = vm(&report, "keeper");
    assert_eq!(
        keeper["findings"]["vm.install-secrets"]["verdict"], "fail",
        "{}",
        keeper["findings"]["vm.install-secrets"]
    );
    let password = &keeper["findings"]["vm.graphics-password"];
    assert!(!matches!(password["verdict"].as_str(), Some("fail" | "unknown")), "it has a password: {password}");
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let set = &facts["host"]["config"]["qemu"]["value"]["settings"]["vnc_password"]["value"];
    assert_eq!(*set, serde_json::json!({"secret": true, "empty": false}));
    let keeper = facts["vms"].as_array().unwrap().iter().find(|vm| vm["name"] == "keeper").unwrap();
    assert_eq!(keeper["graphics_passwords"]["stored"]["value"], serde_json::json!([true]), "{keeper}");
}
