// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a single network interface is allowed: scripts, forwarded ports, filters of its own, the host's whole card.

use std::net::IpAddr;

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::net;
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::named_files::directory_of;
use crate::facts::permissions::FileMode;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html";

/// What an interface is called in a message.
fn name(interface: Node) -> String {
    match child(interface, "mac").and_then(|mac| mac.attribute("address")) {
        Some(mac) => format!("The interface {mac}"),
        None => "An interface without a MAC address".to_owned(),
    }
}

pub static TRUST_GUEST_RX: Check = Check {
    id: "vm.iface-trust-guest-rx",
    title: "The guest may not change which packets the host's card lets in",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT],
    why: "With trustGuestRxFilters the host takes over the MAC address and the multicast addresses that the guest asks for: the guest may \
          take another machine's address and read what is meant for that one.",
    fix: "Run `virsh edit VM` and set trustGuestRxFilters='no' on the interface, or delete the attribute; where the network sets it, use `virsh net-edit NETWORK`.",
    impact: "The VM must be started anew. A guest that changes its MAC address, or joins multicast groups through macvtap (IPv6), loses that traffic.",
    apply: Apply::NextStart,
    needs: "//interface/@trustGuestRxFilters, and that of its network and port group",
    judge: Judge::Definition(|facts, _, domain| {
        let mut tally = Tally::default();
        for interface in domain.devices("interface") {
            let Some(trusts) = trusts(facts, interface)? else { continue };
            tally.add(Outcome::Warn, || {
                let verdict = Verdict::warn(format!(
                    "{} lets the guest choose which packets the host's card lets in.",
                    name(interface)
                ));
                match trusts {
                    Trust::Itself => verdict.because([domain.evidence(interface, "trustGuestRxFilters")]),
                    Trust::Network(place) => verdict.and(place, "yes"),
                }
            });
        }
        Ok(tally.finish(|| Verdict::pass("No interface lets the guest choose which packets the host's card lets in.")))
    }),
};

enum Trust {
    Itself,
    Network(String),
}

/// The interface's own word counts, then that of its port group, then the network's (formatnetwork.html).
fn trusts(facts: &Facts, interface: Node) -> Result<Option<Trust>, Gap> {
    if let Some(value) = interface.attribute("trustGuestRxFilters") {
        return Ok((value == "yes").then_some(Trust::Itself));
    }
    let source = child(interface, "source");
    let Some(name) = source.and_then(|source| source.attribute("network")) else { return Ok(None) };
    let Some(network) = net::network(facts, name)? else { return Ok(None) };
    let group = network.portgroup(source.and_then(|source| source.attribute("portgroup")));
    let trusts = group.and_then(|group| group.trust_guest_rx).or(network.trust_guest_rx);
    Ok((trusts == Some(true)).then(|| Trust::Network(format!("virsh net-dumpxml {name}: trustGuestRxFilters"))))
}

pub static SLIRP: Check = Check {
    id: "vm.iface-slirp",
    title: "User-mode networking runs outside of QEMU",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT, "https://www.qemu.org/docs/master/system/security.html"],
    why: "QEMU's built-in user-mode network (SLIRP) is a whole TCP/IP stack inside of QEMU that reads what the guest sends. Mistakes in it \
          (CVE-2020-8608, CVE-2021-3592 to CVE-2021-3595) let a guest write into QEMU. passt does the same in a process of its own, with a sandbox.",
    fix: "Install passt and run `virt-xml VM --edit --network backend.type=passt`, or add <backend type='passt'/> to the interface with `virsh edit VM`.",
    impact: "The VM must be started anew. The guest gets the host's address rather than 10.0.2.15.",
    apply: Apply::NextStart,
    needs: "//interface[@type='user']/backend in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut any = false;
        for interface in domain.devices("interface").filter(|interface| interface.attribute("type") == Some("user")) {
            any = true;
            let backend = child(interface, "backend");
            if backend.and_then(|backend| backend.attribute("type")) == Some("passt") {
                continue;
            }
            tally.add(Outcome::Warn, || {
                let verdict =
                    Verdict::warn(format!("{} uses SLIRP, the network stack inside of QEMU.", name(interface)));
                match backend {
                    Some(backend) => verdict.because([domain.evidence(backend, "type")]),
                    None => verdict.and(domain.path(interface) + "/backend", "(not set)"),
                }
            });
        }
        Ok(tally.finish(|| {
            if any {
                Verdict::pass("User-mode networking is done by passt, outside of QEMU.")
            } else {
                Verdict::not_applicable("The VM has no interface with user-mode networking.")
            }
        }))
    }),
};

