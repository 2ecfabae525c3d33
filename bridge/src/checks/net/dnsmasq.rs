// SPDX-License-Identifier: LGPL-2.1-or-later
//! The dnsmasq that libvirt runs for a network: what it is told, and where it answers.

use std::net::IpAddr;

use super::{FORMAT, networks, place};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::helpers::dnsmasqs;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static OPTIONS: Check = Check {
    id: "net.dnsmasq-options",
    title: "No network hands lines of its own to dnsmasq",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT, "https://thekelleys.org.uk/dnsmasq/docs/dnsmasq-man.html"],
    why: "libvirt passes these lines on unseen. dnsmasq starts as root, so that a line may let it run a program, read any file or serve \
          one to every guest.",
    fix: "Run `virsh net-edit NETWORK`, delete <dnsmasq:options>, then `virsh net-destroy NETWORK; virsh net-start NETWORK`. For names and addresses \
          libvirt has elements of its own (<dns>, <dhcp>).",
    impact: "The VMs on it lose their connection until they are started anew. What the lines did is gone.",
    apply: Apply::Live,
    needs: "the definitions of libvirt's networks",
    judge: Judge::Host(|facts, _| options(facts)),
};

/// Lines that run a program, or read further configuration or names from a file.
const RUNS: [&str; 3] = ["dhcp-script", "dhcp-luascript", "conf-script"];
const READS: [&str; 8] = [
    "conf-file",
    "conf-dir",
    "addn-hosts",
    "hostsdir",
    "dhcp-hostsfile",
    "dhcp-optsfile",
    "dhcp-hostsdir",
    "servers-file",
];
/// Where libvirt keeps such files itself.
const OWN: &str = "/var/lib/libvirt/";

fn options(facts: &Facts) -> Judged {
    networks(facts, |networks| {
        let mut runs: Option<(&str, &str)> = None;
        let mut reads: Option<(&str, &str)> = None;
        let mut first: Option<(&str, &str)> = None;
        let mut evidence = Vec::new();
        for (name, network) in networks {
            for line in &network.dnsmasq_options {
                first.get_or_insert((name, line));
                let (key, value) =
                    line.split_once('=').map_or((line.as_str(), ""), |(key, value)| (key.trim(), value.trim()));
                let key = key.trim_start_matches('-');
                let outside = !value.starts_with(OWN) || value.contains("..");
                // By dnsmasq's manual (--dhcp-scriptuser) such a program runs as root.
                if RUNS.contains(&key) {
                    runs.get_or_insert((name, line));
                } else if READS.contains(&key) && outside {
                    reads.get_or_insert((name, line));
                }
                if evidence.len() < super::NAMED {
                    evidence.push(Evidence { origin: place(name, "/dnsmasq:options"), value: line.clone() });
                }
            }
        }
        Ok(match (runs, reads, first) {
            (Some((name, line)), ..) => {
                Verdict::fail(format!("The network {name} lets dnsmasq run a program as root: {line}."))
            }
            (None, Some((name, line)), _) => Verdict::warn(format!(
                "The network {name} lets dnsmasq, which starts as root, read a file that is not libvirt's: {line}."
            )),
            (None, None, Some((name, line))) => Verdict::warn(format!(
                "The network {name} hands lines to dnsmasq that libvirt does not look at: {line}."
            )),
            (None, None, None) => Verdict::pass("No network of libvirt hands lines of its own to dnsmasq."),
        }
        .because(evidence))
    })
}

pub static LISTEN: Check = Check {
    id: "net.dnsmasq-listen",
    title: "libvirt's dnsmasq answers on the virtual bridges only",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT, "https://www.cve.org/CVERecord?id=CVE-2012-3411"],
    why: "A dnsmasq that answers on the host's other networks gives everybody there the names and addresses of the VMs, and may be used \
          as an open resolver against others.",
    fix: "Run `virsh net-destroy NETWORK; virsh net-start NETWORK`, so that libvirt writes dnsmasq's configuration anew; remove listen-address and the \
          like from <dnsmasq:options> (`virsh net-edit NETWORK`).",
    impact: "The VMs on it lose their connection until they are started anew.",
    apply: Apply::Live,
    needs: "/var/lib/libvirt/dnsmasq/*.conf, the TCP sockets of libvirt's dnsmasq processes (administrative access), libvirt's networks",
    judge: Judge::Host(|facts, _| listen(facts)),
};

fn listen(facts: &Facts) -> Judged {
    let conf = &facts.host.dnsmasq_conf;
    let files = conf.get()?;
    let networks = facts.libvirt.networks.get()?;
    let helpers = facts.host.helpers.get()?;
    let mut evidence = Vec::new();
    let directory = "/var/lib/libvirt/dnsmasq/";
    let mut gap = None;
    // What runs counts first: the files may have been written since.
    for (name, helper) in dnsmasqs(helpers) {
        let listeners = match helper.listeners.get() {
            Ok(listeners) => listeners,
            Err(missing) => {
                gap = gap.or(Some(missing));
                continue;
            }
        };
        let own = networks.get(name).map_or(&[][..], |network| &network.addresses);
        for listener in listeners {
            evidence.push(Evidence {
                origin: helper.listeners.origin().to_owned(),
                value: format!("{} {}", listener.address, listener.port),
            });
            if !is_own(&listener.address, own) {
                let message = format!(
                    "The dnsmasq of the network {name} answers on {} (port {}), which is not an address of that network.",
                    listener.address, listener.port
                );
                return Ok(Verdict::fail(message).because(evidence.pop()));
            }
        }
        if let Some(file) = files.get(name) {
            let origin = format!("{directory}{name}.conf");
            let bridge = networks.get(name).and_then(|network| network.bridge.as_ref());
            let shown = if file.interfaces.is_empty() {
                "(no interface)".to_owned()
            } else {
                format!("interface={}", file.interfaces.join(","))
            };
            if !file.bound || (file.interfaces.is_empty() && file.addresses.is_empty()) {
                let message =
                    format!("dnsmasq is not told to open its sockets on the bridge of the network {name} only.");
                return Ok(Verdict::fail(message).and(origin, shown));
            }
            let stranger = file.interfaces.iter().find(|interface| Some(*interface) != bridge);
            if let (Some(stranger), Some(bridge)) = (stranger, bridge) {
                let message = format!(
                    "The dnsmasq of the network {name} is told to answer on {stranger}, not only on its bridge {bridge}."
                );
                return Ok(Verdict::fail(message).and(origin, shown));
            }
            evidence.push(Evidence { origin, value: shown });
        } else {
            gap = gap.or_else(|| {
                Some(Gap::new(
                    format!("{directory}{name}.conf"),
                    format!("there is no {directory}{name}.conf, though a dnsmasq runs with it"),
                ))
            });
        }
    }
    if let Some(gap) = gap {
        return Err(gap);
    }
    Ok(if evidence.is_empty() {
        Verdict::not_applicable("libvirt runs no dnsmasq.").and(facts.host.helpers.origin(), "(none)")
    } else {
        Verdict::pass("Each dnsmasq of libvirt answers on its own network's bridge only.").because(evidence)
    })
}

/// An address of the network, or one that no other machine reaches: loopback, and the bridge's own link-local one.
fn is_own(address: &IpAddr, own: &[IpAddr]) -> bool {
    let link_local = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
    address.is_loopback() || link_local || own.contains(address)
}
