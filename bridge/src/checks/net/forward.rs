// SPDX-License-Identifier: LGPL-2.1-or-later
//! How libvirt's networks lead out of the host.

use super::{FORMAT, Place, all_read, list, networks, place, used_by};
use crate::checks::{Apply, Area, Check, Judge, Neighbours, Severity, Verdict};
use crate::facts::networks::Network;
use crate::policy::Profile;

pub static OPEN: Check = Check {
    id: "net.forward-open",
    title: "libvirt filters what its networks forward",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT],
    why: "For a network with the forward mode open libvirt adds no firewall rule at all: VMs reach everything that the host routes to, and \
          everything reaches them, unless somebody else made rules.",
    fix: "Run `virsh net-edit NETWORK`, set <forward mode='nat'/>, then `virsh net-destroy NETWORK; virsh net-start NETWORK`. Or keep the mode \
          and write rules of your own, with firewalld or nftables.",
    impact: "The VMs on it lose their connection until they are started anew. With NAT other machines no longer reach them directly.",
    apply: Apply::Live,
    needs: "the definitions of libvirt's networks",
    judge: Judge::Host(|facts, neighbours| {
        networks(facts, |networks| {
            let open = networks.iter().filter(|(_, network)| network.forward.as_deref() == Some("open"));
            let names: Vec<&str> = open.map(|(name, _)| name.as_str()).collect();
            Ok(match names.first() {
                None => Verdict::pass("No network of libvirt has the forward mode open.")
                    .and(facts.libvirt.networks.origin(), list(networks.keys().map(String::as_str))),
                Some(first) => {
                    let (networks, users) = (list(names.iter().copied()), used_by(&neighbours.ports, first));
                    let message = if names.len() == 1 {
                        format!("libvirt adds no firewall rules for the network {networks} ({users}).")
                    } else {
                        format!("libvirt adds no firewall rules for the networks {networks} ({users}).")
                    };
                    names.iter().fold(Verdict::warn(message), |verdict, name| {
                        verdict.and(place(name, "/forward/@mode"), "open")
                    })
                }
            })
        })
    }),
};

pub static ROUTE: Check = Check {
    id: "net.route-mode",
    title: "VMs that other machines reach directly are filtered",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[FORMAT],
    why: "On a routed network, and over IPv6 that is not translated, every machine that has a route reaches the VMs on all ports. Only \
          filters on their interfaces, or rules outside of libvirt, stand in between.",
    fix: "Add <filterref filter='clean-traffic'/> or a filter of your own to the interfaces of these VMs (`virsh edit VM`), or write a policy \
          for firewalld. For IPv6, <nat ipv6='yes'/> in <forward> translates it (`virsh net-edit NETWORK`).",
    impact: "Traffic that the filter does not name stops.",
    apply: Apply::Live,
    needs: "the definitions of libvirt's networks, //interface/filterref in the definitions of all VMs",
    judge: Judge::Host(|facts, neighbours| {
        networks(facts, |networks| {
            let routed: Vec<(&str, &str)> =
                networks.iter().filter_map(|(name, network)| Some((name.as_str(), routed(network)?))).collect();
            if routed.is_empty() {
                return Ok(Verdict::pass("No network of libvirt is routed.")
                    .and(facts.libvirt.networks.origin(), list(networks.keys().map(String::as_str))));
            }
            let evidence = |verdict: Verdict| {
                routed.iter().fold(verdict, |verdict, (name, path)| verdict.and(place(name, path), "routed"))
            };
            let names = list(routed.iter().map(|(name, _)| *name));
            let bare = unfiltered(neighbours, |network| routed.iter().any(|(name, _)| *name == network));
            if !bare.is_empty() {
                let message = format!(
                    "Other machines reach these VMs directly, without a filter: {} (routed networks: {names}).",
                    list(bare.iter().copied())
                );
                return Ok(evidence(Verdict::warn(message)));
            }
            all_read(facts, neighbours)?;
            Ok(evidence(Verdict::info(format!(
                "Other machines reach the VMs of these routed networks directly: {names}. No VM there is without a filter."
            ))))
        })
    }),
};

/// The place in the definition that makes a network a routed one.
fn routed(network: &Network) -> Option<&'static str> {
    match network.forward.as_deref() {
        Some("route") => Some("/forward/@mode"),
        Some("nat") if !network.nat_ipv6 && network.addresses.iter().any(std::net::IpAddr::is_ipv6) => {
            Some("/ip[@family='ipv6']")
        }
        _ => None,
    }
}

/// VMs with an unfiltered interface on such a network, in the order of their names.
fn unfiltered<'a>(neighbours: &Neighbours<'a>, is_meant: impl Fn(&str) -> bool) -> Vec<&'a str> {
    let bare = neighbours.ports.all().filter(|port| port.filter.is_none());
    let on = bare.filter(|port| matches!(&port.place, Some(Place::Network(name)) if is_meant(name)));
    let mut names: Vec<&str> = on.map(|port| port.vm.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
}
