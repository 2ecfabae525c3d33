// SPDX-License-Identifier: LGPL-2.1-or-later
//! The same host as a user sees it who may read little and change nothing.

use crate::bed::{HARDENED, INSECURE, MACHINES, bed, definition, vm};

const USER: [&str; 2] = ["--user", "tbuser"];

#[test]
fn a_limited_user_sees_less_and_is_told_so() {
    let bed = bed();
    let state = "virsh list --all; virsh dumpxml insecure; virsh dumpxml --inactive hardened; stat -c '%n %Y %Z' /etc/libvirt/* /etc/libvirt/qemu/*";
    let before = bed.sh(state);
    let all = bed.audit();
    let report = bed.run(&[USER.as_slice(), &["vm-security", "audit", "--format", "json"]].concat()).json();
    assert_eq!(report["privileged"], false);
    assert_eq!(report["libvirt"]["state"], "connected", "libvirt lets everybody read: {}", report["libvirt"]);
    for (uuid, id) in
        [(INSECURE, "proc.mount-namespace"), (HARDENED, "proc.listen-sockets"), (INSECURE, "vm.graphics-password")]
    {
        let finding = &report["vms"][uuid]["findings"][id];
        if all["vms"][uuid]["findings"][id]["verdict"] != "not-applicable" {
            assert_eq!(
                (&finding["verdict"], &finding["needs"]),
                (&"unknown".into(), &"admin".into()),
                "{id}: {finding}"
            );
        }
    }
    let user = &report["host"]["findings"]["daemon.qemu-user"];
    assert_eq!((&user["verdict"], &user["needs"]), (&"unknown".into(), &"admin".into()), "{user}");
    // What is known without root is the same, and whatever is not known that root knows is for want of that.
    for uuid in MACHINES {
        for (id, finding) in report["vms"][uuid]["findings"].as_object().unwrap() {
            let whole = &all["vms"][uuid]["findings"][id]["verdict"];
            // A verdict that can be given without all facts says what it lacks.
            let told = finding["needs"] == "admin" || finding.to_string().contains("administrative access is required");
            assert!(finding["verdict"] == *whole || told, "{id}: {finding}, as root {whole}");
        }
    }
    let shown = bed.run(&[USER.as_slice(), &["vm-security", "audit"]].concat()).ok();
    assert!(
        shown.split_whitespace().collect::<Vec<_>>().join(" ").contains("need administrative access: run this as root"),
        "{shown}"
    );
    assert_eq!(bed.sh(state), before, "an audit changes nothing");
}

#[test]
fn a_limited_user_gets_no_secret_and_no_libvirt_that_refuses() {
    let bed = bed();
    let facts = bed.run(&[USER.as_slice(), &["vm-security", "facts"]].concat()).ok();
    assert!(!facts.contains("test-bed"));
    // The administrator's socket refuses a limited user, which is said as what it is.
    let uri = "qemu+unix:///system?socket=/run/libvirt/libvirt-admin-sock";
    let refused = bed.run(&[USER.as_slice(), &["vm-security", "audit", "-c", uri]].concat());
    assert_eq!(refused.code, Some(2), "{refused:?}");
    assert!(refused.stderr.contains("libvirt refused the connection") && refused.stderr.contains(uri), "{refused:?}");
    assert_eq!(refused.stderr.lines().count(), 1, "{refused:?}");
}

#[test]
fn the_users_own_session() {
    let bed = bed();
    let xml = definition("own", "", "<graphics type='vnc' listen='0.0.0.0'/>");
    // virsh cannot open the standard input of root as a file.
    let define = "cat >own.xml && virsh -q -c qemu:///session define own.xml; rm own.xml";
    let _undo = bed.after("runuser -u tbuser -- env HOME=/home/tbuser virsh -q -c qemu:///session undefine own");
    bed.pipe(&[USER.as_slice(), &["sh", "-euc", define]].concat(), &xml);
    let report =
        bed.run(&[USER.as_slice(), &["vm-security", "audit", "-c", "session", "--format", "json"]].concat()).json();
    assert_eq!(report["libvirt"], serde_json::json!({"state": "connected", "uri": "qemu:///session"}));
    let own = vm(&report, "own");
    assert_eq!((&own["connection"], &own["state"]), (&"session".into(), &"shut off".into()), "{report}");
    let console = &own["findings"]["vm.graphics-listen"];
    assert!(matches!(console["verdict"].as_str(), Some("warn" | "fail")), "{console}");
    assert_eq!(report["vms"].as_object().unwrap().len(), 1, "not the system's VMs");
}
