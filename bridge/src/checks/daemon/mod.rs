// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's daemons: their configuration files and their sockets.

pub mod access;
pub mod certificates;
pub mod consoles;
pub mod developer;
pub mod devices;
pub mod files;
pub mod listen;
pub mod local;
pub mod logs;
pub mod network;
pub mod qemu_conf;
pub mod qemu_keys;
pub mod remote;
pub mod tls;
pub mod wire;

use super::{Judged, Neighbours, Outcome, Verdict};
use crate::facts::host::{ConfFile, Zone};
use crate::facts::{Facts, Gap, Link};

/// libvirt's own texts about its settings.
const QEMU_CONF: &[&str] = &["https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu.conf.in"];
const DAEMON_CONF: &[&str] = &["https://github.com/libvirt/libvirt/blob/master/src/remote/libvirtd.conf.in"];

/// The daemons that manage VMs or forward to those that do; `virtlogd` and `virtlockd` only serve them.
const DAEMONS: [&str; 12] = [
    "libvirtd",
    "virtqemud",
    "virtproxyd",
    "virtnetworkd",
    "virtstoraged",
    "virtnodedevd",
    "virtsecretd",
    "virtinterfaced",
    "virtnwfilterd",
    "virtlxcd",
    "virtxend",
    "virtchd",
];

/// A daemon and the configuration that holds for it.
struct Daemon {
    name: &'static str,
    conf: ConfFile,
}

/// The daemons in use: their service or a socket of theirs is active. Where systemd was not asked, those that have a file.
fn in_use(facts: &Facts) -> Result<Vec<Daemon>, Gap> {
    let files = &facts.host.config.daemons;
    if files.is_empty() {
        return Err(Gap::new("/etc/libvirt", "no configuration file of libvirt's daemons was read"));
    }
    let units = facts.host.systemd.units.value();
    let active = |unit: &str| units.and_then(|units| units.get(unit)).is_some_and(|unit| unit.active == "active");
    let mut found = Vec::new();
    for name in DAEMONS {
        let file = files.get(&format!("{name}.conf"));
        let used = match units {
            Some(_) => ["service", "socket", "ro.socket"].iter().any(|kind| match kind.strip_prefix("ro.") {
                Some(kind) => active(&format!("{name}-ro.{kind}")),
                None => active(&format!("{name}.{kind}")),
            }),
            None => file.is_some(),
        };
        if used {
            // The files of the directory are known, so that a daemon without one runs with its defaults.
            let conf = match file {
                Some(fact) => fact.get()?.clone(),
                None => ConfFile { path: format!("/etc/libvirt/{name}.conf"), ..ConfFile::default() },
            };
            found.push(Daemon { name, conf });
        }
    }
    Ok(found)
}

/// What the daemons in use are together.
fn worst(facts: &Facts, good: &str, judge: impl Fn(&Daemon) -> Judged) -> Judged {
    let daemons = in_use(facts)?;
    if daemons.is_empty() {
        return Ok(Verdict::not_applicable("No daemon of libvirt is active on this host."));
    }
    worst_of(&daemons, good, judge)
}

/// As bad as the worst of some daemons, with the evidence of all; if all are good, `good` with their names.
fn worst_of(daemons: &[Daemon], good: &str, judge: impl Fn(&Daemon) -> Judged) -> Judged {
    let mut verdicts = daemons.iter().map(judge).collect::<Result<Vec<_>, _>>()?;
    // Stable: of equally bad ones the first speaks.
    verdicts.sort_by_key(|verdict| std::cmp::Reverse(verdict.outcome));
    let mut verdicts = verdicts.into_iter();
    let Some(mut first) = verdicts.next() else {
        return Err(Gap::new("/etc/libvirt", "no daemon was judged"));
    };
    if first.outcome == Outcome::Pass {
        let names = daemons.iter().map(|daemon| daemon.name).collect::<Vec<_>>().join(", ");
        first.message = format!("{good}: {names}.").into();
    }
    Ok(first.because(verdicts.flat_map(|verdict| verdict.evidence)))
}

/// That all VMs of the system are known with their definitions, so that what none of them has is known not to be there.
fn all_known(facts: &Facts, neighbours: &Neighbours) -> Result<(), Gap> {
    if let Link::Unreachable { message } | Link::Denied { message } = &facts.libvirt.link {
        return Err(Gap::new(&facts.libvirt.uri, message.trim_end_matches('.')));
    }
    asked_system(facts)?;
    neighbours.unread.clone().map_or(Ok(()), Err)
}

/// The first zone of the firewall that is in use and opens the ports of migration.
fn opens_migration(facts: &Facts) -> Option<&Zone> {
    let zones = &facts.host.firewall.value()?.zones;
    zones.iter().filter(|zone| zone.active).find(|zone| {
        zone.ports.iter().any(|port| {
            let range = port.strip_suffix("/tcp").map(|range| range.split_once('-').unwrap_or((range, range)));
            range.is_some_and(|(first, last)| {
                let number = |text: &str| text.parse::<u16>();
                matches!((number(first), number(last)), (Ok(first), Ok(last)) if first <= 49215 && last >= 49152)
            })
        })
    })
}

/// Whether libvirt answered for the VMs of this host's system, rather than a user's session, another host or a test.
pub(super) fn asked_system(facts: &Facts) -> Result<(), Gap> {
    match facts.libvirt.connection.as_str() {
        "system" | "qemu:///system" => Ok(()),
        "" => Err(Gap::new("libvirt", "libvirt was not asked about this host's VMs")),
        other => Err(Gap::new(
            "libvirt",
            format!("libvirt was asked at {other}, and not about the VMs of this host's system"),
        )),
    }
}
