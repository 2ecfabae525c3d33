// SPDX-License-Identifier: LGPL-2.1-or-later
//! The fifteen SELinux booleans of the RHEL chapter: rows of one table, each judged by whether a VM needs it.

use super::sebool_other::on_file_system;
use super::sebool_state::{Row, check, needed, on, plain, settled};
use crate::checks::{Check, Need, Severity, Verdict};
use crate::policy::Profile;

pub(super) const CHAPTER: &[&str] = &["virtualization-booleans-in-rhel"];

const fn row(row: &Row) -> Check {
    check(Profile::Baseline, CHAPTER, row)
}

pub(super) const BOOLEAN: &str = "the boolean's file in /sys/fs/selinux/booleans";
pub(super) const BOOLEAN_AND_VMS: &str =
    "the boolean's file in /sys/fs/selinux/booleans; where it is on, the definitions of all VMs of this host";

/// A file on a share that is mounted with a label, or that keeps labels, needs no boolean.
const BOOLEAN_AND_MOUNTS: &str =
    "the boolean's file in /sys/fs/selinux/booleans, the paths in the definitions of all VMs, and /proc/1/mountinfo";

pub static USE_NFS: Check = row(&Row {
    id: "host.sebool-virt-use-nfs",
    title: "VMs may not manage files on NFS unless they need to",
    severity: Severity::Medium,
    why: "With virt_use_nfs on, every QEMU may read and write every file on NFS that its user may: files there carry no label \
          of their VM, so sVirt does not keep one VM from the disks of another.",
    fix: "If no VM has a disk on NFS, run `setsebool -P virt_use_nfs off`.",
    impact: "VMs whose disks or ISO images lie on NFS no longer start, and running ones lose access to them.",
    needs: BOOLEAN_AND_MOUNTS,
    judge: |facts, neighbours| on_file_system(facts, neighbours, "virt_use_nfs", "NFS", Need::Nfs),
});

pub static USE_SAMBA: Check = row(&Row {
    id: "host.sebool-virt-use-samba",
    title: "VMs may not manage files on CIFS unless they need to",
    severity: Severity::Medium,
    why: "With virt_use_samba on, every QEMU may read and write every file on a CIFS (Samba) share that its user may, \
          without a label that would keep one VM from the disks of another.",
    fix: "If no VM has a disk on CIFS, run `setsebool -P virt_use_samba off`.",
    impact: "VMs whose disks or ISO images lie on a CIFS share no longer start, and running ones lose access to them.",
    needs: BOOLEAN_AND_MOUNTS,
    judge: |facts, neighbours| on_file_system(facts, neighbours, "virt_use_samba", "CIFS", Need::Cifs),
});

pub static USE_FUSEFS: Check = row(&Row {
    id: "host.sebool-virt-use-fusefs",
    title: "VMs may not read files on FUSE unless they need to",
    severity: Severity::Medium,
    why: "With virt_use_fusefs on, every QEMU may reach every FUSE file system that its user may. FUSE knows no labels, so \
          sVirt does not separate VMs there.",
    fix: "If no VM has a disk on a FUSE file system (sshfs, GlusterFS, s3fs), run `setsebool -P virt_use_fusefs off`.",
    impact: "VMs whose disks lie on a FUSE file system no longer start, and running ones lose access to them.",
    needs: BOOLEAN_AND_MOUNTS,
    judge: |facts, neighbours| on_file_system(facts, neighbours, "virt_use_fusefs", "FUSE", Need::Fuse),
});

pub static USE_USB: Check = row(&Row {
    id: "host.sebool-virt-use-usb",
    title: "VMs may not use USB devices of the host unless they need to",
    severity: Severity::Low,
    why: "With virt_use_usb on (the policy's default), SELinux lets every QEMU open any USB device node that its user and its \
          cgroup allow: one barrier less between a broken-out guest and the keyboard, the token or the disk on a USB port.",
    fix: "If no VM uses a USB device of the host, run `setsebool -P virt_use_usb off`.",
    impact: "Passing a USB device to a VM, or redirecting one from a console, no longer works.",
    needs: BOOLEAN_AND_VMS,
    judge: |facts, neighbours| {
        let used = |name: &str, vm: &str| {
            Verdict::pass(format!("{name} is on, and the VM {vm} has a USB device of the host."))
        };
        needed(facts, neighbours, "virt_use_usb", Need::Usb, used, |name| {
            Verdict::info(format!(
                "{name} is on, as the policy has it by default. No VM has a USB device of the host, so it can be turned off."
            ))
        })
    },
});

