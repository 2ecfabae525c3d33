// SPDX-License-Identifier: LGPL-2.1-or-later
//! Owner and mode of the device nodes through which virtualization is reached.

use std::collections::BTreeMap;

use super::permissions::{self, FileMode};
use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// There may be one for each device of a network card.
const VDPA_LIMIT: usize = 256;

/// `/dev/kvm`, `/dev/sev` and the vhost devices; those that do not exist are left out.
pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, FileMode>> {
    nodes(root).map_or_else(Fact::Missing, |nodes| Fact::known("/dev", nodes))
}

fn nodes(root: &Root) -> Result<BTreeMap<String, FileMode>, Gap> {
    let names = root.list("/dev").map_err(|error| Gap::from_io("/dev", &error))?;
    let vdpa = names.iter().filter(|name| name.starts_with("vhost-vdpa-")).take(VDPA_LIMIT);
    let fixed = ["kvm", "sev", "vhost-net", "vhost-vsock"];
    let mut nodes = BTreeMap::new();
    for name in fixed.into_iter().chain(vdpa.map(String::as_str)) {
        let path = format!("/dev/{name}");
        match permissions::of(root, &path) {
            Ok(node) => {
                nodes.insert(path, node);
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Gap::from_io(path, &error)),
        }
    }
    Ok(nodes)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn nodes_are_read_without_being_opened() {
        let test = TestRoot::new();
        test.fifo("/dev/kvm").file("/dev/vhost-vdpa-0", "").file("/dev/other", "");
        let fact = read(&test.root());
        let nodes = fact.get().unwrap();
        assert_eq!(nodes.keys().collect::<Vec<_>>(), ["/dev/kvm", "/dev/vhost-vdpa-0"]);
        assert_eq!(nodes["/dev/kvm"].mode, 0o400);
    }

    #[test]
    fn without_a_directory_nothing_is_known() {
        assert!(read(&TestRoot::new().root()).value().is_none());
    }
}
