// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt's networks trust their guests with, by default.

use std::collections::BTreeMap;

use super::{DOMAIN_FORMAT, FORMAT, all_read, list, networks, place, used_by};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Severity, Verdict};
use crate::policy::Profile;

pub static TRUST_GUEST_RX: Check = Check {
    id: "net.trust-guest-rx",
    title: "No network lets its guests choose which packets the host's card lets in",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT],
    why: "With trustGuestRxFilters on a network, every VM on it that does not say otherwise may take another machine's MAC address and \
          read what is meant for that one.",
    fix: "Run `virsh net-edit NETWORK` and set trustGuestRxFilters='no', or delete it; then `virsh net-destroy NETWORK; virsh net-start NETWORK`.",
    impact: "The VMs on it lose their connection until they are started anew. Guests that change their MAC address, or join multicast groups, lose that traffic.",
    apply: Apply::Live,
    needs: "the definitions of libvirt's networks",
    judge: Judge::Host(|facts, neighbours| {
        networks(facts, |networks| {
            let mut evidence = Vec::new();
            let mut names = Vec::new();
            for (name, network) in networks {
                let before = evidence.len();
                if network.trust_guest_rx == Some(true) {
                    evidence.push(Evidence { origin: place(name, "/@trustGuestRxFilters"), value: "yes".to_owned() });
                }
                for (group, _) in network.portgroups.iter().filter(|(_, group)| group.trust_guest_rx == Some(true)) {
                    let path = format!("/portgroup[@name='{group}']/@trustGuestRxFilters");
                    evidence.push(Evidence { origin: place(name, &path), value: "yes".to_owned() });
                }
                if evidence.len() > before {
                    names.push(name.as_str());
                }
            }
            Ok(match names.first() {
                None => {
                    Verdict::pass("No network of libvirt lets its guests choose which packets the host's card lets in.")
                }
                Some(first) => Verdict::warn(format!(
                    "Guests may choose which packets the host's card lets in on: {} ({}).",
                    list(names.iter().copied()),
                    used_by(&neighbours.ports, first)
                )),
            }
            .because(evidence))
        })
    }),
};

pub static DISPLAY_PROXY: Check = Check {
    id: "net.display-proxy",
    title: "No console listens on a network of the VMs",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Console,
    basis: &[DOMAIN_FORMAT],
    why: "A console with <listen type='network'/> opens its port on the host's address in that network: every guest there can reach the \
          screen and the keyboard of the VM.",
    fix: "Replace the listener by <listen type='address' address='127.0.0.1'/> or <listen type='socket'/> with `virsh edit VM`.",
    impact: "The VM must be started anew. Clients need a tunnel, as Cockpit and virt-viewer make one.",
    apply: Apply::NextStart,
    needs: "//graphics/listen in the definitions of all VMs",
    judge: Judge::Host(|facts, neighbours| {
        let consoles = neighbours.ports.consoles();
        if consoles.is_empty() {
            all_read(facts, neighbours)?;
            return Ok(if neighbours.ports.is_empty() {
                Verdict::not_applicable("There are no VMs.")
            } else if facts.libvirt.networks.value().is_some_and(BTreeMap::is_empty) {
                Verdict::not_applicable("libvirt has no virtual network.")
                    .and(facts.libvirt.networks.origin(), "(none)")
            } else {
                Verdict::pass("No console listens on a network of libvirt.")
            });
        }
        let shown: Vec<String> = consoles
            .iter()
            .map(|(network, users)| format!("{} on {network}", list(users.iter().map(|(vm, _)| vm.name.as_str()))))
            .collect();
        let verdict =
            Verdict::warn(format!("Guests can reach the consoles of: {}.", list(shown.iter().map(String::as_str))));
        Ok(consoles.iter().fold(verdict, |verdict, (network, users)| {
            users.iter().take(super::NAMED).fold(verdict, |verdict, (vm, origin)| {
                verdict.and(format!("{origin} of {}", vm.name), network.as_str())
            })
        }))
    }),
};
