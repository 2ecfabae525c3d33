// SPDX-License-Identifier: LGPL-2.1-or-later
//! Networks that nobody needs.

use super::{FORMAT, Place, all_read, list, networks};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::{Facts, Gap, Link};
use crate::policy::Profile;

pub static DEFAULT_UNUSED: Check = Check {
    id: "net.default-unused",
    title: "Networks that no VM uses are stopped",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[FORMAT],
    why: "Each running network has a bridge, firewall rules and a dnsmasq that answers DHCP and DNS. Where no VM needs them, they are only \
          more that could be attacked or go wrong.",
    fix: "Run `virsh net-autostart NETWORK --disable; virsh net-destroy NETWORK`. The definition stays.",
    impact: "A VM that is to use it later does not start before `virsh net-start NETWORK`.",
    apply: Apply::Live,
    needs: "libvirt's networks, //interface/source in the definitions of all VMs",
    judge: Judge::Host(unused),
};

fn unused(facts: &Facts, neighbours: &Neighbours) -> Judged {
    networks(facts, |networks| {
        if facts.libvirt.link != Link::Connected {
            return Err(Gap::new("libvirt", "libvirt was not asked which networks are active"));
        }
        all_read(facts, neighbours)?;
        let mut evidence = Vec::new();
        let mut names = Vec::new();
        for (name, network) in networks {
            let (active, autostart) = (network.active == Some(true), network.autostart == Some(true));
            let by_bridge = network.bridge.clone().map(Place::Bridge);
            let mut places = [Some(Place::Network(name.clone())), by_bridge].into_iter().flatten();
            if !(active || autostart) || places.any(|place| neighbours.ports.users(&place).next().is_some()) {
                continue;
            }
            names.push(name.as_str());
            let state = if active { "active" } else { "inactive" };
            let start = if autostart { "started with the host" } else { "not started with the host" };
            evidence.push(Evidence { origin: format!("virsh net-info {name}"), value: format!("{state}, {start}") });
        }
        Ok(if names.is_empty() {
            Verdict::pass("Every network that runs, or starts with the host, is used by a VM.")
        } else {
            Verdict::info(format!(
                "No VM uses these networks, though they run or start with the host: {}.",
                list(names.iter().copied())
            ))
        }
        .because(evidence))
    })
}
