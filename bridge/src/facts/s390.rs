// SPDX-License-Identifier: LGPL-2.1-or-later
//! IBM Z: the processor's facilities, Secure Execution, and cryptographic queues (AP) that are given to VMs.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::files::{cpuinfo, in_sys};
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const UV: &str = "/sys/firmware/uv";
const QUEUES: &str = "/sys/bus/ap/devices";
const MATRIX: &str = "/sys/devices/vfio_ap/matrix";
/// Where mdevctl, and through it libvirt, keeps mediated devices over a restart of the host.
const KEPT: &str = "/etc/mdevctl.d/matrix";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct S390 {
    /// Numbers of the facilities of the processor.
    pub facilities: Fact<BTreeSet<u32>>,
    /// `/sys/firmware/uv` is there: the kernel can speak to the ultravisor.
    pub ultravisor: Fact<bool>,
    /// `/sys/firmware/uv/prot_virt_host`: protected VMs can run here.
    pub prot_virt_host: Fact<bool>,
    /// Driver of each cryptographic queue (`05.0004`: adapter and domain); `None` when none has it.
    pub queues: Fact<BTreeMap<String, Option<String>>>,
    /// UUID of each mediated device of `vfio_ap` that exists now, with its queues.
    pub matrices: Fact<BTreeMap<String, Vec<String>>>,
    /// UUIDs of those that are there after a restart of the host.
    pub kept_matrices: Fact<BTreeSet<String>>,
}

pub(super) fn read(root: &Root) -> S390 {
    if root.is_host() && rustix::system::uname().machine().to_bytes() != b"s390x" {
        let gap = || Gap::new("uname -m", "this host is not an IBM Z");
        return S390 {
            facilities: gap().into(),
            ultravisor: gap().into(),
            prot_virt_host: gap().into(),
            queues: gap().into(),
            matrices: gap().into(),
            kept_matrices: gap().into(),
        };
    }
    let prot_virt_host = format!("{UV}/prot_virt_host");
    S390 {
        facilities: facilities(root),
        ultravisor: match in_sys(root, "/sys/firmware", UV) {
            Ok(there) => Fact::known(UV, there),
            Err(gap) => gap.into(),
        },
        prot_virt_host: root.fact(&prot_virt_host).and_then(|text| match text.trim() {
            "1" => Ok(true),
            "0" => Ok(false),
            _ => Err(format!("{prot_virt_host} holds neither 0 nor 1")),
        }),
        queues: queues(root).into(),
        matrices: matrices(root).into(),
        kept_matrices: kept(root).into(),
    }
}

