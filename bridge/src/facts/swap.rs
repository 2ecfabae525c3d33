// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the kernel puts memory that it swaps out.

use serde::{Deserialize, Serialize};

use super::mounts::{Mounts, unescaped};
use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// Device mapper devices may lie on each other; deeper than this nobody stacks them.
const DEPTH: usize = 8;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Swap {
    /// As `/proc/swaps` names it: `/dev/dm-1`, `/swapfile`.
    pub path: String,
    pub keeping: Fact<Keeping>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Keeping {
    /// A compressed device in memory (zram).
    Memory,
    /// dm-crypt, on the device or on all that it lies on.
    Encrypted,
    Plain,
}

pub(super) fn read(root: &Root, mounts: &Fact<Mounts>) -> Fact<Vec<Swap>> {
    root.fact("/proc/swaps").map(|text| {
        let lines = text.lines().skip(1).filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((unescaped(words.next()?), words.next()? == "file"))
        });
        lines.map(|(path, file)| Swap { keeping: keeping(root, mounts, &path, file), path }).collect()
    })
}

fn keeping(root: &Root, mounts: &Fact<Mounts>, path: &str, file: bool) -> Fact<Keeping> {
    let found = || -> Result<Fact<Keeping>, Gap> {
        if !file && path.strip_prefix("/dev/zram").is_some_and(|number| number.parse::<u32>().is_ok()) {
            return Ok(Fact::known(path, Keeping::Memory));
        }
        let device = if file {
            let mount = mounts.get()?.for_path(path);
            mount
                .map(|mount| mount.source.as_str())
                .ok_or_else(|| Gap::new(path, format!("what {path} lies on was not found")))?
        } else {
            path
        };
        let name = device_name(root, device)?;
        let origin = format!("/sys/class/block/{name}/dm/uuid");
        let encrypted = encrypted(root, &name, DEPTH)?;
        Ok(Fact::known(origin, if encrypted { Keeping::Encrypted } else { Keeping::Plain }))
    };
    found().unwrap_or_else(Fact::Missing)
}

/// `dm-1` for `/dev/mapper/rhel-swap`, `sda2` for `/dev/sda2`.
fn device_name(root: &Root, device: &str) -> Result<String, Gap> {
    let target = match root.read_link(device) {
        Ok(target) => target,
        Err(_) => device.to_owned(),
    };
    match target.rsplit('/').next() {
        Some(name) if device.starts_with("/dev/") && !name.is_empty() && name != ".." => Ok(name.to_owned()),
        _ => Err(Gap::new(device, format!("the swap space lies on {device}, which is not a device of this kernel"))),
    }
}

fn encrypted(root: &Root, name: &str, depth: usize) -> Result<bool, Gap> {
    let place = format!("/sys/class/block/{name}");
    match root.exists(&place) {
        Ok(true) if depth > 0 => {}
        Ok(true) => return Err(Gap::new(&place, format!("{place} lies on too many other devices"))),
        Ok(false) => return Err(Gap::new(&place, format!("there is no {place}"))),
        Err(error) => return Err(Gap::from_io(place, &error)),
    }
    let uuid = format!("{place}/dm/uuid");
    match root.read(&uuid) {
        Ok(text) if text.starts_with("CRYPT-") => return Ok(true),
        Ok(_) => {}
        Err(error) if is_absent(&error) => {}
        Err(error) => return Err(Gap::from_io(uuid, &error)),
    }
    let below = format!("{place}/slaves");
    let devices = match root.list(&below) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(Gap::from_io(below, &error)),
    };
    for device in &devices {
        if !encrypted(root, device, depth - 1)? {
            return Ok(false);
        }
    }
    Ok(!devices.is_empty())
}

#[cfg(test)]
mod tests {
    use super::super::mounts;
    use super::super::root::tests::TestRoot;
    use super::*;

    const HEAD: &str = "Filename\tType\tSize\tUsed\tPriority\n";

    fn read_all(test: &TestRoot) -> Vec<(String, Option<Keeping>)> {
        let root = test.root();
        let fact = read(&root, &mounts::read(&root));
        let swaps = fact.get().unwrap();
        swaps.iter().map(|swap| (swap.path.clone(), swap.keeping.value().copied())).collect()
    }

    #[test]
    fn devices_and_what_they_lie_on() {
        let test = TestRoot::new();
        test.file("/proc/swaps", format!("{HEAD}/dev/zram0 partition 1 0 100\n/dev/dm-1 partition 1 0 -2\n/dev/dm-2 partition 1 0 -2\n/dev/sda2 partition 1 0 -3\n/dev/gone partition 1 0 1\n"))
            .file("/sys/class/block/dm-1/dm/uuid", "CRYPT-LUKS2-x\n")
            .file("/sys/class/block/dm-2/dm/uuid", "LVM-x\n")
            .directory("/sys/class/block/dm-2/slaves/dm-1")
            .directory("/sys/class/block/sda2");
        let expected = [
            ("/dev/zram0", Some(Keeping::Memory)),
            ("/dev/dm-1", Some(Keeping::Encrypted)),
            ("/dev/dm-2", Some(Keeping::Encrypted)),
            ("/dev/sda2", Some(Keeping::Plain)),
            ("/dev/gone", None),
        ];
        assert_eq!(read_all(&test), expected.map(|(path, keeping)| (path.to_owned(), keeping)));
        test.directory("/sys/class/block/dm-2/slaves/sda2");
        assert_eq!(read_all(&test)[2].1, Some(Keeping::Plain));
    }

    #[test]
    fn a_file_is_as_good_as_its_file_system() {
        let test = TestRoot::new();
        test.file("/proc/swaps", format!("{HEAD}/swap\\040file file 1 0 -2\n"));
        assert_eq!(read_all(&test), [("/swap file".to_owned(), None)]);
        test.file("/proc/1/mountinfo", "22 1 253:0 / / rw - xfs /dev/mapper/root rw\n")
            .link("/dev/mapper/root", "../dm-0")
            .file("/sys/class/block/dm-0/dm/uuid", "CRYPT-LUKS2-x\n");
        assert_eq!(read_all(&test)[0].1, Some(Keeping::Encrypted));
        test.file("/proc/1/mountinfo", "22 1 253:0 / / rw - zfs tank/root rw\n");
        assert_eq!(read_all(&test)[0].1, None);
    }

    #[test]
    fn none_and_endless_ones() {
        let test = TestRoot::new();
        test.file("/proc/swaps", HEAD);
        assert!(read_all(&test).is_empty());
        test.file("/proc/swaps", format!("{HEAD}/dev/dm-0 partition 1 0 1\nshort\n"))
            .link("/sys/class/block/dm-0/slaves/dm-0", "../../dm-0");
        assert_eq!(read_all(&test), [("/dev/dm-0".to_owned(), None)]);
        assert!(read(&TestRoot::new().root(), &Fact::default()).value().is_none());
    }
}
