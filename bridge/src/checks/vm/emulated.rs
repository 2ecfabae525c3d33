// SPDX-License-Identifier: LGPL-2.1-or-later
//! Network cards and disk controllers that imitate real ones.

use super::{Tally, arch, is_x86, not_known};
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static NIC: Check = Check {
    id: "vm.legacy-nic",
    title: "The VM's network cards are virtio",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &[
        "https://nvd.nist.gov/vuln/detail/CVE-2021-3416",
        "https://libvirt.org/formatdomain.html#setting-the-nic-model",
    ],
    why: "A card that imitates a real one is old code that guests could send into endless loops or break out through \
          (CVE-2021-3416 in most of them, CVE-2021-20257 in e1000). A virtio card is simpler, and its packets are mostly handled by the \
          kernel instead of the QEMU process.",
    fix: "Install the guest's virtio driver (Linux has it; for Windows see virtio-win), then run `virt-xml VM --edit --network \
          model=virtio`, shut the VM down and start it again.",
    impact: "A guest without the driver has no network. Windows takes the card for a new one and forgets fixed addresses.",
    apply: Apply::NextStart,
    needs: "//interface in the definition",
    judge: Judge::Definition(|facts, _, domain| Ok(nic(facts, domain))),
};

fn nic(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let (mut any, mut other) = (false, false);
    for interface in domain.devices("interface") {
        // A part of a real card, or another program, handles the packets.
        if matches!(interface.attribute("type"), Some("hostdev" | "vdpa" | "vhostuser")) {
            other = true;
            continue;
        }
        any = true;
        let Some(model) = child(interface, "model") else {
            if arch(facts, domain).is_ok_and(|arch| !is_x86(arch)) {
                continue;
            }
            tally.add(Outcome::Unknown, || {
                let reason = "the definition names none, so that libvirt will choose one";
                not_known("The model of a network card", &Gap::new(domain.path(interface), reason))
            });
            continue;
        };
        let kind = model.attribute("type").unwrap_or("");
        if kind.starts_with("virtio") || matches!(kind, "spapr-vlan" | "netfront") {
            continue;
        }
        tally.add(Outcome::Warn, || {
            let mac = child(interface, "mac").and_then(|mac| mac.attribute("address")).unwrap_or("without an address");
            Verdict::warn(format!("The network card {mac} imitates a real one ({kind})."))
                .because([domain.evidence(model, "type")])
        });
    }
    tally.finish(|| match (any, other) {
        (true, _) => Verdict::pass("Each network card that QEMU makes is paravirtual."),
        (false, true) => {
            Verdict::not_applicable("QEMU handles no packets of this VM: its network is a device of the host's.")
        }
        (false, false) => Verdict::pass("The VM has no network card."),
    })
}

pub static DISK_BUS: Check = Check {
    id: "vm.legacy-disk-bus",
    title: "The VM has no outdated disk controller",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[
        "https://nvd.nist.gov/vuln/detail/CVE-2021-3392",
        "https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms",
    ],
    why: "Controllers that imitate real hardware of the nineties are old code, seldom used and seldom looked at. Guests could break out \
          through them or crash QEMU (CVE-2021-3392, CVE-2021-3409, CVE-2021-3930).",
    fix: "Install the guest's virtio driver first. Then run `virsh edit VM`, set the bus of the disk to `virtio` (a CD drive's to `sata`) \
          and the model of a SCSI controller to `virtio-scsi`, and delete the disk's `<address>`.",
    impact: "A guest without the driver does not start. Names of disks in the guest change, for example from sda to vda.",
    apply: Apply::NextStart,
    needs: "//disk and //controller in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(disk_bus(domain))),
};

fn disk_bus(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    for target in domain.devices("disk").filter_map(|disk| child(disk, "target")) {
        let Some(bus) = target.attribute("bus").filter(|bus| matches!(*bus, "ide" | "fdc" | "usb" | "sd")) else {
            continue;
        };
        tally.add(Outcome::Warn, || {
            let name = target.attribute("dev").unwrap_or("without a name");
            Verdict::warn(format!("The disk {name} is on an outdated controller ({bus})."))
                .because([domain.evidence(target, "bus")])
        });
    }
    for controller in domain.devices("controller").filter(|controller| controller.attribute("type") == Some("scsi")) {
        match controller.attribute("model") {
            Some(
                model @ ("lsilogic" | "lsisas1068" | "lsisas1078" | "buslogic" | "ncr53c90" | "am53c974" | "dc390"),
            ) => tally.add(Outcome::Warn, || {
                Verdict::warn(format!("A SCSI controller of the VM is of an outdated model ({model})."))
                    .because([domain.evidence(controller, "model")])
            }),
            None | Some("auto") => tally.add(Outcome::Unknown, || {
                let reason = "the definition names none, so that libvirt will choose one";
                not_known("The model of a SCSI controller", &Gap::new(domain.path(controller), reason))
            }),
            Some(_) => {}
        }
    }
    tally.finish(|| Verdict::pass("No disk is on an outdated controller."))
}
