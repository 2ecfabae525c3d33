// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the VMs are plugged into, gathered in one pass over all definitions.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;

use crate::checks::Domain;
use crate::checks::domain::{child, children};
use crate::facts::networks::Network;
use crate::facts::{Facts, Gap, Vm};

#[derive(Default)]
pub struct Ports<'a> {
    /// By UUID, in the order of the definition; of the running one only what differs from the stored one.
    by_vm: BTreeMap<&'a str, Vec<Port<'a>>>,
    /// A MAC address and where it is used, to those who have it there: the VM, and the index of the port.
    macs: BTreeMap<(String, Place), Vec<(&'a str, usize)>>,
    /// What a VM's interface names (a network, a bridge, a device of the host) to the VMs that do.
    users: BTreeMap<Place, BTreeSet<&'a str>>,
    /// Of those, the ones with a port that says it is not isolated, and with one that does not say.
    loose: BTreeMap<Place, BTreeSet<&'a str>>,
    unsaid: BTreeMap<Place, BTreeSet<&'a str>>,
    /// A network that a console listens on, to the VMs whose console does.
    consoles: BTreeMap<String, Vec<(&'a Vm, String)>>,
    /// VMs whose running definition has an emulated TPM, and that have a virtiofs directory.
    tpms: BTreeSet<&'a str>,
    virtiofs: BTreeSet<&'a str>,
    /// UUID to name.
    names: BTreeMap<&'a str, &'a str>,
}

/// One `<interface>`.
pub struct Port<'a> {
    pub vm: &'a Vm,
    /// `network`, `bridge`, `direct`, `user`, `hostdev` …
    pub kind: String,
    pub place: Option<Place>,
    pub portgroup: Option<String>,
    pub filter: Option<String>,
    pub isolated: Option<bool>,
    pub tagged: bool,
    pub openvswitch: bool,
    pub mac: Option<String>,
    /// `XPath` of the interface.
    path: String,
    /// Whether this is the running one.
    live: bool,
}

/// What an interface names as its source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    Network(String),
    Bridge(String),
    /// A device of the host, through macvtap.
    Device(String),
}

impl<'a> Ports<'a> {
    pub fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        let uuid = vm.uuid.as_str();
        self.names.insert(uuid, &vm.name);
        let mut ports: Vec<Port> = Vec::new();
        for domain in [stored, live].into_iter().flatten() {
            let before = ports.len();
            for (number, interface) in (1..).zip(domain.devices("interface")) {
                let port = port(vm, interface, number, domain.is_live());
                if !ports.iter().take(before).any(|other| other.is_same(&port)) {
                    ports.push(port);
                }
            }
            for (number, graphics) in (1..).zip(domain.devices("graphics")) {
                let on = children(graphics, "listen").filter(|listen| listen.attribute("type") == Some("network"));
                for network in on.filter_map(|listen| listen.attribute("network")) {
                    let live = if domain.is_live() { " (live)" } else { "" };
                    let origin = format!("/domain/devices/graphics[{number}]/listen/@network{live}");
                    let users = self.consoles.entry(network.to_owned()).or_default();
                    if users.last().is_none_or(|(other, _)| other.uuid != vm.uuid) {
                        users.push((vm, origin));
                    }
                }
            }
        }
        if let Some(live) = live {
            let emulated =
                |tpm: Node| child(tpm, "backend").and_then(|backend| backend.attribute("type")) == Some("emulator");
            if live.devices("tpm").any(emulated) {
                self.tpms.insert(uuid);
            }
            // libvirt does not start a virtiofsd that is reached through a socket.
            let starts = |shared: Node| {
                child(shared, "driver").and_then(|driver| driver.attribute("type")) == Some("virtiofs")
                    && child(shared, "source").is_some_and(|source| source.attribute("socket").is_none())
            };
            if live.devices("filesystem").any(starts) {
                self.virtiofs.insert(uuid);
            }
        }
        for (index, port) in ports.iter().enumerate() {
            let Some(place) = &port.place else { continue };
            if let Some(mac) = &port.mac {
                self.macs.entry((mac.clone(), place.clone())).or_default().push((uuid, index));
            }
            self.users.entry(place.clone()).or_default().insert(uuid);
            match port.isolated {
                Some(true) => None,
                Some(false) => Some(&mut self.loose),
                None => Some(&mut self.unsaid),
            }
            .map(|set| set.entry(place.clone()).or_default().insert(uuid));
        }
        self.by_vm.insert(uuid, ports);
    }

    pub fn of(&self, vm: &Vm) -> &[Port<'a>] {
        self.by_vm.get(vm.uuid.as_str()).map_or(&[], Vec::as_slice)
    }

    /// There are no VMs.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub fn all(&self) -> impl Iterator<Item = &Port<'a>> {
        self.by_vm.values().flatten()
    }

    /// Another VM's interface with the same MAC address at the same place.
    pub fn double(&self, port: &Port) -> Option<&Port<'a>> {
        let key = (port.mac.clone()?, port.place.clone()?);
        let mut others = self.macs.get(&key)?.iter().filter(|(uuid, _)| *uuid != port.vm.uuid);
        others.find_map(|(uuid, index)| self.by_vm.get(uuid)?.get(*index))
    }

    /// Another VM at a place whose port is not isolated. `default` holds for those that do not say.
    pub fn open_neighbour(&self, vm: &Vm, place: &Place, default: bool) -> Option<&'a str> {
        let other =
            |set: &BTreeMap<Place, BTreeSet<&'a str>>| set.get(place)?.iter().copied().find(|uuid| *uuid != vm.uuid);
        let uuid = other(&self.loose).or_else(|| if default { None } else { other(&self.unsaid) })?;
        self.names.get(uuid).copied()
    }

    pub fn consoles(&self) -> &BTreeMap<String, Vec<(&'a Vm, String)>> {
        &self.consoles
    }

    pub fn has_tpm(&self, vm: &Vm) -> bool {
        self.tpms.contains(vm.uuid.as_str())
    }

    pub fn has_virtiofs(&self, vm: &Vm) -> bool {
        self.virtiofs.contains(vm.uuid.as_str())
    }

    /// The names of the VMs that are plugged in at a place, and, of a network, at its bridge.
    pub fn users(&self, place: &Place) -> impl Iterator<Item = &'a str> {
        let found = self.users.get(place).into_iter().flatten();
        found.filter_map(|uuid| self.names.get(uuid).copied())
    }

    /// Whether another VM is on the same segment; on a network's bridge it may be under that name.
    pub fn has_neighbour(&self, facts: &Facts, vm: &Vm, place: &Place) -> Result<bool, Gap> {
        let other =
            |place: &Place| self.users.get(place).is_some_and(|users| users.iter().any(|uuid| *uuid != vm.uuid));
        if other(place) {
            return Ok(true);
        }
        Ok(match place {
            Place::Network(name) => network(facts, name)?
                .and_then(|network| network.bridge.clone())
                .is_some_and(|bridge| other(&Place::Bridge(bridge))),
            Place::Bridge(bridge) => {
                let of = |(name, network): (&String, &Network)| {
                    network.bridge.as_ref() == Some(bridge) && other(&Place::Network(name.clone()))
                };
                facts.libvirt.networks.get()?.iter().any(of)
            }
            Place::Device(_) => false,
        })
    }
}

