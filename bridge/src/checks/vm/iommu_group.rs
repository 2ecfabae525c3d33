// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which other devices an assigned PCI device can reach behind the IOMMU's back.

use std::collections::BTreeMap;

use super::is_read;
use super::{Tally, not_known};
use crate::checks::assigned::{PciAssignment, others};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::iommu::IommuGroup;
use crate::facts::pci::PciDevice;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static GROUP: Check = Check {
    id: "vm.hostdev-iommu-group",
    title: "Devices that the VM is given share an IOMMU group with nothing else",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Devices,
    basis: &["https://docs.kernel.org/driver-api/vfio.html"],
    why: "Devices in one IOMMU group can read and write each other's memory without passing the IOMMU. A guest with one of them reaches the \
          others: the other VM's, or the host's own.",
    fix: "Move the device to a slot with a group of its own, or give all devices of the group to the same VM. Give no device to two VMs. \
          `find /sys/kernel/iommu_groups/ -type l` shows the groups.",
    impact: "Devices that are given to the VM are lost to the host.",
    apply: Apply::Manual,
    needs: "//hostdev and //interface in the definitions of all VMs, iommu_group and driver in /sys/bus/pci/devices",
    judge: Judge::Vm(group),
};

struct Host<'a> {
    devices: &'a BTreeMap<String, PciDevice>,
    groups: &'a BTreeMap<String, IommuGroup>,
}

/// Bridges pass on what devices send, and have no data of their own.
const BRIDGE: u32 = 0x06;

fn group(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let Some(assigned) = neighbours.assigned.of_vm.get(vm.uuid.as_str()) else {
        is_read(vm)?;
        return Ok(Verdict::not_applicable("The VM is given no PCI device of the host."));
    };
    let host = Host { devices: facts.host.pci_devices.get()?, groups: facts.host.iommu.groups.get()? };
    let mut tally = Tally::default();
    for device in assigned {
        one(device, assigned, &host, vm, neighbours, &mut tally);
    }
    if let Err(gap) = is_read(vm).and_then(|()| neighbours.all_known(facts)) {
        tally.add(Outcome::Unknown, || not_known("Which devices other VMs are given", &gap));
    }
    Ok(tally.finish(|| {
        let verdict = Verdict::pass(
            "Nothing else than this VM's devices is in the IOMMU groups of the devices that it is given.",
        );
        assigned.iter().fold(verdict, |verdict, device| verdict.and(device.origin.as_str(), device.address.as_str()))
    }))
}

fn one(
    device: &PciAssignment,
    assigned: &[PciAssignment],
    host: &Host,
    vm: &Vm,
    neighbours: &Neighbours,
    tally: &mut Tally,
) {
    let address = device.address.as_str();
    let place = |verdict: Verdict| verdict.and(device.origin.as_str(), address);
    if let Some(users) = others(users(neighbours, address), vm, true) {
        tally.add(Outcome::Fail, || {
            place(Verdict::fail(format!("The device {address} is given to other VMs too: {users}.")))
        });
    }
    let Some(known) = host.devices.get(address) else {
        tally.add(Outcome::Info, || place(Verdict::info(format!("The host has no device {address} now."))));
        return;
    };
    let Some(group) = &known.iommu_group else {
        tally.add(Outcome::Fail, || {
            let message =
                format!("The device {address} is in no IOMMU group: nothing keeps it from the host's memory.");
            place(Verdict::fail(message)).and(format!("/sys/bus/pci/devices/{address}/iommu_group"), "(does not exist)")
        });
        return;
    };
    let origin = format!("/sys/kernel/iommu_groups/{group}/devices");
    let Some(members) = host.groups.get(group) else {
        let gap = Gap::new(origin, format!("the group {group} was not read"));
        tally.add(Outcome::Unknown, || not_known(&format!("What shares the IOMMU group of {address}"), &gap));
        return;
    };
    for peer in members.devices.iter().filter(|peer| !assigned.iter().any(|own| own.address == **peer)) {
        let known = host.devices.get(peer);
        let Some((outcome, what)) = danger(known, others(users(neighbours, peer), vm, false)) else { continue };
        tally.add(outcome, || {
            let message = format!("The device {address} shares the IOMMU group {group} with {peer}, which {what}.");
            let verdict = place(Verdict::new(outcome, message)).and(origin.as_str(), format!("{address} and {peer}"));
            match known.and_then(|known| known.driver.as_deref()) {
                Some(driver) => verdict.and(format!("/sys/bus/pci/devices/{peer}/driver"), driver),
                None => verdict,
            }
        });
    }
}

fn users<'b, 'a>(neighbours: &'b Neighbours<'a>, address: &str) -> &'b [&'a Vm] {
    neighbours.assigned.pci.get(address).map_or(&[][..], Vec::as_slice)
}

/// What is wrong with another device in the same group.
fn danger(peer: Option<&PciDevice>, users: Option<String>) -> Option<(Outcome, String)> {
    let Some(peer) = peer else { return Some((Outcome::Warn, "is no PCI device".to_owned())) };
    if peer.base_class() == BRIDGE {
        None
    } else if let Some(users) = users {
        Some((Outcome::Fail, format!("is given to: {users}")))
    } else if peer.is_set_apart() {
        None
    } else {
        // VFIO does not open such a group, so that the guest never has the device while the host drives the other.
        let driver = peer.driver.as_deref().unwrap_or("none");
        Some((Outcome::Warn, format!("the host drives itself ({driver})")))
    }
}
