// SPDX-License-Identifier: LGPL-2.1-or-later
//! Devices of the host that the VM is given: PCI, USB, SCSI and mediated ones.

use roxmltree::Node;

use super::Tally;
use crate::checks::assigned::{number, pci_address};
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::Facts;
use crate::facts::pci::PciDevice;
use crate::facts::usb::UsbDevice;
use crate::policy::Profile;

const PASSTHROUGH: &str = "https://docs.kernel.org/driver-api/vfio.html";
const KUBEVIRT: &str = "https://github.com/ComplianceAsCode/content";

pub static PCI: Check = Check {
    id: "vm.hostdev-pci",
    title: "The VM has no PCI device of the host",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Devices,
    basis: &[
        KUBEVIRT,
        "https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html",
        PASSTHROUGH,
    ],
    why: "The guest drives the hardware itself: only the IOMMU stands between its DMA and the host's memory. It can change the device's \
          firmware, which stays changed when the device goes back to the host or to another VM. Nothing of what it does is seen or \
          filtered by the host.",
    fix: "Where the VM does not need it, run `virsh detach-device VM DEVICE.xml --persistent`, and use a virtio device instead. Where it does, \
          accept this finding with the reason, and give the device to no other VM.",
    impact: "The guest loses the device and its speed. It can be migrated again.",
    apply: Apply::Manual,
    needs: "//hostdev and //interface in the definition; /sys/bus/pci/devices to name the device",
    judge: Judge::Definition(|facts, _, domain| {
        let mut tally = Tally::default();
        for node in domain.devices("hostdev").chain(domain.devices("interface")) {
            let kind = node.attribute("type");
            if !matches!((node.tag_name().name(), kind), ("hostdev", Some("pci")) | ("interface", Some("hostdev"))) {
                continue;
            }
            tally.add(Outcome::Warn, || {
                let message = match pci_address(node) {
                    Some(address) => {
                        let devices = facts.host.pci_devices.value();
                        let what = devices.and_then(|devices| devices.get(&address)).map(described).unwrap_or_default();
                        format!("The VM is given the PCI device {address} of the host{what}.")
                    }
                    None => "The VM is given a PCI device of the host.".to_owned(),
                };
                Verdict::warn(message).because([domain.evidence(node, "type")])
            });
        }
        Ok(tally.finish(|| Verdict::pass("The VM is given no PCI device of the host.")))
    }),
};

/// ` (display controller)`, or nothing where the class has no name that helps.
fn described(device: &PciDevice) -> String {
    let class = match device.base_class() {
        0x01 => "storage controller",
        0x02 => "network controller",
        0x03 => "display controller",
        0x04 => "multimedia device",
        0x0c => "bus controller",
        0x10 => "encryption device",
        0x12 => "accelerator",
        _ => "",
    };
    match (&device.physical_function, class) {
        (Some(card), _) => format!(" (a virtual function of {card})"),
        (None, "") => String::new(),
        (None, class) => format!(" ({class})"),
    }
}

pub static USB: Check = Check {
    id: "vm.hostdev-usb",
    title: "The VM has no USB device of the host",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &[KUBEVIRT, "https://libvirt.org/formatdomain.html"],
    why: "QEMU's USB code has been a way out of VMs (CVE-2020-14364). And a device remembers: a guest can change its firmware or what is \
          stored on it, and whoever plugs it in next, the host too, meets what the guest left there.",
    fix: "Run `virsh detach-device VM DEVICE.xml --persistent`. Give the VM a virtual disk or a network share instead of a USB disk.",
    impact: "The guest loses the device.",
    apply: Apply::Live,
    needs: "//hostdev in the definition; /sys/bus/usb/devices to say what the device is",
    judge: Judge::Definition(|facts, _, domain| {
        let mut tally = Tally::default();
        for node in domain.devices("hostdev").filter(|node| node.attribute("type") == Some("usb")) {
            tally.add(Outcome::Warn, || {
                let what = usb_device(facts, node).map(kind_of).unwrap_or_default();
                let message = format!("The VM is given the USB device {} of the host{what}.", usb_name(node));
                Verdict::warn(message).because([domain.evidence(node, "type")])
            });
        }
        Ok(tally.finish(|| Verdict::pass("The VM is given no USB device of the host.")))
    }),
};

/// A definition names a device by vendor and product, by bus and number, or by both.
struct UsbAddress {
    product: Option<(u32, u32)>,
    place: Option<(u32, u32)>,
}

fn usb_address(node: Node) -> UsbAddress {
    let source = child(node, "source");
    let id = |name| source.and_then(|source| child(source, name)?.attribute("id")).and_then(number);
    let address = source.and_then(|source| child(source, "address"));
    let part = |name| address.and_then(|address| address.attribute(name)).and_then(number);
    UsbAddress { product: id("vendor").zip(id("product")), place: part("bus").zip(part("device")) }
}

fn usb_name(node: Node) -> String {
    match usb_address(node) {
        UsbAddress { product: Some((vendor, product)), .. } => format!("{vendor:04x}:{product:04x}"),
        UsbAddress { place: Some((bus, device)), .. } => format!("{device} on bus {bus}"),
        UsbAddress { .. } => "(without an address)".to_owned(),
    }
}

