// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether `VirtIO` devices use only memory that a protected guest shares on purpose.
//!
//! QEMU since 6.0 sets `iommu_platform=on` for all `VirtIO` devices of a machine with confidential guest support (`hw/core/machine.c`);
//! what the definition says still counts before that.

use roxmltree::Node;

use crate::checks::domain::child;
use crate::checks::vm::Tally;
use crate::checks::{Domain, Outcome, Verdict};

const KINDS: [&str; 9] =
    ["disk", "interface", "controller", "memballoon", "rng", "input", "video", "filesystem", "vsock"];

/// The failure, where a device has its IOMMU switched off.
pub(in crate::checks) fn off(domain: &Domain) -> Option<Verdict> {
    let mut tally = Tally::default();
    for (device, driver) in drivers(domain) {
        if driver.attribute("iommu") == Some("off") {
            tally.add(Outcome::Fail, || {
                let name = device.tag_name().name();
                Verdict::fail(format!(
                    "The IOMMU of a VirtIO device ({name}) is switched off, so that it cannot work in a protected guest."
                ))
                .because([domain.evidence(driver, "iommu")])
            });
        }
    }
    tally.found()
}

/// Whether the definition itself switches it on for each device that has a `<driver>`, and for at least one.
pub(super) fn all_on(domain: &Domain) -> bool {
    let mut any = false;
    let virtio = KINDS.iter().flat_map(|kind| domain.devices(kind)).filter(|device| is_virtio(*device));
    for device in virtio {
        any = true;
        if child(device, "driver").is_none_or(|driver| driver.attribute("iommu") != Some("on")) {
            return false;
        }
    }
    any
}

fn drivers<'a, 'i>(domain: &'a Domain<'i>) -> impl Iterator<Item = (Node<'a, 'i>, Node<'a, 'i>)> + 'a {
    let devices = KINDS.iter().flat_map(|kind| domain.devices(kind));
    devices.filter_map(|device| Some((device, child(device, "driver")?)))
}

fn is_virtio(device: Node) -> bool {
    let of = |name: &str, attribute: &str| child(device, name).and_then(|node| node.attribute(attribute));
    let kind = match device.tag_name().name() {
        "disk" => of("target", "bus"),
        "interface" | "video" => of("model", "type"),
        "controller" if device.attribute("type") == Some("virtio-serial") => Some("virtio"),
        "input" => device.attribute("bus"),
        "filesystem" => Some("virtio"),
        _ => device.attribute("model"),
    };
    kind.is_some_and(|kind| kind.starts_with("virtio"))
}
