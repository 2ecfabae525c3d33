// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether the host's kernel is the one that its maker signed, and the newest one.

use std::cmp::Ordering;

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static LOCKDOWN: Check = Check {
    id: "host.lockdown",
    title: "Root cannot change the running kernel",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &["https://man7.org/linux/man-pages/man7/kernel_lockdown.7.html"],
    why: "Without lockdown, whoever becomes root on the host can also change its kernel, and hide there from everything that looks for him.",
    fix: "Turn Secure Boot on in the host's firmware, with which Fedora, RHEL, Debian and Ubuntu lock their kernels; or add the kernel argument `lockdown=integrity`.",
    impact: "Unsigned modules (such as those of some drivers and file systems), hibernation, and tools that read or write the kernel's memory stop working.",
    apply: Apply::HostReboot,
    needs: "/sys/kernel/security/lockdown",
    judge: Judge::Host(|facts, _| {
        let lockdown = &facts.host.boot.lockdown;
        let verdict = match lockdown.get()?.as_deref() {
            Some("integrity" | "confidentiality") => {
                Verdict::pass("The running kernel is locked, so that not even root can change it.")
            }
            Some("none") => Verdict::warn("The kernel is not locked: root may change it while it runs."),
            None => Verdict::warn("This kernel has no lockdown: root may change it while it runs."),
            Some(other) => {
                return Err(Gap::new(
                    lockdown.origin(),
                    format!("the kernel's lockdown is {other}, which is not known here"),
                ));
            }
        };
        Ok(verdict.and(lockdown.origin(), lockdown.get()?.as_deref().unwrap_or("(does not exist)")))
    }),
};

pub static SECURE_BOOT: Check = Check {
    id: "host.secure-boot",
    title: "The host starts with Secure Boot",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[
        "https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html",
        "https://uefi.org/specifications",
    ],
    why: "Secure Boot in a VM proves little where the host's own kernel can be exchanged: who can write the host's disk, or was root once, stays \
          below all VMs for good.",
    fix: "Turn Secure Boot on in the host's firmware. Look first with `mokutil --sb-state` and `dmesg` whether unsigned modules are in use.",
    impact: "Modules without a known signature no longer load, and the kernel is locked (host.lockdown). A host installed for BIOS must be installed anew.",
    apply: Apply::Manual,
    needs: "/sys/firmware/efi, the firmware's variable SecureBoot",
    judge: Judge::Host(|facts, _| {
        match facts.host.arch.as_str() {
            "" => return Err(Gap::new("uname -m", "the host's architecture was not read")),
            arch if arch.starts_with("s390") || arch.starts_with("ppc64") => {
                return Ok(Verdict::not_applicable("Machines of this architecture do not start by UEFI."));
            }
            _ => {}
        }
        let (efi, secure) = (&facts.host.boot.efi, &facts.host.boot.secure_boot);
        if !*efi.get()? {
            return Ok(Verdict::warn("The host was not started by UEFI firmware, so that nothing checked its kernel.")
                .and(efi.origin(), "(does not exist)"));
        }
        Ok(match secure.get()? {
            Some(true) => Verdict::pass("The host was started with Secure Boot.").and(secure.origin(), "1"),
            Some(false) => Verdict::warn("The host was started without Secure Boot.").and(secure.origin(), "0"),
            None => Verdict::warn("The host's firmware knows no Secure Boot.").and(secure.origin(), "(does not exist)"),
        })
    }),
};

pub static KEXEC_LOAD: Check = Check {
    id: "host.kexec-load",
    title: "Root cannot exchange the kernel without a reboot",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/sysctl/kernel.html", "https://kspp.github.io/Recommended_Settings"],
    why: "By kexec root starts another kernel in place of the running one, past the firmware's Secure Boot and past every check at boot.",
    fix: "If the host takes no crash dumps (kdump), run `sysctl -w kernel.kexec_load_disabled=1`, and write the same to a file in /etc/sysctl.d. \
          With lockdown (host.lockdown) it is not needed: only signed kernels are accepted then.",
    impact: "Crash dumps by kdump and fast restarts by `systemctl kexec` no longer work until the next boot: the setting cannot be taken back.",
    apply: Apply::HostNow,
    needs: "/proc/sys/kernel/kexec_load_disabled; where it is 0, /sys/kernel/security/lockdown and the state of kdump",
    judge: Judge::Host(|facts, _| {
        let setting = &facts.host.sysctl.kexec_load_disabled;
        match *setting.get()? {
            None => {
                return Ok(
                    Verdict::pass("This kernel cannot start another one.").and(setting.origin(), "(does not exist)")
                );
            }
            Some(1) => {
                return Ok(Verdict::pass("Loading another kernel is switched off until the next boot.")
                    .and(setting.origin(), "1"));
            }
            Some(0) => {}
            Some(other) => {
                return Err(Gap::new(
                    setting.origin(),
                    format!("{} is {other}, which has no meaning known here", setting.origin()),
                ));
            }
        }
        let lockdown = &facts.host.boot.lockdown;
        if let Some(Some(word)) = lockdown.value()
            && word != "none"
        {
            return Ok(Verdict::pass("The kernel is locked, so that it loads only another kernel that is signed.")
                .and(setting.origin(), "0")
                .and(lockdown.origin(), word.as_str()));
        }
        let units = facts.host.systemd.units.get()?;
        let kdump = ["kdump.service", "kdump-tools.service"]
            .into_iter()
            .find(|name| units.get(*name).is_some_and(|unit| unit.active == "active"));
        Ok(match kdump {
            Some(name) => Verdict::info("Root may load another kernel, which kdump needs to take crash dumps.")
                .and(setting.origin(), "0")
                .and(format!("org.freedesktop.systemd1: {name} ActiveState"), "active"),
            None => Verdict::warn("Root may load another kernel, and kdump, which would need that, does not run.")
                .and(setting.origin(), "0"),
        })
    }),
};

