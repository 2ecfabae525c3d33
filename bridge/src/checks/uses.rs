// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the VMs use of libvirt's daemons, by which a setting of theirs is judged.

use std::collections::BTreeSet;

use roxmltree::Node;

use super::domain::{child, children};
use super::vm::console::{Protocol, consoles, is_loopback};
use super::{Domain, Evidence};
use crate::facts::{Facts, Gap, Vm};

/// Devices that may be a character device of the host.
const CHARACTER_DEVICES: [&str; 6] = ["serial", "parallel", "console", "channel", "redirdev", "smartcard"];

#[derive(Default)]
pub struct Uses<'a> {
    /// Consoles that listen on an address of the network.
    pub consoles: Vec<ConsoleUse<'a>>,
    /// Why it is not known of some console where it listens.
    pub console_gap: Option<Gap>,
    /// Character devices on TCP that leave this host, or listen for who does not belong to it.
    pub tcp: Vec<Wire<'a>>,
    /// Disks over NBD that leave this host.
    pub nbd: Vec<Wire<'a>>,
    /// VMs with an emulated TPM, the program swtpm.
    pub tpm: Vec<Used<'a>>,
    /// VMs with a PCI device of the host.
    pub pci: Vec<Used<'a>>,
}

pub struct ConsoleUse<'a> {
    pub used: Used<'a>,
    pub(super) protocol: Protocol,
    /// The address is that of qemu.conf, as the definition names none.
    pub by_default: bool,
}

/// A connection over the network.
pub struct Wire<'a> {
    pub used: Used<'a>,
    /// As the definition has it; `None` leaves it to qemu.conf.
    pub tls: Option<bool>,
}

pub struct Used<'a> {
    pub vm: &'a Vm,
    /// Of the first ones only: making a path for each device of ten thousand VMs takes too long.
    pub evidence: Option<Evidence>,
}

/// How many devices of a kind are shown as evidence.
const SHOWN: usize = 20;

impl<'a> Used<'a> {
    /// `earlier`: how many of its kind there are already.
    fn new(vm: &'a Vm, earlier: usize, evidence: impl FnOnce() -> Evidence) -> Self {
        let named = |Evidence { origin, value }| Evidence { origin: format!("{}: {origin}", vm.name), value };
        Self { vm, evidence: (earlier < SHOWN).then(|| named(evidence())) }
    }
}

impl<'a> Uses<'a> {
    pub fn learn(&mut self, facts: &Facts, vm: &'a Vm, domain: &Domain) {
        for console in consoles(domain) {
            match console.exposed(facts) {
                Ok(None) => {}
                Ok(Some(exposed)) => self.consoles.push(ConsoleUse {
                    used: Used::new(vm, self.consoles.len(), || exposed.evidence(domain)),
                    protocol: console.protocol,
                    by_default: exposed.key().is_some(),
                }),
                Err(gap) => {
                    self.console_gap.get_or_insert(gap);
                }
            }
        }
        for name in CHARACTER_DEVICES {
            for device in domain.devices(name).filter(|device| device.attribute("type") == Some("tcp")) {
                self.learn_tcp(vm, domain, device);
            }
        }
        for device in domain.devices("rng") {
            if let Some(backend) = child(device, "backend").filter(|node| node.attribute("type") == Some("tcp")) {
                self.learn_tcp(vm, domain, backend);
            }
        }
        for disk in domain.devices("disk") {
            if let Some(source) = child(disk, "source").filter(|node| node.attribute("protocol") == Some("nbd"))
                && !children(source, "host").any(is_local)
            {
                let used = Used::new(vm, self.nbd.len(), || domain.evidence(source, "protocol"));
                self.nbd.push(Wire { used, tls: tls(source) });
            }
        }
        for tpm in domain.devices("tpm") {
            if let Some(backend) = child(tpm, "backend").filter(|node| node.attribute("type") == Some("emulator")) {
                self.tpm.push(Used::new(vm, self.tpm.len(), || domain.evidence(backend, "type")));
            }
        }
        let device = domain.devices("hostdev").find(|device| device.attribute("type") == Some("pci"));
        let interface = || domain.devices("interface").find(|device| device.attribute("type") == Some("hostdev"));
        if let Some(device) = device.or_else(interface) {
            self.pci.push(Used::new(vm, self.pci.len(), || domain.evidence(device, "type")));
        }
    }

    /// `<source mode='connect' host='192.0.2.1' service='5555' tls='yes'/>`. Two of them may stand there, for UDP.
    fn learn_tcp(&mut self, vm: &'a Vm, domain: &Domain, device: Node) {
        if let Some(source) = children(device, "source").find(|source| !is_local(*source)) {
            let used = Used::new(vm, self.tcp.len(), || domain.evidence(source, "host"));
            self.tcp.push(Wire { used, tls: tls(source) });
        }
    }
}

fn tls(source: Node) -> Option<bool> {
    source.attribute("tls").map(|value| value == "yes")
}

/// The other end is on this host, or a Unix socket.
fn is_local(node: Node) -> bool {
    node.attribute("transport") == Some("unix")
        || node.attribute("host").or_else(|| node.attribute("name")).is_some_and(is_loopback)
}

/// The VMs' names for a message, each once; of many the first.
pub(super) fn names<'u, 'a: 'u>(uses: impl IntoIterator<Item = &'u Used<'a>>) -> String {
    const NAMED: usize = 5;
    let names: BTreeSet<&str> = uses.into_iter().map(|used| used.vm.name.as_str()).collect();
    let first = names.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}
