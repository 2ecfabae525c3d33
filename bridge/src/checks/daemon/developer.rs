// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys of qemu.conf that no host in production should have.

use super::QEMU_CONF;
use super::qemu_conf::shows;
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static OBSOLETE: Check = Check {
    id: "daemon.obsolete-keys",
    title: "No protection rests on a setting that no longer exists",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "libvirt no longer acts on these keys (it refuses allow_disk_format_probing = 1): whoever relies on such a line is protected by \
          something else, or by nothing.",
    fix: "Delete the lines from /etc/libvirt/qemu.conf and run `systemctl try-restart virtqemud libvirtd`.",
    impact: "Deleting them changes nothing.",
    apply: Apply::DaemonRestart,
    needs: "/etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        let conf = facts.host.config.qemu.get()?;
        let keys = ["allow_disk_format_probing", "clear_emulator_capabilities"];
        let found: Vec<_> = keys.into_iter().filter(|key| conf.settings.contains_key(*key)).collect();
        if found.is_empty() {
            return Ok(Verdict::pass("qemu.conf has none of the security settings that libvirt gave up.")
                .and(&conf.path, "(neither allow_disk_format_probing nor clear_emulator_capabilities)"));
        }
        let verdict =
            Verdict::info(format!("qemu.conf has settings that protect nothing any more: {}.", found.join(", ")));
        Ok(found.into_iter().fold(verdict, |verdict, key| shows(verdict, conf, key)))
    }),
};

pub static KNOBS: Check = Check {
    id: "daemon.debug-knobs",
    title: "No setting for libvirt's developers is in use",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "These settings are for finding faults. They switch off what libvirt knows of QEMU's abilities, let QEMU crash, or write what a \
          guest does into logs. qemu.conf itself says not to use them in production.",
    fix: "Remove them from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down and start it again.",
    impact: "VMs must be started anew.",
    apply: Apply::DaemonRestart,
    needs: "capability_filters, deprecation_behavior, virtiofsd_debug and gluster_debug_level in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| knobs(facts)),
};

fn knobs(facts: &Facts) -> Judged {
    let conf = facts.host.config.qemu.get()?;
    let behaviour = conf.text("deprecation_behavior")?;
    let on: Vec<&str> = [
        ("capability_filters", conf.list("capability_filters")?.is_some_and(|list| !list.is_empty())),
        ("deprecation_behavior", behaviour.is_some_and(|value| value != "none")),
        ("virtiofsd_debug", conf.integer("virtiofsd_debug")?.is_some_and(|value| value != 0)),
        ("gluster_debug_level", conf.integer("gluster_debug_level")?.is_some_and(|value| value >= 9)),
    ]
    .into_iter()
    .filter_map(|(key, on)| on.then_some(key))
    .collect();
    if on.is_empty() {
        return Ok(Verdict::pass("No setting for libvirt's developers is in use.").and(&conf.path, "(none of them)"));
    }
    let verdict =
        Verdict::warn(format!("qemu.conf has settings that are for libvirt's developers: {}.", on.join(", ")));
    Ok(on.into_iter().fold(verdict, |verdict, key| shows(verdict, conf, key)))
}
