// SPDX-License-Identifier: LGPL-2.1-or-later
//! The bridges that VMs are plugged into: in which zone of the firewall, beside what of the host, in which VLAN.

use std::collections::{BTreeMap, BTreeSet};

use super::{FORMAT, Place, Port, all_read, list, network, networks, place, uplinks, used_by};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::host::Zone;
use crate::facts::interfaces::Interface;
use crate::facts::networks::Network;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static ZONE: Check = Check {
    id: "net.bridge-zone",
    title: "The firewall lets VMs reach only the host's services for them",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Network,
    basis: &[FORMAT, "https://libvirt.org/firewall.html"],
    why: "libvirt puts its bridges into firewalld's zone libvirt, in which guests reach DHCP, DNS, TFTP and SSH of the host. In the zone \
          trusted they reach every port of it: libvirt itself, consoles of other VMs, Cockpit.",
    fix: "Run `virsh net-edit NETWORK`, delete zone='…' from <bridge>, then `virsh net-destroy NETWORK; virsh net-start NETWORK`. Where firewalld has the \
          bridge in a zone: `firewall-cmd --permanent --zone=ZONE --remove-interface=BRIDGE; firewall-cmd --reload`.",
    impact: "The VMs on it lose their connection until they are started anew, and services of the host that they used until a rule allows them.",
    apply: Apply::Live,
    needs: "the definitions of libvirt's networks, firewalld's zones over D-Bus",
    judge: Judge::Host(zone),
};

/// libvirt's own zones, and firewalld's for one's own machines, in which only chosen services are open.
const FITTING: [&str; 4] = ["libvirt", "libvirt-routed", "internal", "libvirt-nat"];

fn zone(facts: &Facts, neighbours: &Neighbours) -> Judged {
    networks(facts, |networks| {
        let firewall = &facts.host.firewall;
        let zones = firewall.value().map_or(&[][..], |firewall| &firewall.zones);
        if !networks.values().any(Network::is_managed) {
            return Ok(Verdict::not_applicable("No network of libvirt has a bridge that libvirt made.")
                .and(facts.libvirt.networks.origin(), list(networks.keys().map(String::as_str))));
        }
        let mut worst: (Outcome, Option<String>) = (Outcome::Pass, None);
        let mut evidence = Vec::new();
        for (name, network) in networks.iter().filter(|(_, network)| network.is_managed()) {
            let bound = network
                .bridge
                .as_ref()
                .and_then(|bridge| zones.iter().find(|zone| !zone.permanent && zone.interfaces.contains(bridge)));
            let named = network.zone.as_deref().map(|zone| (zone, place(name, "/bridge/@zone")));
            let found = bound.map(|zone| (zone.name.as_str(), format!("{}: zone {}", firewall.origin(), zone.name)));
            for (zone, origin) in [named, found].into_iter().flatten() {
                let outcome = judge_zone(zone, zones);
                if outcome > worst.0 {
                    let what = match outcome {
                        Outcome::Fail => "which lets the VMs reach every port of the host",
                        _ => "which is not made for VMs",
                    };
                    worst = (
                        outcome,
                        Some(format!(
                            "The network {name} is in the firewall's zone {zone}, {what} ({}).",
                            used_by(&neighbours.ports, name)
                        )),
                    );
                }
                evidence.push(Evidence { origin, value: zone.to_owned() });
            }
        }
        if let (outcome, Some(message)) = worst {
            return Ok(Verdict::new(outcome, message).because(evidence));
        }
        let units = facts.host.systemd.units.value();
        let stopped =
            units.and_then(|units| units.get("firewalld.service")).is_some_and(|unit| unit.active != "active");
        if stopped && firewall.value().is_none() {
            return Ok(Verdict::not_applicable(
                "firewalld does not run, so that no bridge is in a zone; libvirt makes rules of its own.",
            )
            .and(format!("{}: firewalld.service", facts.host.systemd.units.origin()), "not active"));
        }
        firewall.get()?;
        Ok(Verdict::pass("libvirt's bridges are in the firewall's zones that are made for them.").because(evidence))
    })
}

