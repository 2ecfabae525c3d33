// SPDX-License-Identifier: LGPL-2.1-or-later
//! Devices of the host that definitions give to VMs, by the names that the kernel has for them.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Node;

use super::domain::{child, children};
use super::{Domain, Evidence, Neighbours};
use crate::facts::{Facts, Gap, Vm};

/// Which VMs are given which device.
#[derive(Default)]
pub struct Assigned<'a> {
    /// PCI address to the VMs that are given the device.
    pub pci: BTreeMap<String, Vec<&'a Vm>>,
    /// UUID to the PCI devices that the VM is given.
    pub of_vm: BTreeMap<&'a str, Vec<PciAssignment>>,
    /// The VMs that are given a device that itself reaches memory: PCI or mediated.
    pub users: Vec<&'a Vm>,
    /// The first of them, and where its definition says so.
    pub first: Option<Evidence>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PciAssignment {
    /// As the kernel writes it: `0000:03:00.0`.
    pub address: String,
    /// `XPath` of the device.
    pub origin: String,
}

impl<'a> Assigned<'a> {
    pub(super) fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        let mut devices = Vec::new();
        let mut first = None;
        let mut seen = BTreeSet::new();
        for domain in [live, stored].into_iter().flatten() {
            for node in domain.devices("hostdev").chain(domain.devices("interface")) {
                if let Some(address) = pci_address(node) {
                    if first.is_none() {
                        first = Some(domain.evidence(node, "type"));
                    }
                    if seen.insert(address.clone()) {
                        devices.push(PciAssignment { address, origin: domain.path(node) });
                    }
                } else if first.is_none() && is_mediated_pci(node) {
                    first = Some(domain.evidence(node, "type"));
                }
            }
        }
        if let Some(evidence) = first {
            self.users.push(vm);
            self.first
                .get_or_insert_with(|| Evidence { origin: format!("{}: {}", vm.name, evidence.origin), ..evidence });
        }
        for device in &devices {
            self.pci.entry(device.address.clone()).or_default().push(vm);
        }
        if !devices.is_empty() {
            self.of_vm.insert(&vm.uuid, devices);
        }
    }
}

/// The VMs that are given devices of the host. That there are none is known only when all VMs are.
pub(super) fn users<'b, 'a>(facts: &Facts, neighbours: &'b Neighbours<'a>) -> Result<&'b [&'a Vm], Gap> {
    let users = &neighbours.assigned.users;
    if users.is_empty() {
        neighbours.all_known(facts)?;
    }
    Ok(users)
}

/// No more VMs are named in a message: thousands may have one device in their definitions.
const NAMED: usize = 5;

/// A few of the VMs, for a message.
pub(super) fn names(vms: &[&Vm]) -> String {
    listed(vms.iter().map(|vm| vm.name.as_str()), vms.len())
}

/// A few of the users of something beside one VM, which is `among` them or not; `None` when there are no others.
pub(super) fn others(users: &[&Vm], own: &Vm, among: bool) -> Option<String> {
    let count = users.len().saturating_sub(usize::from(among));
    let others = users.iter().filter(|user| user.uuid != own.uuid).map(|user| user.name.as_str());
    (count > 0).then(|| listed(others, count))
}

fn listed<'a>(names: impl Iterator<Item = &'a str>, count: usize) -> String {
    let few = names.take(NAMED).collect::<Vec<_>>().join(", ");
    match count.saturating_sub(NAMED) {
        0 => few,
        more => format!("{few} and {more} more"),
    }
}

/// A mediated device that is a part of a PCI device. Those of IBM Z reach memory through the channel subsystem instead.
fn is_mediated_pci(node: Node) -> bool {
    node.attribute("type") == Some("mdev") && !matches!(node.attribute("model"), Some("vfio-ap" | "vfio-ccw"))
}

/// The address of the PCI device that a `<hostdev>` or an `<interface type='hostdev'>` gives away.
pub(super) fn pci_address(node: Node) -> Option<String> {
    let kind = node.attribute("type");
    let given = match node.tag_name().name() {
        "hostdev" => kind == Some("pci"),
        "interface" => kind == Some("hostdev"),
        _ => false,
    };
    if !given {
        return None;
    }
    let address = children(child(node, "source")?, "address").find(|node| node.attribute("type") != Some("usb"))?;
    let part = |name| address.attribute(name).and_then(number);
    let (domain, bus) = (part("domain").unwrap_or(0), part("bus")?);
    let (slot, function) = (part("slot")?, part("function").unwrap_or(0));
    Some(format!("{domain:04x}:{bus:02x}:{slot:02x}.{function:x}"))
}

/// A number as libvirt reads it: hexadecimal after `0x`, octal after `0`.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_becomes_the_kernels_name() {
        let address = |attributes: &str| {
            let text = format!("<hostdev type='pci'><source><address {attributes}/></source></hostdev>");
            pci_address(roxmltree::Document::parse(&text).unwrap().root_element())
        };
        assert_eq!(address("domain='0x0001' bus='0xaf' slot='0x1f' function='0x7'").unwrap(), "0001:af:1f.7");
        assert_eq!(address("bus='10' slot='010'").unwrap(), "0000:0a:08.0");
        for hostile in ["slot='1'", "bus='x' slot='1'", "bus='99999999999' slot='1'", "bus='0x' slot='1'"] {
            assert_eq!(address(hostile), None, "{hostile}");
        }
    }
}
