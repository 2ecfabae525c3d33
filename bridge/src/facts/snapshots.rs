// SPDX-License-Identifier: LGPL-2.1-or-later
//! Which VMs have snapshots, from the files in which libvirt's system daemon keeps them. Asking libvirt costs a call for each VM.

use std::collections::BTreeMap;
use std::path::Path;

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// `virsh snapshot-list` reads from here: a directory for each VM, a file for each snapshot.
const DIRECTORY: &str = "/var/lib/libvirt/qemu/snapshot";

/// Name of a VM to how many snapshots it has; VMs without any are left out.
pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, usize>> {
    read_all(root).map_or_else(Fact::Missing, |counts| Fact::known(DIRECTORY, counts))
}

fn read_all(root: &Root) -> Result<BTreeMap<String, usize>, Gap> {
    let mut counts = BTreeMap::new();
    let names = match root.list(DIRECTORY) {
        Ok(names) => names,
        // Where libvirt never stored anything, it stored no snapshot. What is not there at all is another system's root.
        Err(error) if is_absent(&error) && root.exists("/var/lib").is_ok_and(|exists| exists) => return Ok(counts),
        Err(error) => return Err(Gap::from_io(DIRECTORY, &error)),
    };
    for name in names {
        let path = format!("{DIRECTORY}/{name}");
        let files = match root.list(&path) {
            Ok(files) => files,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(Gap::from_io(path, &error)),
        };
        let count = files.iter().filter(|file| Path::new(file).extension().is_some_and(|end| end == "xml")).count();
        if count > 0 {
            counts.insert(name, count);
        }
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn snapshots_are_counted_by_vm() {
        let test = TestRoot::new();
        test.file(&format!("{DIRECTORY}/dc1/before.xml"), "<domainsnapshot/>")
            .file(&format!("{DIRECTORY}/dc1/after.xml"), "<domainsnapshot/>")
            .file(&format!("{DIRECTORY}/dc1/after.xml.new"), "")
            .file(&format!("{DIRECTORY}/stray"), "")
            .directory(&format!("{DIRECTORY}/web1"));
        assert_eq!(read(&test.root()), Fact::known(DIRECTORY, BTreeMap::from([("dc1".to_owned(), 2)])));
    }

    #[test]
    fn a_host_without_libvirts_directory_has_none() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.directory("/var/lib");
        assert_eq!(read(&test.root()).value(), Some(&BTreeMap::new()));
        test.link(DIRECTORY, DIRECTORY);
        assert!(read(&test.root()).value().is_none());
    }
}
