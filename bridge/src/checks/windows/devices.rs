// SPDX-License-Identifier: LGPL-2.1-or-later
//! Devices that Windows has signed `VirtIO` drivers for, and the IOMMU.

use roxmltree::Node;

use super::only;
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Severity, Verdict};
use crate::policy::Profile;

/// Devices that a message names.
const NAMED: usize = 8;

pub static VIRTIO: Check = Check {
    id: "win.virtio-drivers",
    title: "Windows uses VirtIO disks and network interfaces",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Devices,
    basis: &["enabling-standard-hardware-security-on-windows-virtual-machines"],
    why: "Emulated disks and network cards are more and older code that a guest can attack in QEMU. Memory integrity in Windows needs drivers \
          that are signed by Microsoft (WHQL), which those of Red Hat's virtio-win package are.",
    fix: "In the guest, install the newest drivers of virtio-win. Then add a small VirtIO disk, start Windows once so that it loads the driver, \
          and run `virt-xml VM --edit target=sda --disk target.bus=virtio` and `virt-xml VM --edit --network model=virtio`.",
    impact: "Windows does not start from a disk whose driver it has not loaded before. A new network card asks for its addresses anew.",
    apply: Apply::Manual,
    needs: "//disk, //controller, //interface and the guest's operating system in the definition; the drivers' versions stand in the guest",
    judge: Judge::Definition(|_, vm, domain| only(vm, domain, || Ok(virtio(domain)))),
};

fn virtio(domain: &Domain) -> Verdict {
    let mut emulated: Vec<(String, Evidence)> = Vec::new();
    let mut more = 0_usize;
    let emulated_scsi = has_emulated_scsi(domain);
    let mut add = |name: &str, node: Node, attribute: &str| {
        if emulated.len() < NAMED {
            emulated.push((name.to_owned(), domain.evidence(node, attribute)));
        } else {
            more += 1;
        }
    };
    for disk in domain.devices("disk").filter(|disk| matches!(disk.attribute("device"), None | Some("disk" | "lun"))) {
        let Some(target) = child(disk, "target") else { continue };
        let name = target.attribute("dev").unwrap_or("a disk");
        match target.attribute("bus") {
            Some("virtio") => {}
            Some("scsi") if !emulated_scsi => {}
            _ => add(name, target, "bus"),
        }
    }
    for interface in domain.devices("interface").filter(|interface| interface.attribute("type") != Some("hostdev")) {
        match child(interface, "model") {
            Some(model) if model.attribute("type").is_some_and(|kind| kind.starts_with("virtio")) => {}
            Some(model) => add("a network interface", model, "type"),
            None => add("a network interface", interface, "type"),
        }
    }
    if emulated.is_empty() {
        return Verdict::pass(
            "Disks and network interfaces are VirtIO; look in the guest that their drivers are the newest.",
        );
    }
    let names: Vec<&str> = emulated.iter().map(|(name, _)| name.as_str()).collect();
    let and = if more > 0 { format!(" and {more} more") } else { String::new() };
    Verdict::info(format!("These devices of the Windows guest are emulated: {}{and}.", names.join(", ")))
        .because(emulated.into_iter().map(|(_, evidence)| evidence))
}

/// libvirt's SCSI controllers are `VirtIO` unless the definition names another model.
fn has_emulated_scsi(domain: &Domain) -> bool {
    let mut controllers =
        domain.devices("controller").filter(|controller| controller.attribute("type") == Some("scsi"));
    controllers.any(|controller| controller.attribute("model").is_some_and(|model| !model.starts_with("virtio")))
}

pub static DMA_PROTECTION: Check = Check {
    id: "win.dma-protection",
    title: "The Windows guest has an IOMMU",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://eventsentry.com/validationscripts/guid/b056102b-3477-4a44-bda9-536330033264"],
    why: "With an IOMMU Windows can also reach the level `Secure Boot and DMA protection`, in which a device that was handed to the guest cannot \
          read all of its memory. Most guests have no such device.",
    fix: "Run `virsh edit VM` and add `<iommu model='intel'><driver intremap='on'/></iommu>` to the devices, and `<ioapic driver='qemu'/>` to the features.",
    impact: "Disk and network become slower.",
    apply: Apply::Manual,
    needs: "//iommu and the guest's operating system in the definition",
    judge: Judge::Definition(|_, vm, domain| {
        only(vm, domain, || {
            Ok(match domain.devices("iommu").next() {
                Some(iommu) => {
                    Verdict::info("The VM has an IOMMU, so that Windows can protect its memory from devices.")
                        .because([domain.evidence(iommu, "model")])
                }
                None => Verdict::info("The VM has no IOMMU; Windows then reaches all levels but DMA protection.")
                    .because([domain.absence("devices/iommu")]),
            })
        })
    }),
};
