// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's block devices and what the kernel stacks on them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

const CLASS: &str = "/sys/class/block";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BlockDevice {
    /// `MAJOR:MINOR`.
    pub number: String,
    /// Of a partition: the name of its disk.
    pub disk: Option<String>,
    /// A disk as a driver found it, rather than one that the kernel puts together (LVM, RAID, loop).
    pub physical: bool,
    /// Devices that are made of this one, and those that this one is made of.
    pub holders: Vec<String>,
    pub slaves: Vec<String>,
    /// Of a device-mapper device: `LVM-…`, `CRYPT-LUKS2-…`, `mpath-…`, `part1-…`.
    pub dm_uuid: Option<String>,
    /// Its name below `/dev/mapper`.
    pub dm_name: Option<String>,
}

/// All block devices, by the kernel's name (`sda1`, `dm-0`).
pub(super) fn devices(root: &Root) -> Fact<BTreeMap<String, BlockDevice>> {
    let names = match root.list(CLASS) {
        Ok(names) => names,
        Err(error) => return Gap::from_io(CLASS, &error).into(),
    };
    let mut devices = BTreeMap::new();
    for name in names {
        match device(root, &name) {
            Ok(device) => drop(devices.insert(name, device)),
            // Devices come and go.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Gap::from_io(format!("{CLASS}/{name}"), &error).into(),
        }
    }
    Fact::known(CLASS, devices)
}

fn device(root: &Root, name: &str) -> std::io::Result<BlockDevice> {
    let directory = root.inside(&format!("{CLASS}/{name}"))?;
    let names = |path: &str| match directory.list(path) {
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        names => names,
    };
    let text =
        |path: &str| directory.read(path).ok().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty());
    let disk = if directory.exists("partition")? {
        let link = root.read_link(&format!("{CLASS}/{name}"))?;
        link.rsplit('/').nth(1).map(str::to_owned)
    } else {
        None
    };
    Ok(BlockDevice {
        number: directory.read("dev")?.trim().to_owned(),
        disk,
        physical: directory.exists("device")?,
        holders: names("holders")?,
        slaves: names("slaves")?,
        dm_uuid: text("dm/uuid"),
        dm_name: text("dm/name"),
    })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_disk_its_partition_and_what_lies_on_it() {
        let test = TestRoot::new();
        test.file("/sys/devices/pci0/block/sda/dev", "8:0\n")
            .directory("/sys/devices/pci0/block/sda/holders")
            .directory("/sys/devices/pci0/block/sda/device")
            .file("/sys/devices/pci0/block/sda/sda1/dev", "8:1\n")
            .file("/sys/devices/pci0/block/sda/sda1/partition", "1\n")
            .directory("/sys/devices/pci0/block/sda/sda1/holders/dm-0")
            .file("/sys/devices/virtual/block/dm-0/dev", "253:0\n")
            .directory("/sys/devices/virtual/block/dm-0/slaves/sda1")
            .file("/sys/devices/virtual/block/dm-0/dm/uuid", "CRYPT-LUKS2-abc-root\n")
            .file("/sys/devices/virtual/block/dm-0/dm/name", "root\n")
            .link("/sys/class/block/sda", "../../devices/pci0/block/sda")
            .link("/sys/class/block/sda1", "../../devices/pci0/block/sda/sda1")
            .link("/sys/class/block/dm-0", "../../devices/virtual/block/dm-0")
            .link("/sys/class/block/gone", "../../devices/virtual/block/gone");
        let fact = devices(&test.root());
        let devices = fact.get().unwrap();
        assert_eq!(devices.keys().collect::<Vec<_>>(), ["dm-0", "sda", "sda1"]);
        assert!(devices["sda"].physical && !devices["sda1"].physical && !devices["dm-0"].physical);
        assert_eq!(devices["sda1"].disk.as_deref(), Some("sda"));
        assert_eq!(devices["sda1"].holders, ["dm-0"]);
        assert_eq!(devices["dm-0"].slaves, ["sda1"]);
        assert_eq!(devices["dm-0"].dm_uuid.as_deref(), Some("CRYPT-LUKS2-abc-root"));
        assert_eq!((devices["dm-0"].number.as_str(), devices["dm-0"].dm_name.as_deref()), ("253:0", Some("root")));
    }
}
