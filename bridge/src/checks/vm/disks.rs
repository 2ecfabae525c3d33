// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disks: floppy drives, and who shares an image.

use roxmltree::Node;

use super::{Tally, is_read, machine};
use crate::checks::domain::child;
use crate::checks::neighbours::DiskUser;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Link, Vm};
use crate::policy::Profile;

pub static FLOPPY: Check = Check {
    id: "vm.floppy",
    title: "The VM has no floppy drive",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &[
        "https://github.com/vmware/vcf-security-and-compliance-guidelines",
        "https://libvirt.org/formatdomain.html",
    ],
    why: "QEMU's floppy controller is old code that guests could break out through (CVE-2015-3456, called VENOM) or crash it with \
          (CVE-2021-3507). Nobody needs it to run a guest of today.",
    fix: "Run `virt-xml VM --remove-device --disk device=floppy`, and delete `<controller type='fdc'/>` with `virsh edit VM`. \
          The i440FX machine keeps a controller in its chipset; only the Q35 machine type has none.",
    impact: "The guest loses its floppy drive. Old Windows installations that load drivers from it need a CD image instead.",
    apply: Apply::NextStart,
    needs: "//disk, //controller and the machine type in the definition",
    judge: Judge::Definition(|_, _, domain| floppy(domain)),
};

fn floppy(domain: &Domain) -> Judged {
    let mut tally = Tally::default();
    for disk in domain.devices("disk").filter(|disk| disk.attribute("device") == Some("floppy")) {
        tally.add(Outcome::Fail, || {
            Verdict::fail(format!("The VM has a floppy drive ({}).", target(disk)))
                .because([domain.evidence(disk, "device")])
        });
    }
    for controller in domain.devices("controller").filter(|controller| controller.attribute("type") == Some("fdc")) {
        tally.add(Outcome::Fail, || {
            Verdict::fail("The VM has a floppy controller.").because([domain.evidence(controller, "type")])
        });
    }
    if let Some(bad) = tally.found() {
        return Ok(bad);
    }
    let machine = machine(domain)?;
    let evidence = domain.find("os/type").map(|node| domain.evidence(node, "machine"));
    // QEMU calls the i440FX machine `pc`, and older ones `pc-1.0`.
    let chipset = machine == "isapc" || machine.starts_with("pc") && !machine.contains("q35");
    Ok(if chipset {
        Verdict::info(format!("The VM has no floppy drive, but its machine type {machine} keeps a floppy controller."))
            .because(evidence)
    } else {
        Verdict::pass("The VM has neither a floppy drive nor a floppy controller.").because(evidence)
    })
}

/// How the guest's side of a disk is called: `sda`.
pub(super) fn target<'a>(disk: Node<'a, '_>) -> &'a str {
    child(disk, "target").and_then(|target| target.attribute("dev")).unwrap_or("no target")
}

pub static SHAREABLE: Check = Check {
    id: "vm.disk-shareable",
    title: "No writable disk is shared with other VMs",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &["https://libvirt.org/drvqemu.html"],
    why: "A disk with `<shareable/>` gets a label that all VMs of the host may write: SELinux no longer keeps them away from it. A guest \
          that breaks out, in whichever VM, can change this disk, and with it the other VMs that start from it or trust what is on it.",
    fix: "Run `virsh edit VM` and delete `<shareable/>` from the disk, or add `<readonly/>` where the VM only reads. Keep it for \
          a cluster file system only.",
    impact: "VMs that really write one disk together do not start together any more.",
    apply: Apply::NextStart,
    needs: "//disk in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for disk in domain.devices("disk") {
            let Some(shareable) = child(disk, "shareable") else { continue };
            // libvirt makes a CD drive read-only even where the definition does not say so.
            if child(disk, "readonly").is_some() || disk.attribute("device") == Some("cdrom") {
                continue;
            }
            tally.add(Outcome::Fail, || {
                let message = format!(
                    "The disk {} is writable and shareable, so every VM on this host may write it.",
                    target(disk)
                );
                Verdict::fail(message).and(domain.path(shareable), "present")
            });
        }
        Ok(tally.finish(|| Verdict::pass("No writable disk is marked as shareable.")))
    }),
};

pub static DUPLICATE_SOURCE: Check = Check {
    id: "vm.disk-duplicate-source",
    title: "No other VM writes the same disk",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &["https://libvirt.org/drvqemu.html", "https://libvirt.org/kbase/locking-lockd.html"],
    why: "Two VMs that write one image destroy its file system. And each of them reads and changes the other's data: who controls one \
          guest controls both.",
    fix: "Detach the disk from one of the VMs with `virsh detach-disk VM TARGET --config`, or give it a copy: \
          `virsh vol-clone --pool POOL VOLUME COPY`. Turn on lock_manager in /etc/libvirt/qemu.conf, so that the second VM does not start.",
    impact: "The VM loses what only stands on this disk; look first which VM the data belongs to.",
    apply: Apply::Manual,
    needs: "//disk in the definitions of all VMs, and the headers of their images",
    judge: Judge::Vm(duplicate_source),
};

/// No more of the VMs that share one disk are named; a hundred clones of one image would otherwise name each other.
const NAMED: usize = 5;

fn duplicate_source(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let mut tally = Tally::default();
    let disks = neighbours.disks.get(vm.uuid.as_str()).map_or(&[][..], Vec::as_slice);
    for disk in disks {
        let users = neighbours.disk_users.get(disk).map_or(&[][..], Vec::as_slice);
        let Some(own) = users.iter().find(|user| user.vm.uuid == vm.uuid) else { continue };
        let clash = |other: &&DiskUser| !(own.shareable && other.shareable || own.behind && other.behind);
        let others = users.iter().filter(|other| other.vm.uuid != vm.uuid).filter(clash);
        for other in others.take(NAMED) {
            tally.add(Outcome::Fail, || {
                let (path, other_vm) = (own.path.as_str(), other.vm.name.as_str());
                let message = match (own.behind, other.behind) {
                    (false, false) => format!("The disk {path} is writable in the VM {other_vm} too."),
                    (false, true) => format!(
                        "The disk {path} lies behind a disk of the VM {other_vm}, which reads what this VM writes."
                    ),
                    _ => format!("{path} lies behind a disk of this VM, and the VM {other_vm} writes it."),
                };
                Verdict::fail(message)
                    .and(own.origin.as_str(), path)
                    .and(format!("{} of {}", other.origin, other.vm.name), other.path.as_str())
            });
        }
    }
    if let Some(bad) = tally.found() {
        return Ok(bad);
    }
    is_read(vm)?;
    if disks.is_empty() {
        return Ok(Verdict::pass("The VM has no writable disk."));
    }
    if let Some(gap) = neighbours.chains.get(vm.uuid.as_str()) {
        return Err(gap.clone());
    }
    if facts.libvirt.link != Link::Connected {
        return Err(Gap::new("libvirt", "the other VMs of the host were not read"));
    }
    if let Some(gap) = &neighbours.unread {
        return Err(gap.clone());
    }
    Ok(Verdict::pass("No other VM of this connection writes a disk of this VM."))
}
