// SPDX-License-Identifier: LGPL-2.1-or-later
//! Block devices of the host in a VM.

use std::collections::BTreeMap;

use super::disks::target;
use super::{Tally, not_known};
use crate::checks::domain::child;
use crate::checks::storage::{image, is_read_only, source_path};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::block::BlockDevice;
use crate::facts::meta::Kind;
use crate::facts::mounts::Mounts;
use crate::facts::swap::Swap;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static HOST_DEVICE: Check = Check {
    id: "vm.disk-host-device",
    title: "The VM has no block device that the host uses itself",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &["https://libvirt.org/drvqemu.html", "https://www.qemu.org/docs/master/system/qemu-block-drivers.html"],
    why: "A guest that can write a device on which the host has a file system, swap space or a volume group rewrites the host. Of a whole disk the host also reads what \
          the guest writes there: partitions, volume groups, RAID members.",
    fix: "Detach the device with `virsh detach-disk VM TARGET --config`. Give the VM a logical volume or an image of its own, which nothing on the host has open.",
    impact: "The VM loses the disk; copy its data first.",
    apply: Apply::NextStart,
    needs: "//disk[@type='block'] in the definition, /sys/class/block, /proc/1/mountinfo and /proc/swaps",
    judge: Judge::Definition(|facts, _, domain| Ok(host_device(facts, domain))),
};

fn host_device(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut any = false;
    for disk in domain.devices("disk").filter(|disk| matches!(disk.attribute("device"), None | Some("disk" | "lun"))) {
        let Some(path) = source_path(facts, disk) else { continue };
        let is_block = disk.attribute("type") == Some("block");
        let name = target(disk);
        let found = path.and_then(|path| {
            let meta = image(facts, path)?.meta.get()?.as_ref();
            let number = meta.filter(|meta| meta.kind == Kind::Block).map(|meta| meta.identity.as_str());
            let number = number.ok_or_else(|| Gap::new(path, format!("{path} is no block device now")))?;
            Ok((path, use_of(facts, number)?))
        });
        // Whatever else it is, it was not meant to be one.
        if !is_block && found.is_err() {
            continue;
        }
        any = true;
        let read = if is_read_only(disk) { "read" } else { "rewrite" };
        match found {
            Ok((path, Use::Host(how))) => tally.add(Outcome::Fail, || {
                Verdict::fail(format!("The guest can {read} {path} (disk {name}), which the host itself uses: {how}."))
                    .because(child(disk, "source").map(|source| domain.evidence(source, "dev")))
            }),
            Ok((path, Use::WholeDisk)) => tally.add(Outcome::Warn, || {
                Verdict::warn(format!("The disk {name} is the whole disk {path} of the host, which reads the partitions that the guest writes."))
                    .because(child(disk, "source").map(|source| domain.evidence(source, "dev")))
            }),
            Ok(_) => {}
            Err(gap) => tally.add(Outcome::Unknown, || not_known(&format!("Whether the host uses the disk {name} itself"), &gap)),
        }
    }
    if !any {
        return Verdict::not_applicable("The VM has no block device of the host as a disk.");
    }
    tally.finish(|| Verdict::pass("The host does not use the block devices of the VM itself."))
}

enum Use {
    Host(String),
    WholeDisk,
    Free,
}

type Devices = BTreeMap<String, BlockDevice>;

fn use_of(facts: &Facts, number: &str) -> Result<Use, Gap> {
    let devices = facts.host.block_devices.get()?;
    let (mounts, swaps) = (facts.host.mounts.get()?, facts.host.swaps.get()?);
    let unknown = || Gap::new(facts.host.block_devices.origin(), format!("the kernel lists no device {number}"));
    let (name, device) = devices.iter().find(|(_, device)| device.number == number).ok_or_else(unknown)?;
    let mut parts = vec![(name, device)];
    parts.extend(devices.iter().filter(|(_, part)| part.disk.as_ref() == Some(name)));
    // Partitions that the host found on a device-mapper device are devices on it.
    parts.extend(
        device
            .holders
            .iter()
            .filter_map(|holder| devices.get_key_value(holder))
            .filter(|(_, holder)| is_partition(holder)),
    );
    for (name, part) in &parts {
        if let Some(how) = in_use(devices, mounts, swaps, name, part) {
            return Ok(Use::Host(how));
        }
    }
    Ok(if device.physical { Use::WholeDisk } else { Use::Free })
}

fn is_partition(device: &BlockDevice) -> bool {
    device.dm_uuid.as_deref().is_some_and(|uuid| uuid.starts_with("part"))
}

fn in_use(devices: &Devices, mounts: &Mounts, swaps: &[Swap], name: &str, device: &BlockDevice) -> Option<String> {
    let is_it = |path: &str| {
        let last = path.strip_prefix("/dev/").and_then(|path| path.rsplit('/').next());
        last.is_some_and(|last| last == name || device.dm_name.as_deref() == Some(last))
    };
    if let Some((point, _)) = mounts.0.iter().find(|(_, mount)| mount.device == device.number || is_it(&mount.source)) {
        return Some(format!("{name} is mounted at {point}"));
    }
    if swaps.iter().any(|swap| is_it(&swap.path)) {
        return Some(format!("{name} is swap space"));
    }
    let holder = device.holders.iter().find(|holder| !devices.get(*holder).is_some_and(is_partition))?;
    Some(format!("{holder} is made of {name}"))
}
