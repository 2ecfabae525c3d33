// SPDX-License-Identifier: LGPL-2.1-or-later
//! The device nodes that a process can reach. Nodes are looked at, never opened.

use std::io;

use rustix::fs::{FileType, major, minor};
use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};

/// QEMU's own `/dev` has some ten entries; in the host's, where it has no namespace, there may be thousands.
const LIMIT: usize = 4096;
const DEPTH: usize = 4;
/// File systems of their own, which libvirt mounts into each namespace and which hold no devices of the host.
const MOUNTS: [&str; 4] = ["/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/hugepages"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceNode {
    pub path: String,
    pub block: bool,
    pub major: u32,
    pub minor: u32,
}

/// All nodes below `/dev`, links to them included, each under every name.
pub(super) fn below(root: &Root) -> io::Result<Vec<DeviceNode>> {
    let mut nodes = Vec::new();
    directory(root, "/dev", 0, &mut nodes)?;
    Ok(nodes)
}

fn directory(root: &Root, path: &str, depth: usize, nodes: &mut Vec<DeviceNode>) -> io::Result<()> {
    for name in root.list(path)? {
        let path = format!("{path}/{name}");
        // `/dev/fd` leads back into /proc.
        if MOUNTS.contains(&path.as_str()) || path == "/dev/fd" {
            continue;
        }
        let stat = match root.metadata(&path) {
            Ok(stat) => stat,
            // A link to nowhere, or one that may not be followed, such as those into /proc.
            Err(error) if is_absent(&error) || is_unfollowed(&error) => continue,
            Err(error) => return Err(error),
        };
        let kind = FileType::from_raw_mode(stat.st_mode);
        if kind == FileType::Directory && depth < DEPTH {
            directory(root, &path, depth + 1, nodes)?;
        } else if matches!(kind, FileType::BlockDevice | FileType::CharacterDevice) {
            let (major, minor) = (major(stat.st_rdev), minor(stat.st_rdev));
            nodes.push(DeviceNode { path, block: kind == FileType::BlockDevice, major, minor });
        }
        if nodes.len() > LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 4096 devices"));
        }
    }
    Ok(())
}

fn is_unfollowed(error: &io::Error) -> bool {
    [rustix::io::Errno::LOOP, rustix::io::Errno::XDEV]
        .iter()
        .any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn only_devices_count_and_each_name_of_one() {
        let test = TestRoot::new();
        test.file("/dev/file", "")
            .link("/dev/nowhere", "/none")
            .link("/dev/loop/itself", "itself")
            .file("/dev/pts/0", "");
        assert_eq!(below(&test.root()).unwrap(), []);
        let host = below(&Root::open(std::path::Path::new("/")).unwrap()).unwrap();
        let null = host.iter().find(|node| node.path == "/dev/null").unwrap();
        assert_eq!((null.block, null.major, null.minor), (false, 1, 3));
        assert!(below(&TestRoot::new().root()).is_err());
    }
}
