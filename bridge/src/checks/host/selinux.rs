// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux as a whole. The booleans stand in `sebool.rs`.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::host::SelinuxMode;
use crate::policy::Profile;

pub static ENFORCING: Check = Check {
    id: "host.selinux-enforcing",
    title: "SELinux is enforcing",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "sVirt keeps VMs apart from each other and from the host only while SELinux enforces its policy. Without it, \
          a guest that breaks out of QEMU can read the memory and the disks of every other VM that runs as the same user.",
    fix: "If SELinux is permissive, run `setenforce 1` and set SELINUX=enforcing in /etc/selinux/config. If it is disabled, \
          set SELINUX=permissive, relabel the file system at the next boot, look for denials, and then enforce.",
    impact: "Software that depends on denied access stops working; look at the denials that permissive mode logged first.",
    apply: Apply::HostNow,
    needs: "/sys/fs/selinux/enforce, and /sys/module/apparmor/parameters/enabled where SELinux is absent",
    judge: Judge::Host(|facts| {
        let mode = &facts.host.selinux.mode;
        Ok(match mode.get()? {
            SelinuxMode::Enforcing => Verdict::pass("SELinux is enforcing.").with(mode),
            SelinuxMode::Permissive => {
                Verdict::fail("SELinux is permissive: it logs what its policy forbids, and allows it.").with(mode)
            }
            SelinuxMode::Disabled if facts.host.apparmor.enabled.value() == Some(&true) => {
                Verdict::not_applicable("AppArmor is this host's security module, not SELinux.")
                    .with(&facts.host.apparmor.enabled)
            }
            SelinuxMode::Disabled => Verdict::fail("SELinux is disabled: nothing separates the VMs but their user id.")
                .with(mode)
                .with(&facts.host.apparmor.enabled),
        })
    }),
};
