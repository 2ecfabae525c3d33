// SPDX-License-Identifier: LGPL-2.1-or-later

use super::super::root::tests::TestRoot;
use super::super::sockets::tests::written;
use super::*;

const UUID: &str = "11111111-2222-3333-4444-555555555555";
const STATUS: &str = "Name:\tqemu-system-x86\nUid:\t64055\t64055\t64055\t64055\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\nCapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n";

/// A root with PID 1 and, as 42, a QEMU that libvirt started.
fn host() -> TestRoot {
    let test = TestRoot::new();
    test.link("/proc/1/exe", "/usr/lib/systemd/systemd")
        .file("/proc/uptime", "1 1")
        .link("/proc/42/exe", "/usr/bin/qemu-system-x86_64 (deleted)")
        .file(
            "/proc/42/cmdline",
            cmdline(&[
                "/usr/bin/qemu-system-x86_64",
                "-name",
                "guest=a,,b,debug-threads=on",
                "-S",
                "-uuid",
                UUID,
                "-sandbox",
                "on,obsolete=deny",
                "-append",
                "-uuid",
                "-object",
                "secret,data=hunter2",
            ]),
        )
        .file("/proc/42/status", STATUS)
        .file("/proc/42/attr/current", "system_u:system_r:svirt_t:s0:c1,c2\0")
        .link("/proc/42/ns/mnt", "mnt:[4026532000]")
        .link("/proc/42/ns/net", "net:[4026531840]")
        .file("/proc/42/cgroup", "0::/machine.slice/machine-qemu\\x2d1\\x2da.scope/libvirt/emulator\n")
        .file("/proc/42/net/tcp", written(&[("0.0.0.0", 5900, "0A", 777), ("0.0.0.0", 22, "0A", 888)]))
        .link("/proc/42/fd/3", "socket:[777]")
        .link("/proc/42/fd/4", "/dev/kvm");
    test
}

fn cmdline(arguments: &[&str]) -> String {
    arguments.join("\0") + "\0"
}

#[test]
fn a_qemu_process_with_everything() {
    let (fact, _) = all(&host().root());
    let [process] = &fact.get().unwrap()[..] else { panic!("{fact:?}") };
    assert_eq!((process.pid, process.program.as_str()), (42, "/usr/bin/qemu-system-x86_64"));
    assert_eq!(process.exe, Fact::known("/proc/42/exe", "/usr/bin/qemu-system-x86_64 (deleted)".to_owned()));
    assert_eq!((process.uuid.as_deref(), process.guest.as_deref()), (Some(UUID), Some("a,b")));
    assert_eq!(process.sandbox, Fact::known("/proc/42/cmdline", Some("on,obsolete=deny".to_owned())));
    assert_eq!(process.uids, Fact::known("/proc/42/status: Uid", [64055; 4]));
    let capabilities = Capabilities { permitted: 0, effective: 0x1ff_ffff_ffff, ambient: 0 };
    assert_eq!(process.capabilities, Fact::known("/proc/42/status: CapEff", capabilities));
    assert_eq!(process.seccomp, Fact::known("/proc/42/status: Seccomp", 2));
    assert_eq!(process.no_new_privs, Fact::known("/proc/42/status: NoNewPrivs", false));
    assert_eq!(process.label.value().unwrap().as_deref(), Some("system_u:system_r:svirt_t:s0:c1,c2"));
    assert_eq!(process.mount_namespace, Fact::known("/proc/42/ns/mnt", "mnt:[4026532000]".to_owned()));
    assert!(process.cgroup.get().unwrap().starts_with("/machine.slice/machine-qemu"));
    let ports: Vec<_> = process.listeners.get().unwrap().iter().map(|listener| listener.port).collect();
    assert_eq!(ports, [5900]);
    assert!(!serde_json::to_string(&fact).unwrap().contains("hunter2"));
}

