// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the kernel lets a QEMU process do: its user, capabilities, system calls and view of the file system.

use super::{AUTOMATIC, DRIVER, is_session, judge};
use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::host::Capabilities;
use crate::policy::Profile;

/// What libvirt's sandbox forbids QEMU beyond the calls that no emulator needs.
const DENIALS: [&str; 4] = ["obsolete=deny", "elevateprivileges=deny", "spawn=deny", "resourcecontrol=deny"];

pub static SECCOMP: Check = Check {
    id: "proc.seccomp",
    title: "QEMU runs under its system call filter",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[AUTOMATIC, "https://libvirt.org/kbase/qemu-passthrough-security.html"],
    why: "The filter takes from a broken-out guest the system calls that it needs next: starting programs, gaining rights, changing \
          priorities. This looks at the running process, whatever the configuration says now.",
    fix: "Remove seccomp_sandbox from /etc/libvirt/qemu.conf, and -sandbox from the VM's <qemu:commandline>; restart libvirt's daemon, then shut \
          the VM down and start it again.",
    impact: "The VM must be started anew. A helper program that QEMU itself would start no longer starts.",
    apply: Apply::NextStart,
    needs: "Seccomp in /proc/PID/status, -sandbox in /proc/PID/cmdline",
    judge: Judge::Vm(|_, vm, _| {
        judge(vm, |process| {
            let seccomp = &process.seccomp;
            if *seccomp.get()? == 0 {
                return Ok(Verdict::fail("QEMU runs without a system call filter.").with(seccomp));
            }
            let sandbox = process.sandbox.get()?.as_deref();
            let options: Vec<&str> = sandbox.unwrap_or_default().split(',').map(str::trim).collect();
            let lacking: Vec<&str> = DENIALS.into_iter().filter(|denial| !options.contains(denial)).collect();
            let verdict = if sandbox.is_none() {
                Verdict::warn(
                    "QEMU runs under a system call filter, but not under its own: it was started without -sandbox.",
                )
            } else if lacking.is_empty() {
                Verdict::pass("QEMU runs under a system call filter with all four denials.")
            } else {
                Verdict::warn(format!("QEMU runs under a system call filter that lacks {}.", lacking.join(", ")))
            };
            Ok(verdict
                .with(seccomp)
                .and(process.sandbox.origin(), format!("-sandbox {}", sandbox.unwrap_or("(not given)"))))
        })
    }),
};

pub static UID: Check = Check {
    id: "proc.uid",
    title: "QEMU does not run as root",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[DRIVER, "https://www.qemu.org/docs/master/system/security.html"],
    why: "A guest that breaks out of a QEMU with user id 0 owns the host's files. One that breaks out of a person's QEMU has that \
          person's files and keys.",
    fix: "Remove user and group from /etc/libvirt/qemu.conf and <seclabel model='dac'> from the VM (`virsh edit`), restart libvirt's \
          daemon, then shut the VM down and start it again.",
    impact: "The VM must be started anew, and loses access to files that only that user may read.",
    apply: Apply::NextStart,
    needs: "Uid in /proc/PID/status",
    judge: Judge::Vm(|_, vm, _| {
        judge(vm, |process| {
            let uids = process.uids.get()?;
            let shown = uids.map(|uid| uid.to_string()).join(" ");
            let person = uids.iter().find(|uid| crate::checks::is_person(**uid)).filter(|_| !is_session(vm));
            let verdict = if uids.contains(&0) {
                Verdict::fail("QEMU runs as root (user id 0).")
            } else if let Some(uid) = person {
                Verdict::warn(format!(
                    "QEMU runs as a person's user (user id {uid}), though this VM belongs to the system."
                ))
            } else if is_session(vm) {
                Verdict::pass(format!("QEMU runs as the user whose session it belongs to (user id {}).", uids[1]))
            } else {
                Verdict::pass(format!("QEMU runs as a service's user (user id {}).", uids[1]))
            };
            Ok(verdict.and(process.uids.origin(), shown))
        })
    }),
};

pub static CAPABILITIES: Check = Check {
    id: "proc.capabilities",
    title: "QEMU has no capabilities",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[DRIVER],
    why: "Each capability is a part of root's power. With cap_sys_rawio a broken-out guest writes any disk, with cap_dac_override it \
          reads any file, with cap_sys_admin it does nearly everything.",
    fix: "Let QEMU run as the distribution's user (see proc.uid), remove rawio='yes' from the VM's disks (`virsh edit`), then shut the \
          VM down and start it again.",
    impact: "The VM must be started anew. Raw SCSI commands to a passed-through disk are filtered by the kernel.",
    apply: Apply::NextStart,
    needs: "CapPrm, CapEff and CapAmb in /proc/PID/status",
    judge: Judge::Vm(|_, vm, _| {
        judge(vm, |process| {
            let Capabilities { permitted, effective, ambient } = *process.capabilities.get()?;
            let all = permitted | effective | ambient;
            let root = process.uids.value().is_some_and(|uids| uids.contains(&0));
            let verdict = if all == 0 {
                Verdict::pass("QEMU has no capabilities.")
            } else if root {
                Verdict::fail(format!("QEMU runs as root and has capabilities: {}.", names(all)))
            } else {
                Verdict::fail(format!("QEMU has capabilities, though it does not run as root: {}.", names(all)))
            };
            let shown = format!("CapPrm {permitted:016x}, CapEff {effective:016x}, CapAmb {ambient:016x}");
            Ok(verdict.and(process.capabilities.origin(), shown))
        })
    }),
};