fn judge_zone(name: &str, zones: &[Zone]) -> Outcome {
    let accepts = || zones.iter().any(|zone| zone.name == name && zone.target == "ACCEPT");
    match name {
        // The zone libvirt accepts by its target, and rejects the rest by a rule.
        name if FITTING.contains(&name) => Outcome::Pass,
        "trusted" => Outcome::Fail,
        _ if accepts() => Outcome::Fail,
        _ => Outcome::Warn,
    }
}

pub static MANAGEMENT: Check = Check {
    id: "net.management-bridge",
    title: "VMs are not on the network that the host is managed over",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[
        "https://csrc.nist.gov/pubs/sp/800/125/b/final",
        "https://www.bsi.bund.de/EN/Themen/Unternehmen-und-Organisationen/Standards-und-Zertifizierung/IT-Grundschutz/it-grundschutz_node.html",
    ],
    why: "On the same network a guest reaches the host's SSH and Cockpit, and those of other hosts, and may pose as the router between \
          them and their administrators.",
    fix: "Give the VMs a bridge on a card or a VLAN of their own, without an address of the host: \
          `nmcli connection add type bridge ifname br-vms ipv4.method disabled ipv6.method disabled`.",
    impact: "The VMs get other addresses; switches and firewalls must know the new network.",
    apply: Apply::Manual,
    needs: "/sys/class/net, /proc/net/route, //interface/source in the definitions of all VMs",
    judge: Judge::Host(management),
};

/// The bridges of the host and cards of macvtap that VMs are on, with who uses them.
fn outside<'a>(facts: &Facts, neighbours: &Neighbours<'a>) -> Result<BTreeMap<String, BTreeSet<&'a str>>, Gap> {
    let mut found: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for port in neighbours.ports.all() {
        for name in devices(facts, port)? {
            found.entry(name).or_default().insert(&port.vm.name);
        }
    }
    Ok(found)
}

/// The devices of the host that an interface leads to, other than bridges that libvirt made.
fn devices(facts: &Facts, port: &Port) -> Result<Vec<String>, Gap> {
    Ok(match &port.place {
        Some(Place::Bridge(name)) => {
            let made = facts
                .libvirt
                .networks
                .get()?
                .values()
                .any(|network| network.is_managed() && network.bridge.as_ref() == Some(name));
            if made { Vec::new() } else { vec![name.clone()] }
        }
        Some(Place::Device(name)) => vec![name.clone()],
        Some(Place::Network(name)) => match network(facts, name)? {
            Some(network) if !network.is_managed() && network.forward.as_deref() != Some("hostdev") => {
                network.bridge.iter().chain(&network.devices).cloned().collect()
            }
            _ => Vec::new(),
        },
        None => Vec::new(),
    })
}

fn management(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let fact = &facts.host.interfaces;
    let interfaces = fact.get()?;
    let used = outside(facts, neighbours)?;
    let shared = used.iter().filter_map(|(name, users)| Some((name, users, interfaces.get(name)?)));
    let shared: Vec<_> = shared.filter(|(_, _, device)| device.addressed || device.default_route).collect();
    let evidence = |verdict: Verdict| {
        shared.iter().fold(verdict, |verdict, (name, _, device)| {
            let value =
                if device.default_route { "has the host's default route" } else { "has an address of the host" };
            verdict.and(format!("/proc/net/route: {name}"), value)
        })
    };
    let Some((name, users, device)) = shared.iter().max_by_key(|(_, _, device)| device.default_route) else {
        all_read(facts, neighbours)?;
        return Ok(if neighbours.ports.is_empty() {
            Verdict::not_applicable("There are no VMs.")
        } else if used.is_empty() {
            Verdict::pass("No VM is on a bridge or a card of the host.")
        } else {
            Verdict::pass(format!(
                "The host has no address on the bridges and cards that VMs are on: {}.",
                list(used.keys().map(String::as_str))
            ))
        });
    };
    let what = if device.default_route { "the host's default route" } else { "an address of the host" };
    let users = list(users.iter().copied());
    let cards = interfaces.values().filter(|device| device.physical).count();
    Ok(evidence(if cards <= 1 {
        Verdict::info(format!(
            "{name}, which VMs are on ({users}), carries {what} too. The host has no second network card."
        ))
    } else {
        Verdict::warn(format!("{name}, which VMs are on ({users}), carries {what} too."))
    }))
}

