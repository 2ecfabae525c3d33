// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said about the host and its two VMs, whose state is known, and which the kernel itself confirms.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use crate::bed::{Bed, bed};
use crate::subjects::{TENANT_A, TENANT_B, TENANTS, booted_enforcing, evidence};
use crate::table::{Unlisted, assert_verdicts};

/// As booted with SELinux enforcing. See `PERMISSIVE` for what is otherwise.
const HOST: &[(&str, &str)] = &[
    ("host.selinux-enforcing", "pass"),
    ("host.selinux-persistent", "pass"),
    ("host.sebool-virt-use-nfs", "pass"),
    ("host.sebool-not-persistent", "pass"),
    ("host.firewall-libvirt-ports", "known"),
    ("host.unmanaged-qemu", "pass"),
    ("daemon.security-driver", "pass"),
    ("daemon.qemu-user", "pass"),
    ("daemon.seccomp-sandbox", "pass"),
    ("daemon.namespaces", "pass"),
    ("daemon.listen-tcp", "pass"),
    // Neither fwupd nor PackageKit is on that host.
    ("host.fwupd-hsi", "unknown"),
    ("host.security-updates", "unknown"),
];

const PERMISSIVE: &[(&str, &str)] =
    &[("host.selinux-enforcing", "fail"), ("host.selinux-persistent", "not-applicable")];

/// One row for each check: tenant-a, tenant-b. The first is of a host that enforces.
const VMS: &[(&str, [&str; 2])] = &[
    ("proc.selinux-label", ["pass", "pass"]),
    ("proc.mcs-unique", ["pass", "pass"]),
    ("proc.uid", ["pass", "pass"]),
    ("proc.capabilities", ["pass", "pass"]),
    ("proc.seccomp", ["pass", "pass"]),
    ("proc.mount-namespace", ["pass", "pass"]),
    ("vm.secure-boot", ["pass", "fail"]),
    ("vm.hardware-accel", ["pass", "pass"]),
    ("vm.graphics-listen", ["pass", "fail"]),
    ("vm.seclabel-none", ["pass", "pass"]),
    // No definition there names an operating system.
    ("guest.os-eol", ["unknown", "unknown"]),
];

#[test]
fn each_verdict_is_the_right_one() {
    let report = bed().audit();
    assert_eq!((&report["privileged"], &report["host"]["name"]), (&true.into(), &"selinux-host".into()));
    assert_eq!(report["libvirt"], serde_json::json!({"state": "connected", "uri": "qemu:///system"}));
    let otherwise = |id: &str| PERMISSIVE.iter().find(|(other, _)| *other == id && !booted_enforcing());
    let table: Vec<_> = HOST.iter().map(|row| *otherwise(row.0).unwrap_or(row)).collect();
    assert_verdicts("host", &report["host"]["findings"], &table, Unlisted::Known);
    for (index, uuid) in TENANTS.into_iter().enumerate() {
        assert_eq!(report["vms"][uuid]["state"], "paused");
        let mut table: Vec<_> = VMS.iter().map(|(id, verdicts)| (*id, verdicts[index])).collect();
        // A label does not confine by itself.
        table[0].1 = if booted_enforcing() { "pass" } else { "warn" };
        assert_verdicts(uuid, &report["vms"][uuid]["findings"], &table, Unlisted::Known);
    }
}

/// The mode as the kernel says it, and where to read it.
#[test]
fn selinux_is_a_fact() {
    let bed = bed();
    let (word, digit) = if booted_enforcing() { ("Enforcing", "1") } else { ("Permissive", "0") };
    assert_eq!(bed.sh("getenforce").trim(), word, "the host is as it was booted");
    assert_eq!(bed.sh("cat /sys/fs/selinux/enforce").trim(), digit);
    let facts = bed.run(&["vm-security", "facts"]).json();
    let selinux = &facts["host"]["selinux"];
    let expected = serde_json::json!({"value": word.to_lowercase(), "origin": "/sys/fs/selinux/enforce"});
    assert_eq!(selinux["mode"], expected);
    assert_eq!(selinux["configured"]["value"], "enforcing");
    // What `semanage boolean` would list, and what `setsebool -P` has stored.
    for name in bed.sh("cd /sys/fs/selinux/booleans; ls -d virt_use_*").lines() {
        let file = bed.sh(&format!("cat /sys/fs/selinux/booleans/{name}"));
        let digits: Vec<bool> = file.split_whitespace().map(|digit| digit == "1").collect();
        let read = &selinux["booleans"]["value"][name];
        assert_eq!(*read, serde_json::json!({"current": digits[0], "pending": digits[1]}), "{name}");
    }
    assert_eq!(selinux["stored_booleans"]["value"]["virt_use_nfs"], false);
    let report = bed.audit();
    let mode = &report["host"]["findings"]["host.selinux-enforcing"];
    assert_eq!(evidence(mode, "/sys/fs/selinux/enforce"), word.to_lowercase());
}