pub static PORT_FORWARD: Check = Check {
    id: "vm.iface-port-forward",
    title: "Ports are forwarded to the guest from chosen addresses only",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Network,
    basis: &[FORMAT, "https://github.com/cockpit-project/cockpit-machines"],
    why: "A forwarded port of the host leads to a service of the guest. Without an address it is open on all networks of the host; below \
          1024 the guest may pose as a service of the host itself.",
    fix: "Give the address that clients use, such as <portForward proto='tcp' address='127.0.0.1'>, and ports from 1024 on, with `virsh edit VM`.",
    impact: "The VM must be started anew. Clients on other networks no longer reach the service.",
    apply: Apply::NextStart,
    needs: "//interface/portForward in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut any = false;
        for interface in domain.devices("interface") {
            for forward in children(interface, "portForward") {
                any = true;
                if let Some(verdict) = forwarded(domain, interface, forward) {
                    tally.add(Outcome::Warn, || verdict);
                }
            }
        }
        Ok(tally.finish(|| {
            if any {
                Verdict::pass("Ports are forwarded to the guest from chosen addresses only, and none below 1024.")
            } else {
                Verdict::not_applicable("No interface forwards ports of the host to the guest.")
            }
        }))
    }),
};

fn forwarded(domain: &Domain, interface: Node, forward: Node) -> Option<Verdict> {
    let address = forward.attribute("address");
    let everywhere = match address {
        Some(address) => address.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified()),
        None => forward.attribute("dev").is_none(),
    };
    if everywhere {
        let message = format!("{} forwards ports from all addresses of the host.", name(interface));
        return Some(Verdict::warn(message).because([domain.evidence(forward, "address")]));
    }
    let mut ranges = children(forward, "range").filter(|range| range.attribute("exclude") != Some("yes")).peekable();
    if ranges.peek().is_none() {
        let message = format!("{} forwards all ports of the host's address to the guest.", name(interface));
        return Some(Verdict::warn(message).and(domain.path(forward) + "/range", "(not set)"));
    }
    let low = ranges.find(|range| {
        range.attribute("start").and_then(|start| start.parse().ok()).is_none_or(|start: u16| start < 1024)
    })?;
    let message = format!(
        "{} forwards ports of the host from {}, below 1024.",
        name(interface),
        low.attribute("start").unwrap_or("0")
    );
    Some(Verdict::warn(message).because([domain.evidence(low, "start")]))
}

pub static SCRIPT: Check = Check {
    id: "vm.iface-script",
    title: "libvirt runs no script for the VM's interfaces",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Network,
    basis: &[FORMAT, "https://github.com/libvirt/libvirt/blob/master/src/conf/domain_conf.c"],
    why: "libvirt runs the script as root each time the VM starts or stops. Whoever may write the file is root at the next start.",
    fix: "Use a bridge or a network of libvirt rather than a script (`virsh edit VM`). If it must stay: `chown root:root FILE; chmod 755 FILE`, \
          and the same for the directory that it stands in.",
    impact: "The VM must be started anew. What the script did must be set up in another way.",
    apply: Apply::NextStart,
    needs: "//interface/script and downscript, the owner and mode of those files",
    judge: Judge::Definition(|_, vm, domain| {
        let mut tally = Tally::default();
        for interface in domain.devices("interface") {
            for script in ["script", "downscript"].iter().filter_map(|name| child(interface, name)) {
                let path = script.attribute("path").unwrap_or_default();
                let (outcome, verdict) = script_verdict(vm, path);
                tally.add(outcome, || verdict.because([domain.evidence(script, "path")]));
            }
        }
        Ok(tally.finish(|| Verdict::pass("libvirt runs no script for the VM's interfaces.")))
    }),
};