fn facilities(root: &Root) -> Fact<BTreeSet<u32>> {
    cpuinfo(root, "facilities").map(|line| line.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

fn queues(root: &Root) -> Result<Fact<BTreeMap<String, Option<String>>>, Gap> {
    if !in_sys(root, "/sys/bus", QUEUES)? {
        return Ok(Fact::known(QUEUES, BTreeMap::new()));
    }
    let mut queues = BTreeMap::new();
    for name in root.list(QUEUES).map_err(|error| Gap::from_io(QUEUES, &error))? {
        // Cards are there too: `card05`.
        if !is_queue(&name) {
            continue;
        }
        let path = format!("{QUEUES}/{name}/driver");
        let driver = match root.read_link(&path) {
            Ok(target) => target.rsplit('/').next().map(str::to_owned),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Err(Gap::from_io(path, &error)),
        };
        queues.insert(name, driver);
    }
    Ok(Fact::known(QUEUES, queues))
}

/// `05.0004`. A matrix that has only adapters or only domains prints `05.` or `.0004`, which are no queues.
fn is_queue(name: &str) -> bool {
    let hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    name.split_once('.').is_some_and(|(adapter, domain)| hex(adapter) && hex(domain))
}

fn matrices(root: &Root) -> Result<Fact<BTreeMap<String, Vec<String>>>, Gap> {
    if !in_sys(root, "/sys/devices", MATRIX)? {
        return Ok(Fact::known(MATRIX, BTreeMap::new()));
    }
    let mut matrices = BTreeMap::new();
    for name in root.list(MATRIX).map_err(|error| Gap::from_io(MATRIX, &error))? {
        let path = format!("{MATRIX}/{name}/matrix");
        match root.read(&path) {
            Ok(text) => {
                let queues = text.split_whitespace().filter(|word| is_queue(word)).map(str::to_owned).collect();
                matrices.insert(name, queues);
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Gap::from_io(path, &error)),
        }
    }
    Ok(Fact::known(MATRIX, matrices))
}

fn kept(root: &Root) -> Result<Fact<BTreeSet<String>>, Gap> {
    match root.list(KEPT) {
        Ok(names) => Ok(Fact::known(KEPT, names.into_iter().collect())),
        Err(error) if is_absent(&error) && root.exists("/etc").unwrap_or(false) => {
            Ok(Fact::known(KEPT, BTreeSet::new()))
        }
        Err(error) => Err(Gap::from_io(KEPT, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_machine_with_secure_execution_and_queues() {
        let test = TestRoot::new();
        test.file(
            "/proc/cpuinfo",
            "vendor_id       : IBM/S390\nfacilities      : 0 1 2 158 161 \ncache0          : x\n",
        )
        .file("/sys/firmware/uv/prot_virt_host", "1\n")
        .link("/sys/bus/ap/devices/05.0004/driver", "../../../../bus/ap/drivers/vfio_ap")
        .directory("/sys/bus/ap/devices/05.0005")
        .directory("/sys/bus/ap/devices/card05")
        .file("/sys/devices/vfio_ap/matrix/62177883-f1bb-47f0-914d-32a22e3a8804/matrix", "05.0004\n06.\n")
        .directory("/sys/devices/vfio_ap/matrix/mdev_supported_types")
        .file("/etc/mdevctl.d/matrix/62177883-f1bb-47f0-914d-32a22e3a8804", "{}");
        let s390 = read(&test.root());
        assert!(s390.facilities.get().unwrap().contains(&158));
        assert_eq!(s390.ultravisor.value(), Some(&true));
        assert_eq!(s390.prot_virt_host.value(), Some(&true));
        let queues = s390.queues.get().unwrap();
        assert_eq!((queues.len(), queues["05.0004"].as_deref(), &queues["05.0005"]), (2, Some("vfio_ap"), &None));
        let matrices = s390.matrices.get().unwrap();
        assert_eq!(matrices.values().map(Vec::as_slice).collect::<Vec<_>>(), [["05.0004"]]);
        assert_eq!(s390.kept_matrices.get().unwrap().len(), 1);
    }

    #[test]
    fn a_machine_without() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "facilities      : 0 1\n")
            .directory("/sys/firmware")
            .directory("/sys/bus")
            .directory("/sys/devices")
            .directory("/etc");
        let s390 = read(&test.root());
        assert_eq!(s390.ultravisor.value(), Some(&false));
        assert!(s390.prot_virt_host.value().is_none());
        assert!(s390.queues.get().unwrap().is_empty() && s390.matrices.get().unwrap().is_empty());
        assert!(s390.kept_matrices.get().unwrap().is_empty());
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "x: y\n")
            .file("/sys/firmware/uv/prot_virt_host", "yes\u{1b}")
            .fifo("/sys/devices/vfio_ap/matrix/a/matrix");
        let s390 = read(&test.root());
        assert_eq!(s390.facilities.get().unwrap_err().reason, "/proc/cpuinfo has no line about facilities");
        assert!(s390.prot_virt_host.get().unwrap_err().reason.contains("neither 0 nor 1"));
        assert!(s390.matrices.value().is_none());
        assert!(s390.queues.value().is_none(), "no /sys/bus, so nothing is known about it");
    }
}
