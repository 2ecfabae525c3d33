// SPDX-License-Identifier: LGPL-2.1-or-later
//! `/etc/libvirt/qemu.conf`: what holds for every VM of the system.

use super::asked_system;
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::facts::host::ConfFile;
use crate::policy::Profile;

const AUTOMATIC: &str = "automatic-features-for-virtual-machine-security";
const DRIVER: &str = "https://libvirt.org/drvqemu.html";
const PASSTHROUGH: &str = "https://libvirt.org/kbase/qemu-passthrough-security.html";

pub static SECCOMP_SANDBOX: Check = Check {
    id: "daemon.seccomp-sandbox",
    title: "libvirt starts QEMU with its system call filter",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: &[AUTOMATIC, PASSTHROUGH],
    why: "The filter (seccomp) takes from QEMU the system calls that an attacker who has broken into it needs next: starting programs, \
          gaining rights, changing priorities. Without it, the whole kernel is open to a broken-out guest.",
    fix: "Remove seccomp_sandbox from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "VMs must be started anew. A helper program that QEMU itself would start (by <qemu:commandline>) no longer starts.",
    apply: Apply::DaemonRestart,
    needs: "seccomp_sandbox in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "seccomp_sandbox";
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.integer(KEY)? {
            Some(0) => {
                Verdict::fail("qemu.conf switches QEMU's system call filter off for every VM (seccomp_sandbox = 0).")
            }
            Some(_) => Verdict::pass("qemu.conf switches QEMU's system call filter on for every VM."),
            None => Verdict::pass("QEMU's system call filter is on for every VM, as it is by default."),
        };
        Ok(shows(verdict, conf, KEY))
    }),
};

pub static SECURITY_DRIVER: Check = Check {
    id: "daemon.security-driver",
    title: "libvirt confines VMs with SELinux or AppArmor",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: &[AUTOMATIC, DRIVER, PASSTHROUGH],
    why: "Without a security driver all VMs run under one user with the same rights: a guest that breaks out reads and writes the disks \
          and the memory of all others. With `security_driver = []` even the separate user is gone.",
    fix: "Remove security_driver from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again. If the host has neither SELinux nor AppArmor on, enable the one that the distribution brings.",
    impact: "VMs must be started anew; files that they use are given labels. Files in unusual places may be denied until their label fits.",
    apply: Apply::DaemonRestart,
    needs: "security_driver in /etc/libvirt/qemu.conf (administrative access), the security models in libvirt's capabilities",
    judge: Judge::Host(|facts, _| security_driver(facts)),
};

fn security_driver(facts: &Facts) -> Judged {
    const KEY: &str = "security_driver";
    let qemu = &facts.host.config.qemu;
    let models = &facts.libvirt.security_models;
    let conf = qemu.value();
    if let Some(conf) = conf
        && let Some(drivers) = conf.list(KEY)?
        && drivers.iter().all(|driver| driver == "none")
    {
        let message = if drivers.is_empty() {
            "qemu.conf switches all security drivers off (security_driver = []): no VM is confined, not even by a user of its own."
        } else {
            "qemu.conf switches SELinux and AppArmor off for VMs (security_driver = \"none\")."
        };
        return Ok(shows(Verdict::fail(message), conf, KEY));
    }
    // Of two gaps the file's says more: libvirt does not start with a file that does not parse.
    let listed = models.get().map_err(|gap| qemu.get().err().unwrap_or(gap))?;
    asked_system(facts)?;
    let verdict = match listed.iter().find(|model| ["selinux", "apparmor"].contains(&model.as_str())) {
        Some(model) if model == "selinux" => Verdict::pass("libvirt confines VMs with SELinux."),
        Some(_) => Verdict::pass("libvirt confines VMs with AppArmor."),
        None if listed.is_empty() => Verdict::fail("libvirt uses no security driver at all: nothing confines a VM."),
        None => Verdict::fail(format!(
            "libvirt uses neither SELinux nor AppArmor to confine VMs, but only: {}.",
            listed.join(", ")
        )),
    };
    let verdict = verdict.and(models.origin(), if listed.is_empty() { "(none)".to_owned() } else { listed.join(", ") });
    Ok(match conf {
        Some(conf) => shows(verdict, conf, KEY),
        None => verdict.and("/etc/libvirt/qemu.conf: security_driver", qemu.clone().map(|_| "").shown()),
    })
}

pub static NAMESPACES: Check = Check {
    id: "daemon.namespaces",
    title: "Each VM gets a mount namespace of its own",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: &[AUTOMATIC, "https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu.conf.in"],
    why: "In its own mount namespace QEMU sees a /dev with only the devices of its VM. Without it, a broken-out guest sees every disk \
          and every device of the host, and only file modes stand in between.",
    fix: "Remove namespaces from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down and \
          start it again.",
    impact: "VMs must be started anew. Tools that expect QEMU to see new files below /dev must add them through libvirt.",
    apply: Apply::DaemonRestart,
    needs: "namespaces in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "namespaces";
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.list(KEY)? {
            None => Verdict::pass("Each VM gets a mount namespace of its own, as it does by default."),
            Some(list) if list.iter().any(|name| name == "mount") => {
                Verdict::pass("qemu.conf gives each VM a mount namespace of its own.")
            }
            Some(_) => Verdict::fail(
                "qemu.conf switches the VMs' own mount namespaces off: QEMU sees the whole /dev of the host.",
            ),
        };
        Ok(shows(verdict, conf, KEY))
    }),
};

pub static QEMU_USER: Check = Check {
    id: "daemon.qemu-user",
    title: "libvirt does not start QEMU as root",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: &[DRIVER],
    why: "Since libvirt 6.0 a QEMU that runs as root keeps all capabilities of root. A guest that breaks out of it owns the host, unless \
          SELinux or AppArmor stops it.",
    fix: "Remove user and group from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, give \
          /var/lib/libvirt/qemu and the images to the distribution's user (qemu or libvirt-qemu), then shut each VM down and start it again.",
    impact: "VMs must be started anew, and lose access to files that only root may read.",
    apply: Apply::DaemonRestart,
    needs: "user and group in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        let conf = facts.host.config.qemu.get()?;
        let (user, group) = (conf.text("user")?, conf.text("group")?);
        let verdict = if user.is_some_and(is_root) {
            Verdict::fail("qemu.conf lets every QEMU run as root.")
        } else if group.is_some_and(is_root) {
            Verdict::fail("qemu.conf lets every QEMU run in root's group.")
        } else if let Some(user) = user {
            Verdict::pass(format!("qemu.conf lets QEMU run as the user {user}."))
        } else {
            Verdict::pass(
                "qemu.conf names no user, so that QEMU runs as the one that the distribution chose (qemu or libvirt-qemu); \
                 proc.uid looks at each running VM.",
            )
        };
        Ok(shows(shows(verdict, conf, "user"), conf, "group"))
    }),
};

/// A name, or a number with or without libvirt's `+`, which says that it is no name.
pub(super) fn is_root(name: &str) -> bool {
    name == "root" || name.strip_prefix('+').unwrap_or(name).parse::<u32>() == Ok(0)
}

pub(super) fn shows(verdict: Verdict, conf: &ConfFile, key: &str) -> Verdict {
    verdict.and(conf.place(key), conf.shown(key))
}
