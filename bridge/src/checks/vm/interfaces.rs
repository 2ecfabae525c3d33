// SPDX-License-Identifier: LGPL-2.1-or-later
//! A VM's network interfaces beside those of other VMs.

use super::{Tally, not_known};
use crate::checks::net::{self, Place, Port, filters};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Link, Vm};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html";

pub static NWFILTER: Check = Check {
    id: "vm.iface-nwfilter",
    title: "A filter keeps the VM from posing as another machine",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &["https://libvirt.org/formatnwfilter.html", "https://github.com/ComplianceAsCode/content"],
    why: "Without a filter a guest may send with any MAC and IP address and answer for any other machine (ARP): it can read and change \
          what its neighbours on the same network send, or take over their address.",
    fix: "Run `virt-xml VM --edit --network filterref.filter=clean-traffic`, or add <filterref filter='clean-traffic'/> to each interface \
          with `virsh edit VM`. Give the guest's address as a parameter IP where libvirt cannot learn it from DHCP.",
    impact: "A guest that has more addresses than libvirt knows, carries IPv6, or routes for others loses that traffic: clean-traffic lets \
             only IPv4 and ARP through.",
    apply: Apply::Live,
    needs: "//interface/filterref in the definitions of all VMs, libvirt's networks and filters, the ports of the host's bridges",
    judge: Judge::Vm(nwfilter),
};

fn nwfilter(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let mut tally = Tally::default();
    let mut filtered = false;
    for port in neighbours.ports.of(vm) {
        if !is_bridged(facts, port)? {
            continue;
        }
        filtered = true;
        if let Some(filter) = &port.filter {
            if let Some(verdict) = weak_filter(facts, port, filter)? {
                tally.add(verdict.outcome, || verdict);
            }
            continue;
        }
        let (outcome, place) = unfiltered(facts, vm, neighbours, port)?;
        tally.add(outcome, || {
            Verdict::new(outcome, format!("{} has no filter {place}.", port.name()))
                .and(port.origin("/filterref"), "(not set)")
        });
    }
    if let Some(found) = tally.found() {
        return Ok(found);
    }
    is_read(vm)?;
    Ok(if filtered {
        Verdict::pass("A filter keeps each interface of the VM from posing as another machine.")
    } else {
        Verdict::not_applicable("The VM has no interface that libvirt's filters apply to.")
    })
}

/// Whether libvirt's filters and port isolation apply: the host's end is a tap on a bridge.
fn is_bridged(facts: &Facts, port: &Port) -> Result<bool, Gap> {
    Ok(match (port.kind.as_str(), &port.place) {
        ("bridge" | "ethernet", _) => true,
        ("network", Some(Place::Network(name))) => match net::network(facts, name)? {
            Some(network) => network.bridge.is_some() || network.is_managed(),
            None => true,
        },
        _ => false,
    })
}

/// What a filter leaves open; nothing when it keeps the guest to its own addresses.
fn weak_filter(facts: &Facts, port: &Port, filter: &str) -> Result<Option<Verdict>, Gap> {
    // Whether these are as they should be is asked once, by net.nwfilter-tampered.
    if ["clean-traffic", "clean-traffic-gateway"].contains(&filter) {
        return Ok(None);
    }
    let origin = || port.origin("/filterref/@filter");
    let known = &facts.libvirt.nwfilters;
    Ok(match filters::lacking(known.get()?, filter) {
        Err(filters::Absent::Filter(name)) => Some(
            Verdict::warn(format!("{} is to be filtered by {filter}, but libvirt has no filter {name}.", port.name()))
                .and(origin(), filter),
        ),
        Err(filters::Absent::Content(name)) => {
            let gap = Gap::new(known.origin(), format!("the content of the filter {name} was not read"));
            Some(not_known(&format!("What the filter {filter} lets through"), &gap))
        }
        Ok(lacking) if lacking.is_empty() => None,
        Ok(lacking) => Some(
            Verdict::warn(format!(
                "The filter {filter} of {} does not include {}.",
                port.name_inside(),
                lacking.join(", ")
            ))
            .and(origin(), filter),
        ),
    })
}

fn unfiltered(facts: &Facts, vm: &Vm, neighbours: &Neighbours, port: &Port) -> Result<(Outcome, String), Gap> {
    let Some(place) = &port.place else {
        return Ok((Outcome::Warn, "wherever its tap leads".to_owned()));
    };
    let name = shown(place);
    if net::leads_out(facts, place)? {
        return Ok((Outcome::Warn, format!("on {name}, which leads out of this host")));
    }
    if neighbours.ports.has_neighbour(facts, vm, place)? {
        return Ok((Outcome::Warn, format!("on {name}, which it shares with other VMs")));
    }
    all_read(facts, neighbours)?;
    Ok((Outcome::Info, format!("on {name}, where no other VM is")))
}

fn shown(place: &Place) -> String {
    match place {
        Place::Network(name) => format!("the network {name}"),
        Place::Bridge(name) => format!("the bridge {name}"),
        Place::Device(name) => format!("the device {name}"),
    }
}

/// Whether the VM's interfaces can be known.
fn is_read(vm: &Vm) -> Result<(), Gap> {
    vm.stored.get()?;
    vm.live.get().map(|_| ())
}

