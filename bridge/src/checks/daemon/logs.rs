// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt's daemons write down: for the audit of the host, and into their logs.

use super::{Daemon, in_use, worst};
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static AUDIT: Check = Check {
    id: "daemon.audit-level",
    title: "What libvirt does with VMs is written to the host's audit log",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Daemon,
    basis: &["https://libvirt.org/auditlog.html"],
    why: "The audit log tells which VM got which disk, device or label, and when. Without it nobody can find out afterwards what an attacker \
          had access to.",
    fix: "Remove audit_level from the daemon's file in /etc/libvirt and restart the daemon; install the package audit (auditd) and run \
          `systemctl enable --now auditd`.",
    impact: "The audit log grows by a few lines whenever a VM starts or a device is added.",
    apply: Apply::DaemonRestart,
    needs: "audit_level of each daemon in use (administrative access), the state of auditd.service",
    judge: Judge::Host(|facts, _| audit(facts)),
};

fn audit(facts: &Facts) -> Judged {
    const KEY: &str = "audit_level";
    const UNIT: &str = "auditd.service";
    let daemons = in_use(facts)?;
    let off = |daemon: &Daemon| daemon.conf.integer(KEY).is_ok_and(|level| level == Some(0));
    // Without need of more, where a file switches it off.
    let units = if daemons.iter().any(off) { None } else { Some(facts.host.systemd.units.get()?) };
    let state = units.map(|units| units.get(UNIT).map_or("not known to systemd", |unit| unit.active.as_str()));
    let verdict = worst(facts, "What libvirt does with VMs is written to the audit log", |daemon| {
        let Daemon { name, conf } = daemon;
        let verdict = match conf.integer(KEY)? {
            Some(0) => Verdict::fail(format!("{name} writes nothing to the audit log (audit_level = 0).")),
            // It would not have started without audit.
            Some(level) if level >= 2 => Verdict::pass(""),
            _ if state.is_none_or(|state| state == "active") => Verdict::pass(""),
            // libvirt does its part; that nobody writes it down, host.auditd warns of.
            _ => Verdict::info(
                "libvirt tells the kernel's audit what it does with VMs, but auditd is not active to write it down.",
            ),
        };
        Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
    })?;
    Ok(match state {
        Some(state) if !daemons.is_empty() => {
            verdict.and(format!("org.freedesktop.systemd1: {UNIT} ActiveState"), state)
        }
        _ => verdict,
    })
}

pub static LEVEL: Check = Check {
    id: "daemon.log-level",
    title: "libvirt does not log for finding faults",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Secrets,
    basis: &["https://libvirt.org/logging.html"],
    why: "Logs for finding faults hold definitions of VMs and what libvirt says to QEMU, which may include secrets. They grow fast, and are \
          copied into bug reports.",
    fix: "Remove log_level, log_filters and log_outputs from the daemon's file in /etc/libvirt and restart the daemon; `virt-admin \
          daemon-log-filters \"\"` takes effect at once. Delete old logs, or `chmod 0600` them.",
    impact: "Less is written down for finding faults.",
    apply: Apply::DaemonRestart,
    needs: "log_level, log_filters and log_outputs of each daemon in use (administrative access), the modes of the files in log_outputs",
    judge: Judge::Host(|facts, _| {
        worst(facts, "No daemon in use logs for finding faults", |daemon| level(facts, daemon))
    }),
};

fn level(facts: &Facts, daemon: &Daemon) -> Judged {
    const KEYS: [&str; 3] = ["log_level", "log_filters", "log_outputs"];
    let Daemon { name, conf } = daemon;
    // A filter with `+` adds a trace of calls; the level is the number all the same.
    let filters = conf.text("log_filters")?.unwrap_or("").split_whitespace();
    let chatty: Vec<&str> = filters.filter(|filter| filter.split(':').next() == Some("1")).collect();
    let mut open = None;
    for path in conf
        .text("log_outputs")?
        .unwrap_or("")
        .split_whitespace()
        .filter_map(|output| output.split_once(":file:"))
        .map(|(_, path)| path)
    {
        let file = facts.host.config.log_files.get(path).map(|fact| fact.get()).transpose()?;
        if let Some(Some(file)) =
            file.filter(|file| file.as_ref().is_some_and(crate::facts::permissions::FileMode::others_may_read))
        {
            open.get_or_insert(file);
        }
    }
    let verdict = if let Some(file) = open {
        Verdict::fail(format!(
            "{name} logs to {}, which every user of this host may read ({:04o}).",
            file.path, file.mode
        ))
        .and(format!("stat {}", file.path), file.shown())
    } else if conf.integer("log_level")? == Some(1) {
        Verdict::warn(format!("{name} logs everything, for finding faults (log_level = 1)."))
    } else if !chatty.is_empty() {
        Verdict::warn(format!("{name} logs for finding faults: {}.", chatty.join(" ")))
    } else {
        Verdict::pass("")
    };
    Ok(KEYS.into_iter().fold(verdict, |verdict, key| verdict.and(conf.place(key), conf.shown(key))))
}
