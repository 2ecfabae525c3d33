// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is said about the bed, whose state is known: each verdict as an expert would give it.
#![allow(clippy::unwrap_used, reason = "a failed expectation is a failed test")]

use serde_json::Value;

use crate::bed::{HARDENED, INSECURE, STOPPED, bed, definition, vm};
use crate::table::assert_verdicts;

/// `known`: decided by the machine under the bed (its kernel and processor), but there to be read.
const HOST: &[(&str, &str)] = &[
    ("host.selinux-enforcing", "fail"),
    ("host.selinux-persistent", "not-applicable"),
    ("host.sebool-virt-use-nfs", "not-applicable"),
    ("host.sebool-not-persistent", "not-applicable"),
    ("host.kaslr", "known"),
    ("host.cpu-vulnerabilities", "known"),
    ("host.ksm", "known"),
    // The bed has no firewalld.
    ("host.firewall-libvirt-ports", "unknown"),
    ("host.unmanaged-qemu", "pass"),
    ("host.selinux-permissive-types", "not-applicable"),
    ("host.svirt-denials", "not-applicable"),
    ("host.apparmor-libvirt", "not-applicable"),
    ("host.sebool-virt-use-glusterd", "not-applicable"),
    ("host.aslr", "pass"),
    // No bed shows the kernel's security file system, has a kernel of its own, or fwupd.
    ("host.lockdown", "unknown"),
    ("host.reboot-pending", "unknown"),
    ("host.fwupd-hsi", "unknown"),
    ("host.coredump-storage", "pass"),
    ("host.firewall-active", "warn"),
    ("host.auditd", "warn"),
    ("host.qemu-binary-hardening", "pass"),
    ("host.monolithic-libvirtd", "info"),
    ("daemon.security-driver", "fail"),
    ("daemon.qemu-user", "pass"),
    ("daemon.seccomp-sandbox", "pass"),
    ("daemon.namespaces", "pass"),
    ("daemon.listen-tcp", "pass"),
    ("daemon.auth-unix-rw", "pass"),
    ("daemon.access-drivers", "warn"),
    ("access.libvirt-group", "pass"),
    ("access.polkit-manage", "pass"),
];

/// One row for each check: `insecure`, `hardened`, `stopped`. At profile server, where what is enforced later is for information.
const VMS: &[(&str, [&str; 3])] = &[
    ("proc.selinux-label", ["not-applicable", "not-applicable", "not-applicable"]),
    ("proc.mcs-unique", ["not-applicable", "not-applicable", "not-applicable"]),
    ("proc.uid", ["fail", "pass", "not-applicable"]),
    ("proc.capabilities", ["fail", "pass", "not-applicable"]),
    ("proc.seccomp", ["pass", "pass", "not-applicable"]),
    ("proc.mount-namespace", ["pass", "pass", "not-applicable"]),
    ("proc.listen-sockets", ["warn", "pass", "not-applicable"]),
    ("vm.secure-boot", ["fail", "pass", "fail"]),
    ("vm.machine-q35", ["info", "pass", "info"]),
    ("vm.tpm", ["info", "pass", "info"]),
    // No bed has KVM.
    ("vm.hardware-accel", ["fail", "fail", "fail"]),
    ("vm.seclabel-none", ["pass", "pass", "pass"]),
    ("vm.qemu-commandline", ["pass", "pass", "warn"]),
    ("vm.emulator-path", ["pass", "pass", "pass"]),
    ("vm.graphics-listen", ["fail", "pass", "pass"]),
    ("vm.graphics-password", ["fail", "not-applicable", "not-applicable"]),
    // The machine type `pc` has a controller of its own.
    ("vm.floppy", ["info", "pass", "fail"]),
    ("vm.disk-shareable", ["pass", "pass", "pass"]),
    ("vm.disk-duplicate-source", ["pass", "pass", "pass"]),
    ("vm.install-secrets", ["pass", "pass", "pass"]),
    ("vm.taints", ["pass", "pass", "not-applicable"]),
    ("vm.config-drift", ["pass", "pass", "not-applicable"]),
];

#[test]
fn each_verdict_is_the_right_one() {
    let report = bed().audit();
    assert_eq!(report["privileged"], true);
    assert_eq!(report["libvirt"]["state"], "connected");
    assert_verdicts("host", &report["host"]["findings"], HOST);
    for (index, uuid) in [INSECURE, HARDENED, STOPPED].into_iter().enumerate() {
        let table: Vec<(&str, &str)> = VMS.iter().map(|(id, verdicts)| (*id, verdicts[index])).collect();
        assert_verdicts(uuid, &report["vms"][uuid]["findings"], &table);
    }
    for (uuid, name, state) in
        [(INSECURE, "insecure", "running"), (HARDENED, "hardened", "running"), (STOPPED, "stopped", "shut off")]
    {
        let vm = &report["vms"][uuid];
        assert_eq!((&vm["name"], &vm["state"]), (&name.into(), &state.into()), "{vm}");
        // Without KVM not even baseline, and that is certain.
        assert_eq!((&vm["meets"], &vm["proven"]), (&Value::Null, &true.into()), "{vm}");
    }
}

#[test]
fn messages_name_what_is_there() {
    let report = bed().audit();
    for (uuid, id, words) in [
        (INSECURE, "vm.graphics-listen", ["0.0.0.0", "VNC"].as_slice()),
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