/// The network of a name; `None` when there is none.
pub fn network<'f>(facts: &'f Facts, name: &str) -> Result<Option<&'f Network>, Gap> {
    Ok(facts.libvirt.networks.get()?.get(name))
}

impl Port<'_> {
    /// As one of the other definition: a running interface shows what libvirt chose beside what was asked for.
    fn is_same(&self, other: &Self) -> bool {
        self.mac == other.mac
            && self.place == other.place
            && self.filter == other.filter
            && self.isolated == other.isolated
            && self.tagged == other.tagged
            && self.portgroup == other.portgroup
    }

    /// Where something about it stands, by its path below `<interface>`.
    pub fn origin(&self, below: &str) -> String {
        format!("{}{below}{}", self.path, if self.live { " (live)" } else { "" })
    }

    /// What it is called in a message: its MAC address, by which `virsh` knows it too.
    pub fn name(&self) -> String {
        match &self.mac {
            Some(mac) => format!("The interface {mac}"),
            None => "An interface without a MAC address".to_owned(),
        }
    }

    /// The same inside of a sentence.
    pub fn name_inside(&self) -> String {
        match &self.mac {
            Some(mac) => format!("the interface {mac}"),
            None => "an interface without a MAC address".to_owned(),
        }
    }
}

fn port<'a>(vm: &'a Vm, interface: Node, number: usize, live: bool) -> Port<'a> {
    let owned = |value: Option<&str>| value.map(str::to_owned);
    let source = child(interface, "source");
    let named = |name: &str| owned(source.and_then(|source| source.attribute(name)));
    // A running interface of a network that uses the host's bridge shows both.
    let place = named("network")
        .map(Place::Network)
        .or_else(|| named("bridge").map(Place::Bridge))
        .or_else(|| named("dev").filter(|_| interface.attribute("type") == Some("direct")).map(Place::Device));
    let tag = |vlan: Node| child(vlan, "tag").is_some_and(|tag| tag.attribute("id").is_some());
    Port {
        vm,
        kind: interface.attribute("type").unwrap_or_default().to_owned(),
        place,
        portgroup: named("portgroup"),
        filter: owned(child(interface, "filterref").and_then(|filter| filter.attribute("filter"))),
        isolated: child(interface, "port").and_then(|port| port.attribute("isolated")).map(|value| value == "yes"),
        tagged: child(interface, "vlan").is_some_and(tag),
        openvswitch: child(interface, "virtualport").and_then(|port| port.attribute("type")) == Some("openvswitch"),
        mac: child(interface, "mac").and_then(|mac| mac.attribute("address")).map(str::to_ascii_lowercase),
        path: format!("/domain/devices/interface[{number}]"),
        live,
    }
}