pub static NO_NEW_PRIVS: Check = Check {
    id: "proc.no-new-privs",
    title: "QEMU cannot gain rights by starting programs",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Process,
    basis: &["https://docs.kernel.org/userspace-api/no_new_privs.html"],
    why: "With the flag no_new_privs the kernel ignores setuid bits and file capabilities when the process starts a program. QEMU's system call filter sets it where libseccomp does so by default.",
    fix: "Let QEMU run under its system call filter (see proc.seccomp). There is no setting for the flag alone.",
    impact: "Nothing that libvirt's VMs use depends on gaining rights.",
    apply: Apply::NextStart,
    needs: "NoNewPrivs in /proc/PID/status",
    judge: Judge::Vm(|_, vm, _| {
        judge(vm, |process| {
            let flag = &process.no_new_privs;
            let verdict = if *flag.get()? {
                Verdict::pass("QEMU cannot gain rights by starting programs.")
            } else {
                Verdict::info(
                    "The kernel would let QEMU gain rights by starting a setuid program, as far as its system call filter lets it start any.",
                )
            };
            Ok(verdict.and(flag.origin(), if flag.value() == Some(&true) { "1" } else { "0" }))
        })
    }),
};

/// In the order of their numbers (`linux/capability.h`).
const NAMES: [&str; 41] = [
    "cap_chown",
    "cap_dac_override",
    "cap_dac_read_search",
    "cap_fowner",
    "cap_fsetid",
    "cap_kill",
    "cap_setgid",
    "cap_setuid",
    "cap_setpcap",
    "cap_linux_immutable",
    "cap_net_bind_service",
    "cap_net_broadcast",
    "cap_net_admin",
    "cap_net_raw",
    "cap_ipc_lock",
    "cap_ipc_owner",
    "cap_sys_module",
    "cap_sys_rawio",
    "cap_sys_chroot",
    "cap_sys_ptrace",
    "cap_sys_pacct",
    "cap_sys_admin",
    "cap_sys_boot",
    "cap_sys_nice",
    "cap_sys_resource",
    "cap_sys_time",
    "cap_sys_tty_config",
    "cap_mknod",
    "cap_lease",
    "cap_audit_write",
    "cap_audit_control",
    "cap_setfcap",
    "cap_mac_override",
    "cap_mac_admin",
    "cap_syslog",
    "cap_wake_alarm",
    "cap_block_suspend",
    "cap_audit_read",
    "cap_perfmon",
    "cap_bpf",
    "cap_checkpoint_restore",
];

/// The names of a set, or their number where they are too many to read.
fn names(set: u64) -> String {
    if set.count_ones() > 8 {
        return format!("{} of them", set.count_ones());
    }
    let of = |bit: usize| NAMES.get(bit).map_or_else(|| format!("number {bit}"), |name| (*name).to_owned());
    (0..64).filter(|bit| set >> bit & 1 == 1).map(of).collect::<Vec<_>>().join(", ")
}

pub static MOUNT_NAMESPACE: Check = Check {
    id: "proc.mount-namespace",
    title: "QEMU has a mount namespace of its own",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[AUTOMATIC, "https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu.conf.in"],
    why: "In its own mount namespace QEMU sees a /dev with only the devices of its VM. In the host's, a broken-out guest sees every disk \
          and every device, and only file modes stand in between.",
    fix: "Remove namespaces from /etc/libvirt/qemu.conf, restart libvirt's daemon, then shut the VM down and start it again.",
    impact: "The VM must be started anew.",
    apply: Apply::NextStart,
    needs: "/proc/PID/ns/mnt and /proc/1/ns/mnt (administrative access)",
    judge: Judge::Vm(|facts, vm, _| {
        if is_session(vm) {
            return Ok(Verdict::not_applicable(
                "This is a VM of a user's session, for which libvirt makes no namespace.",
            ));
        }
        judge(vm, |process| {
            let (own, host) = (&process.mount_namespace, &facts.host.mount_namespace);
            let verdict = if own.get()? == host.get()? {
                Verdict::fail("QEMU runs in the host's mount namespace: it sees the whole /dev of the host.")
            } else {
                Verdict::pass("QEMU runs in a mount namespace of its own.")
            };
            Ok(verdict.with(own).with(host))
        })
    }),
};