pub static USE_COMM: Check = row(&Row {
    id: "host.sebool-virt-use-comm",
    title: "VMs may not use serial and parallel ports unless they need to",
    severity: Severity::Medium,
    why: "With virt_use_comm on, every QEMU may open the host's terminals and serial and parallel ports, behind which the host's \
          own console or a machine's control may lie.",
    fix: "If no VM is given a port of the host, run `setsebool -P virt_use_comm off`.",
    impact: "A VM with a <serial type='dev'> or <parallel type='dev'> no longer starts.",
    needs: BOOLEAN_AND_VMS,
    judge: |facts, neighbours| {
        let used =
            |name: &str, vm: &str| Verdict::pass(format!("{name} is on, and the VM {vm} has a port of the host."));
        needed(facts, neighbours, "virt_use_comm", Need::Port, used, |name| {
            Verdict::warn(format!("{name} is on, and no VM has a serial or parallel port of the host."))
        })
    },
});

pub static USE_EXECMEM: Check = row(&Row {
    id: "host.sebool-virt-use-execmem",
    title: "VMs may not use executable memory and stack",
    severity: Severity::High,
    why: "With virt_use_execmem on, QEMU may make its data executable. That turns an error in its memory handling, of which \
          device emulation has many, into the attacker's own code on the host.",
    fix: "Run `setsebool -P virt_use_execmem off`. Emulated VMs (type='qemu') run as svirt_tcg_t, which may do this without the boolean.",
    impact: "None for VMs that use KVM. Where the policy has no svirt_tcg_t, emulated VMs stop working.",
    needs: BOOLEAN_AND_VMS,
    judge: |facts, neighbours| {
        let emulated = |name: &str, vm: &str| {
            Verdict::warn(format!(
                "{name} is on. The VM {vm} is emulated without KVM, but SELinux allows that without this boolean (svirt_tcg_t)."
            ))
        };
        needed(facts, neighbours, "virt_use_execmem", Need::Emulation, emulated, |name| {
            Verdict::fail(format!("{name} is on, and no VM could need it: none is emulated without KVM."))
        })
    },
});

pub static USE_RAWIP: Check = row(&Row {
    id: "host.sebool-virt-use-rawip",
    title: "VMs may not use raw IP sockets",
    severity: Severity::Medium,
    why: "With virt_use_rawip on, a broken-out guest may send packets that the host seems to have sent, past its own network's filters.",
    fix: "Run `setsebool -P virt_use_rawip off`.",
    impact: "None for VMs on libvirt's networks and bridges.",
    needs: BOOLEAN,
    judge: |facts, _| plain(facts, "virt_use_rawip", Verdict::warn, "every QEMU may use raw IP sockets"),
});

pub static USE_SANLOCK: Check = row(&Row {
    id: "host.sebool-virt-use-sanlock",
    title: "VMs may not talk to sanlock unless it locks their disks",
    severity: Severity::Low,
    why: "With virt_use_sanlock on, every QEMU may talk to sanlock, a daemon that runs as root and that hosts without shared \
          storage do not need.",
    fix: "If qemu.conf does not set lock_manager = \"sanlock\", run `setsebool -P virt_use_sanlock off`.",
    impact: "None where sanlock is not the lock manager; where it is, VMs no longer start.",
    needs: "the boolean's file in /sys/fs/selinux/booleans; where it is on, lock_manager in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        let name = "virt_use_sanlock";
        let Some(on) = on(facts, name)? else { return settled(facts, name) };
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.text("lock_manager")? {
            Some("sanlock") => Verdict::pass(format!("{name} is on, and sanlock is libvirt's lock manager.")),
            Some(other) => Verdict::warn(format!("{name} is on, but libvirt's lock manager is {other}.")),
            None => Verdict::warn(format!("{name} is on, but libvirt is not configured to use sanlock.")),
        };
        Ok(verdict.because([on]).and(conf.place("lock_manager"), conf.shown("lock_manager")))
    },
});

pub static USE_XSERVER: Check = row(&Row {
    id: "host.sebool-virt-use-xserver",
    title: "VMs may not use the host's X server",
    severity: Severity::Medium,
    why: "With virt_use_xserver on, a broken-out guest may connect to the host's screen, where X lets each program read all keys \
          that are pressed, passwords included.",
    fix: "Run `setsebool -P virt_use_xserver off`, and give VMs with <graphics type='sdl'> a VNC or SPICE console instead.",
    impact: "A VM with <graphics type='sdl'> no longer starts.",
    needs: BOOLEAN_AND_VMS,
    judge: |facts, neighbours| {
        let used = |name: &str, vm: &str| Verdict::warn(format!("{name} is on, for the SDL console of the VM {vm}."));
        needed(facts, neighbours, "virt_use_xserver", Need::Sdl, used, |name| {
            Verdict::fail(format!("{name} is on, and no VM could need it: none has an SDL console."))
        })
    },
});

