// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sources that are not there, do not parse, or go away while they are read.

use std::process::Stdio;

use crate::bed::{HARDENED, INSECURE, MACHINES, bed, definition};

#[test]
fn without_dbus() {
    let bed = bed();
    let nowhere = ["env", "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/nonexistent", "vm-security"];
    let report = bed.run(&[nowhere.as_slice(), &["audit", "--format", "json"]].concat()).json();
    let firewall = &report["host"]["findings"]["host.firewall-libvirt-ports"];
    assert_eq!(firewall["verdict"], "unknown", "{firewall}");
    // What needs no D-Bus is as known as ever.
    assert_eq!(report["host"]["findings"]["daemon.qemu-user"]["verdict"], "pass");
    let whole = bed.audit();
    for uuid in MACHINES {
        // Not their attack paths, which lead past firewalld too.
        assert_eq!(report["vms"][uuid]["findings"], whole["vms"][uuid]["findings"]);
    }
    let facts = bed.run(&[nowhere.as_slice(), &["facts"]].concat()).json();
    let systemd = &facts["host"]["systemd"];
    assert!(systemd.to_string().contains("\"missing\""), "{systemd}");
}

#[test]
fn a_qemu_conf_that_does_not_parse() {
    let bed = bed();
    let _conf = bed.after("mv /etc/libvirt/qemu.conf.saved /etc/libvirt/qemu.conf");
    bed.sh("cp -p /etc/libvirt/qemu.conf /etc/libvirt/qemu.conf.saved");
    bed.sh(
        "printf '# one\\nuser = \"root\"\\n\\nnamespaces = [ \"mount\"\\nuser \\033[31m= !\\n' >/etc/libvirt/qemu.conf",
    );
    let report = bed.audit();
    for id in ["daemon.qemu-user", "daemon.namespaces", "daemon.seccomp-sandbox"] {
        let finding = &report["host"]["findings"][id];
        assert_eq!(finding["verdict"], "unknown", "{finding}");
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains("/etc/libvirt/qemu.conf") && message.contains("line 5"), "{message}");
        assert_eq!(finding.get("needs"), None, "root cannot read it either");
    }
    assert_eq!(report["vms"][HARDENED]["findings"]["proc.uid"]["verdict"], "pass");
}

#[test]
fn libvirtd_killed_during_an_audit() {
    let bed = bed();
    let _again = bed.ends_libvirtd();
    // More to read, so that there is something to interrupt.
    let many = "for n in $(seq 150); do virsh -q undefine many-$n >/dev/null 2>&1 || true; done";
    let _gone = bed.after(many);
    let template = definition("many-$n", "", "<graphics type=\"vnc\" listen=\"0.0.0.0\"/>").replace('\'', "\"");
    bed.sh(&format!(
        "for n in $(seq 150); do printf %s '{template}' | sed s/\\$n/$n/ | virsh -q define /dev/stdin; done"
    ));
    let mut codes = Vec::new();
    // Different moments, until one has hit the middle.
    for delay in (0..60).map(|round| round * 10) {
        bed.sh("systemctl reset-failed libvirtd.service; virsh -q list >/dev/null");
        // Who is to be killed is found out before: that takes longer than a quick audit asks libvirt.
        let script = format!(
            "daemon=$(systemctl show --property MainPID --value libvirtd.service)
             vm-security audit --format json & sleep 0.{delay:03}; kill -s KILL $daemon || true; wait $!"
        );
        let run = bed.run(&["sh", "-c", &script]);
        assert!(!run.stderr.contains("panicked"), "{run:?}");
        match run.code {
            Some(0) => drop(serde_json::from_str::<serde_json::Value>(&run.stdout).expect("a whole report")),
            Some(2) => {
                assert_eq!(run.stdout, "");
                assert!(run.stderr.contains("libvirt did not answer at qemu:///system"), "{run:?}");
            }
            other => panic!("ended with {other:?}: {run:?}"),
        }
        codes.push(run.code);
        if run.code == Some(2) {
            break;
        }
    }
    println!("exit codes: {codes:?}");
    assert_eq!(codes.last(), Some(&Some(2)), "none was hit");
    // The VMs have outlived it.
    assert_eq!(bed.audit()["vms"][INSECURE]["state"], "running");
}

/// Between the list and the reading of its VMs, some go and others come.
#[test]
fn vms_that_disappear_while_they_are_read() {
    let bed = bed();
    let _gone = bed.after("for n in $(seq 50); do virsh -q undefine brief-$n >/dev/null 2>&1 || true; done");
    let xml = definition("brief-$n", "", "<graphics type=\"vnc\"/>").replace('\'', "\"");
    // One virsh for all commands of a round: a process each would make the changes too slow to meet a reader.
    let script = format!(
        "cd /tmp; for n in $(seq 50); do printf %s '{xml}' | sed s/\\$n/$n/ >brief-$n.xml; done
         for round in $(seq 20); do for n in $(seq 50); do echo define brief-$n.xml; done; for n in $(seq 50); do echo undefine brief-$n; done; done |
         virsh -q >/dev/null; rm brief-*.xml"
    );
    let mut changing =
        bed.command(&["sh", "-euc", &script]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut counts = Vec::new();
    while changing.try_wait().unwrap().is_none() && counts.len() < 200 {
        let report = bed.audit();
        let vms = report["vms"].as_object().unwrap();
        assert!(MACHINES.iter().all(|uuid| vms.contains_key(*uuid)));
        for vm in vms.values() {
            let console = &vm["findings"]["vm.graphics-listen"];
            assert_ne!(console["verdict"], "unknown", "one that has gone is left out: {vm}");
        }
        counts.push(vms.len());
    }
    assert!(changing.wait_with_output().unwrap().status.success());
    println!("VMs in each audit: {counts:?}");
    assert!(counts.iter().any(|count| *count > MACHINES.len()), "some were met: {counts:?}");
}
