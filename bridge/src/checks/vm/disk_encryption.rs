// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether what a disk holds can be read where it is stored.

use roxmltree::Node;

use super::disks::target;
use super::{Tally, not_known};
use crate::checks::domain::child;
use crate::checks::storage::{image, source_path};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::block::BlockDevice;
use crate::facts::images::Image;
use crate::facts::meta::Kind;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static ENCRYPTION: Check = Check {
    id: "vm.disk-encryption",
    title: "Disks on remote storage are encrypted",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &["https://libvirt.org/secureusage.html", "https://libvirt.org/formatstorageencryption.html"],
    why: "Who runs the storage, or is on the way to it, reads and changes everything in the guest. A disk that is thrown away or stolen still holds it.",
    fix: "Make a LUKS volume with a libvirt secret (`virsh secret-define`, then `virsh vol-create` with `<encryption format='luks'>`), copy the data into it with the VM shut down, and name \
          the secret in `<source><encryption>` of the disk. The guest can also encrypt its disk itself, which this check does not see.",
    impact: "Encryption costs processor time. Whoever loses the secret loses the disk.",
    apply: Apply::Manual,
    needs: "//disk in the definition, the header of each image, /proc/1/mountinfo and /sys/class/block",
    judge: Judge::Definition(|facts, _, domain| Ok(encryption(facts, domain))),
};

/// `<encryption>` of a disk, where libvirt takes it: inside the source, in older definitions beside it.
fn encryption_node<'a, 'i>(disk: Node<'a, 'i>) -> Option<Node<'a, 'i>> {
    child(disk, "source").and_then(|source| child(source, "encryption")).or_else(|| child(disk, "encryption"))
}

/// Whether QEMU encrypts each disk that the VM writes.
pub(in crate::checks) fn declared_encryption(domain: &Domain) -> bool {
    let luks = |disk| encryption_node(disk).is_some_and(|node| is_luks(node.attribute("format")));
    let mut written = domain.devices("disk").filter(|disk| !crate::checks::storage::is_read_only(*disk)).peekable();
    written.peek().is_some() && written.all(luks)
}

fn is_luks(format: Option<&str>) -> bool {
    matches!(format, Some("luks" | "luks2" | "luks-any"))
}

fn encryption(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut any = false;
    for disk in domain.devices("disk").filter(|disk| matches!(disk.attribute("device"), None | Some("disk" | "lun"))) {
        let Some(source) = child(disk, "source") else { continue };
        any = true;
        let name = target(disk);
        if let Some(node) = encryption_node(disk) {
            if !is_luks(node.attribute("format")) {
                tally.add(Outcome::Fail, || {
                    Verdict::fail(format!("The disk {name} uses the old encryption of qcow, which protects nothing."))
                        .because([domain.evidence(node, "format")])
                });
            }
            continue;
        }
        let Some(path) = source_path(facts, disk) else {
            let protocol = source.attribute("protocol").or_else(|| source.attribute("pool")).unwrap_or("network");
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!("The disk {name} lies on remote storage ({protocol}) and is not encrypted."))
                    .and(domain.path(source), protocol)
            });
            continue;
        };
        let found = path.and_then(|path| Ok((path, of_image(facts, path, image(facts, path)?)?)));
        match found {
            Ok((_, Stored::Encrypted)) => {}
            Ok((path, Stored::Legacy)) => tally.add(Outcome::Fail, || {
                Verdict::fail(format!(
                    "The image of the disk {name} uses the old encryption of qcow, which protects nothing."
                ))
                .and(format!("the header of {path}: encryption"), "aes")
            }),
            Ok((path, Stored::Remote(kind))) => tally.add(Outcome::Warn, || {
                Verdict::warn(format!("The disk {name} lies on remote storage ({kind}) and is not encrypted."))
                    .and(domain.path(source), path)
            }),
            Ok((path, Stored::Clear)) => tally.add(Outcome::Info, || {
                Verdict::info(format!("The disk {name} is not encrypted on this host.")).and(domain.path(source), path)
            }),
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("Whether the disk {name} is encrypted"), &gap));
            }
        }
    }
    if !any {
        return Verdict::not_applicable("The VM has no disk.");
    }
    tally.finish(|| Verdict::pass("All disks of the VM are encrypted where they are stored."))
}

enum Stored<'a> {
    Encrypted,
    Legacy,
    Remote(&'a str),
    Clear,
}

fn of_image<'a>(facts: &'a Facts, path: &str, image: &Image) -> Result<Stored<'a>, Gap> {
    let meta = image.meta.get()?.as_ref().ok_or_else(|| Gap::new(path, format!("{path} does not exist")))?;
    let content = image.content.get();
    match content.as_ref().ok().and_then(|content| content.encryption.as_deref()) {
        Some("luks") => return Ok(Stored::Encrypted),
        Some(_) => return Ok(Stored::Legacy),
        None => {}
    }
    let mounts = facts.host.mounts.get()?;
    if let Some(mount) = image.mount.as_ref().and_then(|point| mounts.0.get(point)) {
        content?;
        return Ok(Stored::Remote(&mount.fs_type));
    }
    let devices = facts.host.block_devices.get()?;
    let device = if meta.kind == Kind::Block {
        devices.values().find(|device| device.number == meta.identity)
    } else {
        let mount = mounts.for_path(path);
        mount.and_then(|mount| {
            let name = mount.source.rsplit('/').next().unwrap_or_default();
            // File systems over several devices have a number of their own.
            let by_number = devices.values().find(|device| device.number == mount.device);
            by_number
                .or_else(|| devices.get(name))
                .or_else(|| devices.values().find(|device| device.dm_name.as_deref() == Some(name)))
        })
    };
    if device.is_some_and(|device| is_encrypted(devices, device, 0)) {
        return Ok(Stored::Encrypted);
    }
    // Only now it matters that the image itself might be.
    content?;
    Ok(Stored::Clear)
}

/// More layers than anybody stacks.
const LAYERS: usize = 16;

/// Whether all that a device lies on is encrypted by the host.
fn is_encrypted(devices: &std::collections::BTreeMap<String, BlockDevice>, device: &BlockDevice, depth: usize) -> bool {
    if device.dm_uuid.as_deref().is_some_and(|uuid| uuid.starts_with("CRYPT-")) {
        return true;
    }
    if depth > LAYERS {
        return false;
    }
    let below = device.slaves.iter().chain(&device.disk);
    let mut below = below.map(|name| devices.get(name)).peekable();
    below.peek().is_some() && below.all(|below| below.is_some_and(|below| is_encrypted(devices, below, depth + 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A device on so many others, the lowest of which is encrypted.
    fn stacked(layers: usize) -> bool {
        let device = |number: usize| {
            let dm_uuid = (number == layers).then(|| "CRYPT-LUKS2-x".to_owned());
            let slaves = if number < layers { vec![(number + 1).to_string()] } else { Vec::new() };
            (number.to_string(), BlockDevice { slaves, dm_uuid, ..BlockDevice::default() })
        };
        let devices = (0..=layers).map(device).collect();
        is_encrypted(&devices, &devices["0"], 0)
    }

    #[test]
    fn a_stack_is_looked_through_up_to_a_limit() {
        assert!(stacked(0));
        assert!(stacked(LAYERS + 1));
        assert!(!stacked(LAYERS + 2));
    }
}