pub static TRANSITION_USERDOMAIN: Check = row(&Row {
    id: "host.sebool-virt-transition-userdomain",
    title: "VM processes may not run as user domains",
    severity: Severity::High,
    why: "With virt_transition_userdomain on, a confined process of virtualization may enter the domain of a user, which is \
          unconfined on most hosts.",
    fix: "Run `setsebool -P virt_transition_userdomain off`.",
    impact: "None for KVM VMs; libvirt's LXC containers that start user shells need another policy.",
    needs: BOOLEAN,
    judge: |facts, _| {
        plain(facts, "virt_transition_userdomain", Verdict::fail, "virtualization's processes may become user domains")
    },
});

pub static SANDBOX_USE_AUDIT: Check = row(&Row {
    id: "host.sebool-virt-sandbox-use-audit",
    title: "Sandbox containers may not send audit messages",
    severity: Severity::Info,
    why: "With virt_sandbox_use_audit on (the policy's default), a sandbox container may write to the host's audit log, \
          and so confuse whoever reads it. It has no effect on KVM VMs.",
    fix: "If no container of this host needs it, run `setsebool -P virt_sandbox_use_audit off`.",
    impact: "Logins and sudo inside sandbox containers can no longer be audited, and may fail.",
    needs: BOOLEAN,
    judge: |facts, _| {
        let effect =
            "sandbox containers may send audit messages. That is the policy's default, and no matter for KVM VMs";
        plain(facts, "virt_sandbox_use_audit", Verdict::info, effect)
    },
});

pub static SANDBOX_USE_NETLINK: Check = row(&Row {
    id: "host.sebool-virt-sandbox-use-netlink",
    title: "Sandbox containers may not use netlink",
    severity: Severity::Low,
    why: "With virt_sandbox_use_netlink on, a sandbox container may talk to the kernel's network configuration, a large surface to \
          attack. It matters for libvirt's sandbox and LXC containers, not for KVM VMs.",
    fix: "Run `setsebool -P virt_sandbox_use_netlink off`.",
    impact: "Containers that configure their network themselves stop working.",
    needs: BOOLEAN,
    judge: |facts, _| {
        plain(facts, "virt_sandbox_use_netlink", Verdict::warn, "sandbox containers may use netlink system calls")
    },
});

pub static SANDBOX_USE_SYS_ADMIN: Check = row(&Row {
    id: "host.sebool-virt-sandbox-use-sys-admin",
    title: "Sandbox containers may not use sys_admin calls",
    severity: Severity::Medium,
    why: "With virt_sandbox_use_sys_admin on, a sandbox container may mount file systems and use other calls of the capability \
          that is closest to being root on the host.",
    fix: "Run `setsebool -P virt_sandbox_use_sys_admin off`.",
    impact: "Containers that mount file systems stop working; KVM VMs are not touched.",
    needs: BOOLEAN,
    judge: |facts, _| {
        plain(
            facts,
            "virt_sandbox_use_sys_admin",
            Verdict::warn,
            "sandbox containers may use sys_admin calls such as mount",
        )
    },
});

pub static STAFF_USE_SVIRT: Check = row(&Row {
    id: "host.sebool-staff-use-svirt",
    title: "Staff users may not create sVirt VMs unless they need to",
    severity: Severity::Low,
    why: "With staff_use_svirt on, users confined as staff_u may start QEMU and enter sVirt's domains: more programs within reach of \
          people whom SELinux was to confine.",
    fix: "If no user confined as staff_u (`semanage login -l`) runs session VMs, run `setsebool -P staff_use_svirt off`.",
    impact: "Users confined as staff_u can no longer run VMs of their own.",
    needs: BOOLEAN,
    judge: |facts, _| {
        let effect = "users confined as staff_u may create sVirt VMs. Whether there is such a user is not known";
        plain(facts, "staff_use_svirt", Verdict::warn, effect)
    },
});

pub static UNPRIVUSER_USE_SVIRT: Check = row(&Row {
    id: "host.sebool-unprivuser-use-svirt",
    title: "Unprivileged users may not create sVirt VMs",
    severity: Severity::Low,
    why: "With unprivuser_use_svirt on, users confined as user_u may start QEMU and enter sVirt's domains: more programs within reach \
          of people whom SELinux was to confine.",
    fix: "Run `setsebool -P unprivuser_use_svirt off`.",
    impact: "Users confined as user_u can no longer run VMs of their own.",
    needs: BOOLEAN,
    judge: |facts, _| {
        plain(facts, "unprivuser_use_svirt", Verdict::warn, "users confined as user_u may create sVirt VMs")
    },
});
