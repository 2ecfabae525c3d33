// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's networks and filters, the host's bridges, and what the VMs are plugged into.

pub mod bridges;
pub mod dnsmasq;
pub mod filters;
pub mod forward;
mod ports;
pub mod trust;
pub mod usage;

use std::collections::BTreeMap;

pub use ports::{Place, Port, Ports, network};

use crate::checks::{Judged, Neighbours, Verdict};
use crate::facts::interfaces::Interface;
use crate::facts::networks::Network;
use crate::facts::{Facts, Gap, Link};

const FORMAT: &str = "https://libvirt.org/formatnetwork.html";
const DOMAIN_FORMAT: &str = "https://libvirt.org/formatdomain.html";
/// No more networks or VMs are named in one sentence.
const NAMED: usize = 5;

/// All networks. Where there is none, nothing can be wrong with one.
fn networks(facts: &Facts, judge: impl FnOnce(&BTreeMap<String, Network>) -> Judged) -> Judged {
    let networks = facts.libvirt.networks.get()?;
    if networks.is_empty() {
        return Ok(
            Verdict::not_applicable("libvirt has no virtual network.").and(facts.libvirt.networks.origin(), "(none)")
        );
    }
    judge(networks)
}

/// Whether what all VMs say can be known: a host of which none was read is no host without VMs.
fn all_read(facts: &Facts, neighbours: &Neighbours) -> Result<(), Gap> {
    if neighbours.ports.is_empty() && facts.libvirt.link != Link::Connected {
        return Err(Gap::new("libvirt", "the VMs of this host were not read"));
    }
    neighbours.unread.clone().map_or(Ok(()), Err)
}

/// Where a value of a network can be read by hand.
fn place(network: &str, path: &str) -> String {
    format!("virsh net-dumpxml {network}: /network{path}")
}

/// `a, b, c and 4 more`.
fn list<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let names: Vec<&str> = names.into_iter().collect();
    let shown = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// ", used by a and b", or that nothing uses it.
fn used_by(ports: &Ports, network: &str) -> String {
    let users = list(ports.users(&Place::Network(network.to_owned())));
    if users.is_empty() { "used by no VM".to_owned() } else { format!("used by {users}") }
}

/// Whether a place can be reached from outside of the host: a bridge with something else in it than VMs, or a routed network.
pub fn leads_out(facts: &Facts, place: &Place) -> Result<bool, Gap> {
    match place {
        Place::Device(_) => Ok(true),
        Place::Bridge(name) => bridge_leads_out(facts, name),
        Place::Network(name) => match network(facts, name)? {
            None => Err(Gap::new(facts.libvirt.networks.origin(), format!("libvirt has no network {name}"))),
            Some(network) => match (network.forward.as_deref(), &network.bridge) {
                (None | Some("nat"), _) => Ok(false),
                (Some("bridge"), Some(bridge)) => bridge_leads_out(facts, bridge),
                _ => Ok(true),
            },
        },
    }
}

fn bridge_leads_out(facts: &Facts, name: &str) -> Result<bool, Gap> {
    // A bridge that libvirt made goes where its network goes.
    let networks = facts.libvirt.networks.value().into_iter().flatten();
    let own = networks
        .map(|(_, network)| network)
        .find(|network| network.is_managed() && network.bridge.as_deref() == Some(name));
    if let Some(network) = own {
        return Ok(matches!(network.forward.as_deref(), Some("route" | "open")));
    }
    let interfaces = facts.host.interfaces.get()?;
    // Open vSwitch's bridges show no ports; of one that does not exist now nothing better is known either.
    Ok(interfaces.get(name).is_none_or(|bridge| !bridge.is_bridge() || uplinks(interfaces, bridge).next().is_some()))
}

/// What is plugged into a bridge beside VMs.
fn uplinks<'f>(interfaces: &'f BTreeMap<String, Interface>, bridge: &'f Interface) -> impl Iterator<Item = &'f str> {
    bridge.ports.iter().map(String::as_str).filter(|port| interfaces.get(*port).is_none_or(|port| !port.tap))
}