#[test]
fn the_labels_of_the_processes_are_the_evidence() {
    let bed = bed();
    let report = bed.audit();
    let mut pairs = Vec::new();
    for (uuid, name) in [(TENANT_A, "tenant-a"), (TENANT_B, "tenant-b")] {
        let pid = pid_of(&bed, name);
        let label = bed.sh(&format!("tr -d '\\0\\n' </proc/{pid}/attr/current"));
        let findings = &report["vms"][uuid]["findings"];
        for id in ["proc.selinux-label", "proc.mcs-unique"] {
            assert_eq!(evidence(&findings[id], &format!("/proc/{pid}/attr/current")), label);
        }
        let (kind, pair) = label.split_once(":svirt_t:s0:").expect("a label of sVirt");
        assert!(kind.starts_with("system_u:"), "{label}");
        let message = findings["proc.selinux-label"]["message"].as_str().unwrap();
        assert!(message.contains("svirt_t") && message.contains(pair), "{message}");
        // The disk has the same pair, so that it is this one's alone.
        let disk = bed.sh(&format!("stat -c %C /var/lib/libvirt/images/{name}.qcow2"));
        assert_eq!(disk.trim(), format!("system_u:object_r:svirt_image_t:s0:{pair}"));
        let status = bed.sh(&format!("cat /proc/{pid}/status"));
        assert!(status.contains("\nSeccomp:\t2\n") && status.contains("\nCapEff:\t0000000000000000\n"), "{status}");
        assert_ne!(bed.sh(&format!("readlink /proc/{pid}/ns/mnt")), bed.sh("readlink /proc/1/ns/mnt"));
        pairs.push(pair.to_owned());
    }
    assert_ne!(pairs[0], pairs[1]);
}

fn pid_of(bed: &Bed, name: &str) -> u32 {
    bed.sh(&format!("cat /run/libvirt/qemu/{name}.pid")).trim().parse().unwrap()
}

/// libvirt's own security drivers, as `virsh capabilities` lists them.
#[test]
fn libvirt_separates_the_vms_with_selinux() {
    let bed = bed();
    assert!(bed.sh("virsh capabilities").contains("<model>selinux</model>"));
    let report = bed.audit();
    let driver = &report["host"]["findings"]["daemon.security-driver"];
    assert!(driver.to_string().contains("selinux"), "{driver}");
}

/// A port that is opened while it runs is seen, with the zone that opens it.
#[test]
fn firewalld_is_asked_over_dbus() {
    let bed = bed();
    let before = &bed.audit()["host"]["findings"]["host.firewall-libvirt-ports"];
    let _closed = bed.after("firewall-cmd -q --zone=public --remove-port=5900/tcp");
    bed.sh("firewall-cmd -q --zone=public --add-port=5900/tcp");
    let report = bed.audit();
    let opened = &report["host"]["findings"]["host.firewall-libvirt-ports"];
    assert_eq!(opened["verdict"], "fail", "{opened}, before {before}");
    let message = opened["message"].as_str().unwrap();
    assert!(message.contains("public") && message.contains("5900"), "{message}");
    assert_ne!(before["verdict"], "fail", "{before}");
}

/// What holds until the next boot only is told apart from what is stored.
#[test]
fn a_boolean_that_is_switched_is_seen() {
    let bed = bed();
    let _off = bed.after("setsebool virt_use_nfs off");
    bed.sh("setsebool virt_use_nfs on");
    let report = bed.audit();
    let findings = &report["host"]["findings"];
    let nfs = &findings["host.sebool-virt-use-nfs"];
    assert_eq!(nfs["verdict"], "warn", "{nfs}");
    assert_eq!(evidence(nfs, "/sys/fs/selinux/booleans/virt_use_nfs"), "on");
    let lasting = &findings["host.sebool-not-persistent"];
    assert_eq!(lasting["verdict"], "warn", "{lasting}");
    assert!(lasting["message"].as_str().unwrap().contains("virt_use_nfs"), "{lasting}");
}
