// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's daemons: their configuration files and their sockets.

pub mod access;
pub mod listen;
pub mod qemu_conf;

use crate::facts::host::ConfFile;
use crate::facts::{Facts, Gap};

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