/// The device that is meant now, if it is plugged in.
fn usb_device<'a>(facts: &'a Facts, node: Node) -> Option<&'a UsbDevice> {
    let UsbAddress { product, place } = usb_address(node);
    if product.is_none() && place.is_none() {
        return None;
    }
    facts.host.usb_devices.value()?.values().find(|device| {
        product.is_none_or(|wanted| wanted == (device.vendor.into(), device.product.into()))
            && place.is_none_or(|wanted| wanted == (device.bus.into(), device.number.into()))
    })
}

/// What makes a device worse than others: the host's administrator types on it, or it carries files.
fn kind_of(device: &UsbDevice) -> &'static str {
    match (device.classes.contains(&3), device.classes.contains(&8)) {
        (true, _) => ", which is an input device such as a keyboard",
        (false, true) => ", which is a disk",
        (false, false) => "",
    }
}

pub static SCSI: Check = Check {
    id: "vm.hostdev-scsi",
    title: "The VM sends no raw SCSI commands to the host's devices",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[KUBEVIRT, "https://libvirt.org/formatdomain.html"],
    why: "With a SCSI device of the host, or a disk of the kind lun, the guest's commands go to the device or the disk array as they are. \
          Unfiltered ones can change firmware or reach other users' data, and rawio gives QEMU the capability CAP_SYS_RAWIO, which \
          weakens the barrier around all of its process.",
    fix: "Run `virsh edit VM`: delete rawio='yes' and sgio='unfiltered', and use `<disk type='block' device='disk'>` on a virtio-scsi controller \
          instead of device='lun' or a `<hostdev type='scsi'>`.",
    impact: "Tape libraries, and clusters that fence each other by persistent reservations, need these; they stop working in the guest.",
    apply: Apply::NextStart,
    needs: "//hostdev and //disk in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for node in domain.devices("hostdev").chain(domain.devices("disk")) {
            scsi(domain, node, &mut tally);
        }
        Ok(tally.finish(|| Verdict::pass("The VM sends no raw SCSI commands to a device of the host.")))
    }),
};

fn scsi(domain: &Domain, node: Node, tally: &mut Tally) {
    let is = |name, value| node.attribute(name) == Some(value);
    for (name, value, effect) in [
        ("rawio", "yes", "its QEMU has the capability CAP_SYS_RAWIO"),
        ("sgio", "unfiltered", "the kernel filters none of the guest's SCSI commands"),
    ] {
        if is(name, value) {
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!("With {name}='{value}' {effect}.")).because([domain.evidence(node, name)])
            });
        }
    }
    let (attribute, what) = match node.tag_name().name() {
        "hostdev" if is("type", "scsi") => ("type", "The VM is given a SCSI device of the host."),
        "hostdev" if is("type", "scsi_host") => ("type", "The VM is given a SCSI target of the host (vhost)."),
        "disk" if is("device", "lun") => ("device", "The guest sends SCSI commands to a disk of the host (lun)."),
        _ => ("", ""),
    };
    if !what.is_empty() {
        tally.add(Outcome::Warn, || Verdict::warn(what).because([domain.evidence(node, attribute)]));
    }
    if let Some(reservations) = child(node, "source").and_then(|source| child(source, "reservations")) {
        tally.add(Outcome::Warn, || {
            Verdict::warn("The guest makes persistent reservations on a disk of the host.")
                .because([domain.evidence(reservations, "managed")])
        });
    }
}

pub static MDEV: Check = Check {
    id: "vm.hostdev-mdev",
    title: "The VM has no part of a device that it shares with others",
    severity: Severity::Medium,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[KUBEVIRT, "https://docs.kernel.org/driver-api/vfio-mediated-device.html"],
    why: "A mediated device, such as a virtual GPU, is a share of one piece of hardware. That its users are kept apart depends on the vendor's driver, \
          a large part of the host's kernel that talks to the guest, and memory or caches of the hardware may tell one guest about another.",
    fix: "Run `virsh detach-device VM DEVICE.xml --persistent`. Give VMs of different owners shares of different devices.",
    impact: "The guest loses the device.",
    apply: Apply::NextStart,
    needs: "//hostdev in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for node in domain.devices("hostdev").filter(|node| node.attribute("type") == Some("mdev")) {
            match node.attribute("model") {
                // Crypto queues and channel devices belong to one guest; `z.crypto-ap` judges that.
                Some(model @ ("vfio-ap" | "vfio-ccw")) => tally.add(Outcome::Info, || {
                    Verdict::info(format!("The VM is given a device of IBM Z by {model}."))
                        .because([domain.evidence(node, "model")])
                }),
                _ => tally.add(Outcome::Warn, || {
                    let uuid = child(node, "source").and_then(|source| child(source, "address")?.attribute("uuid"));
                    let uuid = uuid.map(|uuid| format!(" ({uuid})")).unwrap_or_default();
                    let message = format!("The VM is given a share of a device of the host{uuid}.");
                    Verdict::warn(message).because([domain.evidence(node, "type")])
                }),
            }
        }
        Ok(tally.finish(|| Verdict::pass("The VM is given no mediated device.")))
    }),
};