pub static VLAN: Check = Check {
    id: "net.vlan",
    title: "VMs that reach the physical network are in a VLAN of their own",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[super::DOMAIN_FORMAT, "https://github.com/ComplianceAsCode/content"],
    why: "Without a tag a guest is in the same VLAN as the host and everybody else on the cable. A guest with a card of its own (SR-IOV) and no \
          tag chooses its VLAN itself.",
    fix: "Add <vlan><tag id='N'/></vlan> to the interface or the network (Open vSwitch, SR-IOV; `virsh edit VM`). For a plain bridge put a VLAN \
          device into it: `ip link add link eth0 name eth0.N type vlan id N`.",
    impact: "The VM must be started anew, and reaches only machines of that VLAN; the switch must carry it.",
    apply: Apply::NextStart,
    needs: "//vlan in the definitions of all VMs and networks, /sys/class/net",
    judge: Judge::Host(vlan),
};

fn vlan(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let mut warned: BTreeSet<&str> = BTreeSet::new();
    let mut bare: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    let mut tagged = 0_usize;
    for port in neighbours.ports.all() {
        let network = match &port.place {
            Some(Place::Network(name)) => network(facts, name)?,
            _ => None,
        };
        let has_tag = port.tagged
            || network.is_some_and(|network| {
                network.tagged || network.portgroup(port.portgroup.as_deref()).is_some_and(|group| group.tagged)
            });
        let hostdev =
            port.kind == "hostdev" || network.is_some_and(|network| network.forward.as_deref() == Some("hostdev"));
        if hostdev {
            if has_tag {
                tagged += 1;
            } else {
                warned.insert(port.vm.name.as_str());
            }
            continue;
        }
        for device in devices(facts, port)? {
            let switch = port.openvswitch || network.is_some_and(|network: &Network| network.openvswitch);
            if (switch && has_tag) || in_vlan(facts.host.interfaces.get()?, &device, has_tag) {
                tagged += 1;
            } else {
                bare.entry(device).or_default().insert(&port.vm.name);
            }
        }
    }
    if !warned.is_empty() {
        let names = list(warned.iter().copied());
        return Ok(Verdict::warn(format!("These VMs have a network card of the host (SR-IOV) without a VLAN tag, and so choose it themselves: {names}."))
            .and("//interface[@type='hostdev']/vlan", "(not set)"));
    }
    if let Some((device, users)) = bare.first_key_value() {
        let more = if bare.len() > 1 {
            format!(" The same holds for {}.", list(bare.keys().skip(1).map(String::as_str)))
        } else {
            String::new()
        };
        let users = list(users.iter().copied());
        return Ok(Verdict::info(format!("VMs on {device} ({users}) are in no VLAN that this host sets.{more}"))
            .and(format!("/sys/class/net/{device}"), "no VLAN"));
    }
    all_read(facts, neighbours)?;
    Ok(match (tagged, neighbours.ports.is_empty()) {
        (0, true) => Verdict::not_applicable("There are no VMs."),
        (0, false) => Verdict::not_applicable("No VM reaches the physical network but through the host's routing."),
        _ => Verdict::pass("Each VM that reaches the physical network is in a VLAN that the host sets."),
    })
}

/// Whether a device is a VLAN itself, or a bridge to nothing but VLANs, or one that heeds the tag of a port. A plain bridge ignores it.
fn in_vlan(interfaces: &BTreeMap<String, Interface>, name: &str, has_tag: bool) -> bool {
    let Some(device) = interfaces.get(name) else { return false };
    let is_vlan = |device: &Interface| device.kind.as_deref() == Some("vlan");
    let mut up = uplinks(interfaces, device).peekable();
    is_vlan(device)
        || (device.vlan_filtering == Some(true) && has_tag)
        || (up.peek().is_some() && up.all(|port| interfaces.get(port).is_some_and(is_vlan)))
}