/// Whether those of all others can.
fn all_read(facts: &Facts, neighbours: &Neighbours) -> Result<(), Gap> {
    if facts.libvirt.link != Link::Connected {
        return Err(Gap::new("libvirt", "the other VMs of the host were not read"));
    }
    neighbours.unread.clone().map_or(Ok(()), Err)
}

pub static PORT_ISOLATED: Check = Check {
    id: "vm.iface-port-isolated",
    title: "The bridge does not carry traffic between the VM and its neighbours",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[FORMAT],
    why: "VMs on one bridge reach each other directly, past every firewall outside. A guest that is taken over can attack the others there \
          as if it stood in the same room.",
    fix: "Add <port isolated='yes'/> to the interface of each VM on that bridge with `virsh edit VM`, or once to the network with \
          `virsh net-edit NETWORK`. It only has an effect between ports that are all isolated.",
    impact: "The VMs must be started anew, and no longer reach each other directly; what they need from each other must go through a router.",
    apply: Apply::NextStart,
    needs: "//interface/port in the definitions of all VMs, <port> in libvirt's networks",
    judge: Judge::Vm(port_isolated),
};

fn port_isolated(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let mut tally = Tally::default();
    let (mut bridged, mut isolated_ports) = (false, false);
    for port in neighbours.ports.of(vm) {
        let Some(place) = &port.place else { continue };
        if !is_bridged(facts, port)? {
            continue;
        }
        bridged = true;
        if !neighbours.ports.has_neighbour(facts, vm, place)? {
            all_read(facts, neighbours)?;
            continue;
        }
        let isolated = is_isolated(facts, port)?;
        isolated_ports |= isolated;
        let open = neighbours.ports.open_neighbour(vm, place, network_isolates(facts, place)?);
        let name = shown(place);
        let origin = port.origin("/port/@isolated");
        match (isolated, open) {
            (true, None) => {}
            (true, Some(other)) => tally.add(Outcome::Warn, || {
                let message = format!("{} is isolated on {name}, but that of the VM {other} is not, so that the two still reach each other.", port.name());
                Verdict::warn(message).and(origin, "yes")
            }),
            (false, _) => tally.add(Outcome::Warn, || {
                let message = format!("{} reaches the other VMs on {name}: it is not isolated.", port.name());
                Verdict::warn(message).and(origin, port.isolated.map_or("(not set)", |_| "no"))
            }),
        }
    }
    if let Some(found) = tally.found() {
        return Ok(found);
    }
    is_read(vm)?;
    Ok(match (bridged, isolated_ports) {
        (false, _) => Verdict::not_applicable("The VM has no interface on a bridge."),
        (true, false) => Verdict::pass("No other VM is on a bridge of this VM."),
        (true, true) => Verdict::pass("The VM and all others on its bridges are isolated from each other."),
    })
}

/// What an interface does not say, its network may.
fn is_isolated(facts: &Facts, port: &Port) -> Result<bool, Gap> {
    match (port.isolated, &port.place) {
        (Some(isolated), _) => Ok(isolated),
        (None, Some(place)) => network_isolates(facts, place),
        (None, None) => Ok(false),
    }
}

fn network_isolates(facts: &Facts, place: &Place) -> Result<bool, Gap> {
    match place {
        Place::Network(name) => Ok(net::network(facts, name)?.is_some_and(|network| network.isolated)),
        _ => Ok(false),
    }
}

pub static MAC_UNIQUE: Check = Check {
    id: "vm.iface-mac-unique",
    title: "No other interface has the same MAC address",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[FORMAT, "https://manpages.debian.org/trixie/virt-install/virt-clone.1.en.html"],
    why: "A bridge sends what is meant for a MAC address to whoever used it last. Two VMs with the same one read each other's traffic; it \
          usually tells of a copy that also has the same host keys and machine id.",
    fix: "Delete the <mac> element of one of them with `virsh edit VM`, so that libvirt makes a new address; renew the copy's host keys and \
          machine id too (`virt-sysprep`).",
    impact: "The guest sees a new network card: DHCP gives it another address, and names of interfaces may change.",
    apply: Apply::NextStart,
    needs: "//interface/mac in the definitions of all VMs",
    judge: Judge::Vm(mac_unique),
};

fn mac_unique(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let mut tally = Tally::default();
    let ports = neighbours.ports.of(vm);
    for port in ports {
        if let (Some(other), Some(mac), Some(place)) = (neighbours.ports.double(port), &port.mac, &port.place) {
            // Two that never run at the same time may share one on purpose.
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!(
                    "The MAC address {mac} is used on {} by the VM {} too.",
                    shown(place),
                    other.vm.name
                ))
                .and(port.origin("/mac/@address"), mac.as_str())
                .and(format!("{} of {}", other.origin("/mac/@address"), other.vm.name), mac.as_str())
            });
        }
    }
    if let Some(found) = tally.found() {
        return Ok(found);
    }
    is_read(vm)?;
    if ports.is_empty() {
        return Ok(Verdict::not_applicable("The VM has no network interface."));
    }
    all_read(facts, neighbours)?;
    Ok(Verdict::pass("No other VM has a MAC address of this VM on the same network."))
}