fn script_verdict(vm: &Vm, path: &str) -> (Outcome, Verdict) {
    // In a user's session it runs with that user's rights.
    let session = vm.connection == "session" || vm.connection.ends_with("/session");
    let named = |path: &str| vm.named_files.get(path).and_then(|fact| fact.value());
    let file = named(path);
    let directory = named(directory_of(path)).and_then(Option::as_ref);
    let writable = file.and_then(Option::as_ref).is_some_and(FileMode::not_only_root_may_write)
        || directory.is_some_and(FileMode::not_only_root_may_replace_files);
    if session {
        return (
            Outcome::Warn,
            Verdict::warn(format!("libvirt runs the script {path} for an interface, with the user's rights.")),
        );
    }
    if writable {
        return (
            Outcome::Fail,
            Verdict::fail(format!("libvirt runs the script {path} as root, and others than root may change it.")),
        );
    }
    let known = match file {
        Some(Some(_)) => "only root may change it",
        Some(None) => "it does not exist now",
        None => "who may change it is not known",
    };
    (Outcome::Warn, Verdict::warn(format!("libvirt runs the script {path} as root for an interface; {known}.")))
}

pub static MACVTAP: Check = Check {
    id: "vm.iface-macvtap",
    title: "No VM has a network card of the host to itself through macvtap",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &[FORMAT, "https://csrc.nist.gov/pubs/sp/800/125/b/final"],
    why: "What a guest sends through macvtap goes past the host's firewall and libvirt's filters. In the mode passthrough the guest has the \
          whole card: it may change the card's own MAC address and read all that arrives there.",
    fix: "Use a bridge with a filter: `virt-xml VM --edit --network bridge=br0,filterref.filter=clean-traffic`. Where macvtap is meant, set mode='bridge', or \
          mode='private' to keep the VMs of a card from each other.",
    impact: "The VM must be started anew. A bridge costs a little more of the processor than macvtap.",
    apply: Apply::NextStart,
    needs: "//interface[@type='direct']/source/@mode, libvirt's networks",
    judge: Judge::Definition(|facts, _, domain| {
        let mut tally = Tally::default();
        for interface in domain.devices("interface") {
            let Some(mode) = macvtap_mode(facts, interface)? else { continue };
            let evidence = || match child(interface, "source") {
                Some(source) => {
                    domain.evidence(source, if source.attribute("mode").is_some() { "mode" } else { "network" })
                }
                None => domain.evidence(interface, "type"),
            };
            if mode == "passthrough" {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "{} has a network card of the host to itself (macvtap in the mode passthrough).",
                        name(interface)
                    ))
                    .because([evidence()])
                });
            } else {
                tally.add(Outcome::Info, || {
                    Verdict::info(format!(
                        "{} goes past the host's firewall and libvirt's filters (macvtap in the mode {mode}).",
                        name(interface)
                    ))
                    .because([evidence()])
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("The VM has no macvtap interface.")))
    }),
};

/// The mode of a macvtap interface, `vepa` where none is given (formatdomain.html); `None` for all other kinds.
fn macvtap_mode<'a>(facts: &'a Facts, interface: Node<'a, '_>) -> Result<Option<&'a str>, Gap> {
    let source = child(interface, "source");
    if interface.attribute("type") == Some("direct") {
        return Ok(Some(source.and_then(|source| source.attribute("mode")).unwrap_or("vepa")));
    }
    let Some(name) = source.and_then(|source| source.attribute("network")) else { return Ok(None) };
    // A running interface shows what the network made of it.
    if interface.attribute("type") != Some("network") {
        return Ok(None);
    }
    let Some(network) = net::network(facts, name)? else { return Ok(None) };
    let forward = network.forward.as_deref();
    Ok(forward.filter(|mode| {
        ["private", "vepa", "passthrough"].contains(mode) || (*mode == "bridge" && network.bridge.is_none())
    }))
}