pub static REBOOT_PENDING: Check = Check {
    id: "host.reboot-pending",
    title: "The running kernel is the newest that is installed",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &["https://dnf-plugins-core.readthedocs.io/en/latest/needs_restarting.html"],
    why: "An update of the kernel protects from nothing until the host is restarted: its errors, now described in public, are still there.",
    fix: "Move the VMs away or shut them down, and restart the host.",
    impact: "VMs that are not moved to another host stand still while it restarts.",
    apply: Apply::HostReboot,
    needs: "uname -r, the kernels in /lib/modules and /boot, /run/reboot-required",
    judge: Judge::Host(|facts, _| reboot_pending(facts)),
};

fn reboot_pending(facts: &Facts) -> Judged {
    let boot = &facts.host.boot;
    let (release, installed) = (&boot.release, &boot.installed);
    let running = release.get()?.as_str();
    if boot.reboot_required.value() == Some(&true) {
        return Ok(Verdict::warn("An update asks for a restart of the host (/run/reboot-required).")
            .with(release)
            .and(boot.reboot_required.origin(), "exists"));
    }
    // One host may have kernels of several kinds, such as real-time ones: only those of one kind follow each other.
    let kin = installed.get()?.iter().filter(|other| kind(other) == kind(running));
    let newest = kin.map(String::as_str).max_by(|one, other| compare(one, other));
    let Some(newest) = newest else {
        return Err(Gap::new(
            installed.origin(),
            format!("no kernel of the kind of the running one ({running}) is installed in {}", installed.origin()),
        ));
    };
    Ok(if compare(newest, running) == Ordering::Greater {
        Verdict::warn(format!("The host runs the kernel {running}, and {newest} is installed and waits for a restart."))
    } else {
        Verdict::pass("The host runs the newest of its installed kernels.")
    }
    .with(release)
    .and(installed.origin(), newest))
}

/// What is left of a release without numbers: `amd` of `6.1.0-18-amd64`, `elx` of `5.14.0-427.el9.x86_64`, `elx+rt`.
fn kind(release: &str) -> String {
    release.chars().filter(|letter| letter.is_ascii_alphabetic() || *letter == '+').collect()
}

/// As RPM compares versions: part by part, numbers by their value, a number newer than a word.
fn compare(one: &str, other: &str) -> Ordering {
    let (one, other) = (parts(one), parts(other));
    let differing = one.iter().zip(&other).map(|(one, other)| match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => Ordering::Greater,
        (Err(_), Ok(_)) => Ordering::Less,
        (Err(_), Err(_)) => one.cmp(other),
    });
    differing.into_iter().find(|order| order.is_ne()).unwrap_or_else(|| one.len().cmp(&other.len()))
}

/// Runs of digits and runs of letters.
fn parts(release: &str) -> Vec<&str> {
    let words = release.split(|letter: char| !letter.is_ascii_alphanumeric());
    let runs =
        words.flat_map(|word| word.as_bytes().chunk_by(|one, other| one.is_ascii_digit() == other.is_ascii_digit()));
    runs.filter_map(|run| std::str::from_utf8(run).ok()).filter(|part| !part.is_empty()).collect()
}

pub static FWUPD_HSI: Check = Check {
    id: "host.fwupd-hsi",
    title: "fwupd finds the host's firmware well protected",
    severity: Severity::Info,
    profile: Profile::Confidential,
    area: Area::Kernel,
    basis: &["https://fwupd.github.io/libfwupdplugin/hsi.html"],
    why: "Below the host lies its firmware. Who can change that, for lack of the protection that fwupd asks the hardware for, survives every \
          reinstallation and controls all VMs.",
    fix: "Run `fwupdmgr security` to see each test, follow its advice in the firmware's setup, and install the maker's updates with `fwupdmgr update`.",
    impact: "Settings of the firmware may keep unsigned systems or old devices from starting; read the maker's notes on an update first.",
    apply: Apply::Manual,
    needs: "fwupd's Host Security ID over D-Bus, where fwupd runs",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.fwupd_hsi;
        let id = fact.get()?;
        let level = id.strip_prefix("HSI:").and_then(|rest| rest.chars().next()?.to_digit(10));
        let Some(level) = level else {
            return Err(Gap::new(fact.origin(), format!("fwupd could not rate this host ({id})")));
        };
        let runtime = id.split_whitespace().next().is_some_and(|word| word.ends_with('!'));
        let more = if runtime { ", and finds faults in the running system (!)" } else { "" };
        let message = format!("fwupd rates the protection of this host's firmware with level {level} of 4{more}.");
        Ok(if level >= 1 && !runtime { Verdict::pass(message) } else { Verdict::info(message) }.with(fact))
    }),
};