#[test]
fn a_hostile_name_neither_hides_nor_makes_a_qemu() {
    let test = host();
    test.link("/proc/43/exe", "/usr/libexec/qemu-kvm")
        .file("/proc/43/cmdline", "\0\u{1b}[31m\0-uuid")
        .file("/proc/43/comm", "bash\n")
        .file("/proc/43/status", b"\xff\0Uid:\nUid:\tx\n")
        .fifo("/proc/43/attr/current")
        .link("/proc/44/exe", "/usr/bin/python3")
        .file("/proc/44/cmdline", cmdline(&["qemu-system-x86_64", "-uuid", UUID]));
    let (fact, _) = all(&test.root());
    let [_, hostile] = &fact.get().unwrap()[..] else { panic!("{fact:?}") };
    assert_eq!((hostile.pid, hostile.program.as_str(), &hostile.uuid), (43, "", &None));
    assert_eq!(hostile.sandbox.value(), Some(&None));
    assert_eq!(hostile.uids.get().unwrap_err().reason, "the user ids are not four numbers");
    assert_eq!(hostile.seccomp.get().unwrap_err().reason, "the kernel does not report Seccomp");
    assert!(hostile.capabilities.value().is_none() && hostile.label.value().is_none());
    assert_eq!(hostile.listeners.get().unwrap_err().reason, "the process ended while it was read");
}

#[test]
fn without_a_security_module_the_label_is_known_to_be_none() {
    let test = TestRoot::new();
    test.link("/proc/1/exe", "/qemu-kvm").file("/proc/1/cmdline", "qemu-kvm\0").file("/proc/1/status", STATUS);
    assert_eq!(all(&test.root()).0.get().unwrap()[0].label, Fact::known("/proc/1/attr/current", None));
}

#[test]
fn a_hidden_proc_is_not_a_host_without_qemu() {
    let test = TestRoot::new();
    test.directory("/proc/4711");
    assert_eq!(all(&test.root()).0.get().unwrap_err(), Gap::needs_admin("/proc"));
    assert!(all(&TestRoot::new().root()).0.value().is_none());
}

#[test]
fn a_process_that_ends_is_left_out() {
    let test = host();
    test.directory("/proc/50").link("/proc/51/exe", "/usr/bin/qemu-kvm");
    let pids: Vec<_> = all(&test.root()).0.get().unwrap().iter().map(|process| process.pid).collect();
    assert_eq!(pids, [42]);
}

#[test]
fn control_groups_of_both_versions() {
    let path = |text: &str| cgroup(text, String::new()).value().cloned();
    assert_eq!(path("0::/a:b\n").as_deref(), Some("/a:b"));
    assert_eq!(path("12:cpu:/c\n1:name=systemd:/s\n0::/\n").as_deref(), Some("/s"));
    assert_eq!(path("1:name=systemd:/s\n0::/u\n").as_deref(), Some("/u"));
    assert_eq!(path("0::/\n").as_deref(), Some("/"));
    assert_eq!(path("12:cpu:/c\n"), None);
}

#[test]
fn the_process_of_a_vm_by_its_pid_file() {
    let test = host();
    test.file("/run/libvirt/qemu/a,b.pid", "42")
        .file("/run/libvirt/qemu/old.pid", "1")
        .file("/run/libvirt/qemu/bad.pid", "x");
    let root = test.root();
    let (processes, _) = all(&root);
    let vm = |name: &str, uuid: &str| of_vm(&pidfile(&root, "system", name), uuid, &processes);
    assert_eq!(vm("a,b", UUID).get().unwrap().as_ref().unwrap().pid, 42);
    let reason = |name: &str, uuid: &str| vm(name, uuid).get().unwrap_err().reason;
    assert_eq!(reason("a,b", &UUID.replace('1', "2")), "the pid file points to another process");
    assert!(reason("old", UUID).contains("is not a running QEMU"));
    assert_eq!(reason("bad", UUID), "/run/libvirt/qemu/bad.pid does not hold a process id");
    assert_eq!(reason("none", UUID), "there is no /run/libvirt/qemu/none.pid, though the VM runs");
    assert_eq!(reason("../../../etc/x", UUID), "the VM's name cannot be part of a file name");
    assert_eq!(reason("a\0b", UUID), "the VM's name cannot be part of a file name");
    assert!(pidfile(&root, "qemu+ssh://x/system", "a").value().is_none());
}

