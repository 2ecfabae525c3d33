// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux as a whole. The booleans stand in `sebool.rs`.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Host;
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
    needs: "/sys/fs/selinux/enforce; where SELinux is absent, whether AppArmor is on and which profiles it has loaded \
            (administrative access)",
    judge: Judge::Host(|facts, _| {
        let mode = &facts.host.selinux.mode;
        match mode.get()? {
            SelinuxMode::Enforcing => Ok(Verdict::pass("SELinux is enforcing.").with(mode)),
            SelinuxMode::Permissive => {
                Ok(Verdict::fail("SELinux is permissive: it logs what its policy forbids, and allows it.").with(mode))
            }
            SelinuxMode::Disabled => without_selinux(&facts.host),
        }
    }),
};

/// A host without SELinux is not at fault where AppArmor confines libvirt in its stead.
fn without_selinux(host: &Host) -> Judged {
    let (mode, enabled) = (&host.selinux.mode, &host.apparmor.enabled);
    if !*enabled.get()? {
        let message = "SELinux is disabled and AppArmor is not on, so that no security module keeps the VMs apart.";
        return Ok(Verdict::fail(message).with(mode).with(enabled));
    }
    let profiles = &host.apparmor.profiles;
    let daemons = ["libvirtd", "virtqemud"];
    let found = profiles.get()?.iter().find(|(name, _)| daemons.contains(&program_of(name)));
    Ok(match found {
        Some((name, mode)) if mode == "enforce" => {
            Verdict::not_applicable("AppArmor is this host's security module, and it confines libvirt.")
                .with(enabled)
                .and(profiles.origin(), format!("{name} ({mode})"))
        }
        Some((name, mode)) => Verdict::fail(format!(
            "SELinux is disabled, and AppArmor holds its profile {name} in {mode} mode, so that no VM is confined."
        ))
        .with(enabled)
        .and(profiles.origin(), format!("{name} ({mode})")),
        None => Verdict::fail(
            "SELinux is disabled, and AppArmor has no profile for libvirtd or virtqemud, so that no VM is confined.",
        )
        .with(enabled)
        .and(profiles.origin(), "(no profile of libvirt)"),
    })
}

/// A profile is named by its program's path (`/usr/sbin/libvirtd`) or by a name of its own (`libvirtd`).
pub(super) fn program_of(profile: &str) -> &str {
    profile.rsplit_once('/').map_or(profile, |(_, name)| name)
}

pub static PERSISTENT: Check = Check {
    id: "host.selinux-persistent",
    title: "SELinux stays enforcing after a reboot",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "A host that enforces now but not after its next boot loses the separation of its VMs silently, \
          usually at night and with all of them started again.",
    fix: "Set SELINUX=enforcing in /etc/selinux/config, and remove the kernel arguments that override it: \
          `grubby --update-kernel=ALL --remove-args=\"selinux=0 enforcing=0\"`.",
    impact: "None now. At the next boot the host enforces what it enforces already.",
    apply: Apply::HostNow,
    needs: "/sys/fs/selinux/enforce, SELINUX= in /etc/selinux/config, /proc/cmdline",
    judge: Judge::Host(|facts, _| {
        let selinux = &facts.host.selinux;
        match selinux.mode.get()? {
            SelinuxMode::Enforcing => {}
            mode => {
                let message = format!("SELinux is {mode} now, so there is no enforcing mode to keep.");
                return Ok(Verdict::not_applicable(message).with(&selinux.mode));
            }
        }
        let cmdline = &facts.host.kernel.cmdline;
        let configured = selinux.configured.get()?.as_deref();
        let place = format!("{}: SELINUX", selinux.configured.origin());
        let off = cmdline.get()?.split_whitespace().find(|word| ["selinux=0", "enforcing=0"].contains(word));
        let shown = configured.unwrap_or("(not set)");
        Ok(match (off, configured) {
            (Some(argument), _) => Verdict::warn(format!(
                "SELinux is enforcing now, but the kernel argument {argument} switches that off at the next boot."
            )),
            (None, Some(mode)) if mode.eq_ignore_ascii_case("enforcing") => {
                Verdict::pass("SELinux is enforcing now, and is configured to be after a reboot.")
            }
            (None, Some(mode)) => Verdict::warn(format!(
                "SELinux is enforcing now, but /etc/selinux/config says {mode}, which holds from the next boot on."
            )),
            (None, None) => Verdict::warn(
                "SELinux is enforcing now, but /etc/selinux/config does not state a mode for the next boot.",
            ),
        }
        .and(place, shown)
        .with(cmdline))
    }),
};
