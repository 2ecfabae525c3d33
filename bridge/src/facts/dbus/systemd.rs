// SPDX-License-Identifier: LGPL-2.1-or-later
//! systemd's units and sockets that matter to libvirt.

use std::collections::BTreeMap;
use std::time::Duration;

use zbus::OwnedObjectPath;

use super::super::host::{SocketUnit, Systemd, Unit};
use super::super::{Fact, Gap};
use super::peer::{Peer, ask};

const SERVICE: &str = "org.freedesktop.systemd1";
const MANAGER: &str = "org.freedesktop.systemd1.Manager";
const SOCKET: &str = "org.freedesktop.systemd1.Socket";

/// Services without sockets.
const SERVICES: [&str; 15] = [
    "auditd.service",
    "ferm.service",
    "firewalld.service",
    "ip6tables.service",
    "iptables.service",
    "kdump-tools.service",
    "kdump.service",
    "ksm.service",
    "ksmtuned.service",
    "libvirt-guests.service",
    "netfilter-persistent.service",
    "nftables.service",
    "pve-firewall.service",
    "shorewall.service",
    "ufw.service",
];
/// libvirt's daemons: the name, and which sockets each has beside its main one.
const DAEMONS: [(&str, &[&str]); 11] = [
    ("libvirtd", &["-ro", "-admin", "-tcp", "-tls"]),
    ("virtproxyd", &["-ro", "-admin", "-tcp", "-tls"]),
    ("virtqemud", &["-ro", "-admin"]),
    ("virtinterfaced", &["-ro", "-admin"]),
    ("virtnetworkd", &["-ro", "-admin"]),
    ("virtnodedevd", &["-ro", "-admin"]),
    ("virtnwfilterd", &["-ro", "-admin"]),
    ("virtsecretd", &["-ro", "-admin"]),
    ("virtstoraged", &["-ro", "-admin"]),
    ("virtlockd", &["-admin"]),
    ("virtlogd", &["-admin"]),
];

/// The ten columns of a unit in systemd's lists.
pub(super) type Row = (String, String, String, String, String, String, OwnedObjectPath, u32, String, OwnedObjectPath);

pub(super) fn read(address: &str, limit: Duration) -> Systemd {
    match ask(address, SERVICE, limit, |peer| async move { Ok(questions(&peer).await) }) {
        Ok(systemd) => systemd,
        Err(gap) => Systemd { units: gap.clone().into(), sockets: gap.into() },
    }
}

async fn questions(peer: &Peer) -> Systemd {
    let rows: Result<Vec<Row>, Gap> =
        peer.call("/org/freedesktop/systemd1", MANAGER, "ListUnitsByNames", &names()).await;
    match rows {
        Ok(rows) => Systemd {
            sockets: sockets(peer, &rows).await.into(),
            units: Fact::known(format!("{SERVICE}: ListUnitsByNames"), rows.into_iter().map(unit).collect()),
        },
        Err(gap) => Systemd { units: gap.clone().into(), sockets: gap.into() },
    }
}

fn names() -> Vec<String> {
    let mut names: Vec<String> = SERVICES.iter().map(ToString::to_string).collect();
    for (daemon, sockets) in DAEMONS {
        names.push(format!("{daemon}.service"));
        names.push(format!("{daemon}.socket"));
        names.extend(sockets.iter().map(|socket| format!("{daemon}{socket}.socket")));
    }
    names
}

fn unit((name, _, load, active, ..): Row) -> (String, Unit) {
    (name, Unit { load, active })
}

async fn sockets(peer: &Peer, rows: &[Row]) -> Result<Fact<BTreeMap<String, SocketUnit>>, Gap> {
    let mut sockets = BTreeMap::new();
    for (name, _, load, _, _, _, path, ..) in rows {
        if name.ends_with(".socket") && load == "loaded" {
            let mode = peer.property(path.as_str(), SOCKET, "SocketMode").await?;
            let group = peer.property(path.as_str(), SOCKET, "SocketGroup").await?;
            // Pairs of a kind (`Stream`) and an address.
            let listen: Vec<(String, String)> = peer.property(path.as_str(), SOCKET, "Listen").await?;
            let listen = listen.into_iter().map(|(_, address)| address).collect();
            sockets.insert(name.clone(), SocketUnit { mode, group, listen });
        }
    }
    Ok(Fact::known(format!("{SERVICE}: SocketMode, SocketGroup, Listen"), sockets))
}