/// This test's own process, as if it were a QEMU: what the real `/proc` says.
#[test]
fn the_real_proc_is_understood() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let root = Root::open(std::path::Path::new("/")).unwrap();
    let directory = root.inside(&format!("/proc/{}", std::process::id())).unwrap();
    let status = directory.read("status").map_err(|error| gap(String::new(), &error));
    let own = |name: &str| field(&status, name, String::new());
    assert_eq!(uids(own("Uid").get().unwrap()).unwrap()[1], rustix::process::geteuid().as_raw());
    assert!(capabilities(&own).value().is_some());
    assert!(label(&directory, String::new()).value().is_some());
    let held = Tables::default().held_by(&directory).unwrap();
    assert!(held.iter().any(|held| held.port == listener.local_addr().unwrap().port()));
}

#[test]
fn old_code_in_memory_and_what_only_looks_like_it() {
    let maps = "7f00-7f01 r-xp 00000000 08:01 1  /usr/lib64/libspice.so.1 (deleted)\n\
        7f00-7f01 r--p 00000000 08:01 1  /usr/lib64/data.so (deleted)\n\
        7f00-7f01 rwxp 00000000 00:01 1  /memfd:tcg-jit (deleted)\n\
        7f00-7f01 r-xs 00000000 00:13 1  /[aio] (deleted)\n\
        7f00-7f01 r-xp 00000000 00:13 1  /dev/zero (deleted)\n\
        7f00-7f01 r-xp 00000000 08:01 1  /usr/lib64/libc.so.6\n\
        7f00-7f01 r-xp 00000000 08:01 1  /opt/a b.so (deleted)\n\
        (deleted)\n (deleted)\n";
    assert_eq!(stale(maps.as_bytes()), ["/opt/a b.so", "/usr/lib64/libspice.so.1"]);
    let many: Vec<_> = (0..1000).map(|n| format!("1-2 r-xp 0 0 0 /lib/{n}.so (deleted)\n")).collect();
    assert_eq!(stale(many.concat().as_bytes()).len(), STALE_LIMIT);
}

#[test]
fn limits_of_core_files() {
    let limit = |text: &str| core_limit(text, String::new());
    let line =
        "Limit                     Soft Limit           Hard Limit           Units     \nMax core file size        ";
    assert_eq!(limit(&format!("{line}0                    unlimited            bytes     \n")).value(), Some(&Some(0)));
    assert_eq!(limit(&format!("{line}unlimited            unlimited            bytes     \n")).value(), Some(&None));
    assert!(limit(&format!("{line}x\n")).value().is_none());
    assert!(limit("").value().is_none());
}

#[test]
fn helpers_and_what_else_a_qemu_shows() {
    let test = host();
    test.file("/proc/42/coredump_filter", "00000033\n")
        .file("/proc/42/maps", "1-2 r-xp 0 0 0 /lib/a.so (deleted)\n")
        .file("/proc/42/root/dev/file", "")
        .link("/proc/60/exe", "/usr/bin/swtpm")
        .file(
            "/proc/60/cmdline",
            cmdline(&[
                "/usr/bin/swtpm",
                "socket",
                "--tpmstate",
                &format!("dir=/var/lib/libvirt/swtpm/{UUID}/tpm2"),
                "--key",
                "pwd=hunter2",
            ]),
        )
        .file("/proc/60/status", "Uid:\t59\t59\t59\t59\nPPid:\t1\nSeccomp:\t2\n")
        .file("/proc/60/cgroup", "0::/x\n")
        .link("/proc/61/exe", "/usr/bin/bash");
    let (processes, helpers) = all(&test.root());
    let process = &processes.get().unwrap()[0];
    assert_eq!(process.core.filter.value(), Some(&0x33));
    assert_eq!(process.core.dump_guest.value(), Some(&None));
    assert_eq!(process.stale.get().unwrap(), &["/lib/a.so"]);
    assert_eq!(process.devices.get().unwrap().len(), 0);
    let [helper] = &helpers.get().unwrap()[..] else { panic!("{helpers:?}") };
    assert_eq!(
        (helper.pid, helper.parent, helper.kind.as_str(), helper.uuid.as_deref()),
        (60, Some(1), "swtpm", Some(UUID))
    );
    assert_eq!((helper.seccomp.value(), helper.uids.value()), (Some(&2), Some(&[59; 4])));
    assert!(!serde_json::to_string(&helpers).unwrap().contains("hunter2"));
}
