// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which other devices an assigned PCI device can reach behind the IOMMU's back.

use std::collections::BTreeMap;

use super::disks::is_read;
use super::{Tally, not_known};
use crate::checks::assigned::{PciAssignment, names};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::pci::PciDevice;
use crate::facts::{Facts, Vm};
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

/// Bridges pass on what devices send, and have no data of their own.
const BRIDGE: u32 = 0x06;

fn group(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let Some(assigned) = neighbours.assigned.of_vm.get(vm.uuid.as_str()) else {
        is_read(vm)?;
        return Ok(Verdict::not_applicable("The VM is given no PCI device of the host."));
    };
    let devices = facts.host.pci_devices.get()?;
    let mut tally = Tally::default();
    for device in assigned {
        one(device, assigned, devices, vm, neighbours, &mut tally);
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
    devices: &BTreeMap<String, PciDevice>,
    vm: &Vm,
    neighbours: &Neighbours,
    tally: &mut Tally,
) {
    let address = device.address.as_str();
    let place = |verdict: Verdict| verdict.and(device.origin.as_str(), address);
    let others = |address: &str| {
        let users = neighbours.assigned.pci.get(address).map_or(&[][..], Vec::as_slice);
        users.iter().copied().filter(|user| user.uuid != vm.uuid).collect::<Vec<_>>()
    };
    let same = others(address);
    if !same.is_empty() {
        tally.add(Outcome::Fail, || {
            place(Verdict::fail(format!("The device {address} is given to other VMs too: {}.", names(&same))))
        });
    }
    let Some(known) = devices.get(address) else {
        tally.add(Outcome::Info, || place(Verdict::info(format!("The host has no device {address} now."))));
        return;
    };
    let Some(group) = known.iommu_group else {
        tally.add(Outcome::Fail, || {
            let message =
                format!("The device {address} is in no IOMMU group: nothing keeps it from the host's memory.");
            place(Verdict::fail(message)).and(format!("/sys/bus/pci/devices/{address}/iommu_group"), "(does not exist)")
        });
        return;
    };
    let peers = devices.iter().filter(|(peer, known)| {
        known.iommu_group == Some(group)
            && known.base_class() != BRIDGE
            && !assigned.iter().any(|own| own.address == **peer)
    });
    for (peer, known) in peers {
        let users = others(peer);
        let driver = known.driver.as_deref().unwrap_or("none");
        let place = |verdict: Verdict| {
            place(verdict)
                .and(format!("/sys/kernel/iommu_groups/{group}/devices"), format!("{address} and {peer}"))
                .and(format!("/sys/bus/pci/devices/{peer}/driver"), driver)
        };
        if !users.is_empty() {
            tally.add(Outcome::Fail, || {
                let users = names(&users);
                place(Verdict::fail(format!(
                    "The device {address} shares the IOMMU group {group} with {peer}, which is given to: {users}."
                )))
            });
        } else if !known.is_set_apart() {
            // VFIO does not open such a group, so that the guest never has the device while the host drives the other.
            tally.add(Outcome::Warn, || {
                place(Verdict::warn(format!(
                    "The device {address} shares the IOMMU group {group} with {peer}, which the host drives itself ({driver})."
                )))
            });
        }
    }
}
