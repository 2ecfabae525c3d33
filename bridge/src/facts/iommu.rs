// SPDX-License-Identifier: LGPL-2.1-or-later
//! The IOMMU, and what VFIO demands of it before it gives a device to a VM.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::module::switch;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const GROUPS: &str = "/sys/kernel/iommu_groups";
const UNSAFE_INTERRUPTS: &str = "allow_unsafe_interrupts";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Iommu {
    /// Number of each group to the group. No groups: no IOMMU is active.
    pub groups: Fact<BTreeMap<String, IommuGroup>>,
    /// `enable_unsafe_noiommu_mode` of the module vfio; `None` when the module is not there or has no such parameter.
    pub noiommu: Fact<Option<bool>>,
    /// `allow_unsafe_interrupts` of those of the modules `vfio_iommu_type1` and `iommufd` that are there.
    pub unsafe_interrupts: Fact<BTreeMap<String, bool>>,
}

/// Devices that the IOMMU cannot keep from each other.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct IommuGroup {
    /// Type of the domain that the host's own drivers get: `DMA`, `DMA-FQ`, `identity`; empty where the kernel does not say.
    pub domain: String,
    /// The kernel's names of the devices: PCI addresses, for the most part.
    pub devices: Vec<String>,
}

pub(super) fn read(root: &Root) -> Iommu {
    Iommu {
        groups: groups(root).map_or_else(Fact::Missing, |groups| Fact::known(GROUPS, groups)),
        noiommu: switch(root, "vfio", "enable_unsafe_noiommu_mode"),
        unsafe_interrupts: unsafe_interrupts(root)
            .map_or_else(Fact::Missing, |modules| Fact::known("/sys/module", modules)),
    }
}

fn groups(root: &Root) -> Result<BTreeMap<String, IommuGroup>, Gap> {
    let mut groups = BTreeMap::new();
    if !in_sys(root, "/sys/kernel", GROUPS)? {
        return Ok(groups);
    }
    for name in root.list(GROUPS).map_err(|error| Gap::from_io(GROUPS, &error))? {
        let path = format!("{GROUPS}/{name}/type");
        let domain = match root.read(&path) {
            Ok(text) => text.trim().to_owned(),
            // Kernels before 4.19 have no such file.
            Err(error) if is_absent(&error) => String::new(),
            Err(error) => return Err(Gap::from_io(path, &error)),
        };
        let path = format!("{GROUPS}/{name}/devices");
        let devices = root.list(&path).map_err(|error| Gap::from_io(&path, &error))?;
        groups.insert(name, IommuGroup { domain, devices });
    }
    Ok(groups)
}

fn unsafe_interrupts(root: &Root) -> Result<BTreeMap<String, bool>, Gap> {
    let mut modules = BTreeMap::new();
    for module in ["vfio_iommu_type1", "iommufd"] {
        if let Some(value) = *switch(root, module, UNSAFE_INTERRUPTS).get()? {
            modules.insert(module.to_owned(), value);
        }
    }
    Ok(modules)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_host_with_an_iommu() {
        let test = TestRoot::new();
        test.file("/sys/kernel/iommu_groups/0/type", "DMA-FQ\n")
            .link("/sys/kernel/iommu_groups/0/devices/0000:03:00.0", "../../../../devices/pci0000:00/0000:03:00.0")
            .directory("/sys/kernel/iommu_groups/11/devices")
            .file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "N\n")
            .file("/sys/module/iommufd/parameters/allow_unsafe_interrupts", "Y\n");
        let iommu = read(&test.root());
        let first = IommuGroup { domain: "DMA-FQ".to_owned(), devices: vec!["0000:03:00.0".to_owned()] };
        let groups = BTreeMap::from([("0".to_owned(), first), ("11".to_owned(), IommuGroup::default())]);
        assert_eq!(iommu.groups, Fact::known(GROUPS, groups));
        let origin = "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode";
        assert_eq!(iommu.noiommu, Fact::known(origin, Some(false)));
        assert_eq!(iommu.unsafe_interrupts.value(), Some(&BTreeMap::from([("iommufd".to_owned(), true)])));
    }

    #[test]
    fn a_host_without_one() {
        let test = TestRoot::new();
        let nothing = read(&test.root());
        assert!(nothing.groups.value().is_none() && nothing.noiommu.value().is_none());
        assert!(nothing.unsafe_interrupts.value().is_none());
        test.directory("/sys/kernel").directory("/sys/module");
        let iommu = read(&test.root());
        assert_eq!(iommu.groups.value(), Some(&BTreeMap::new()));
        assert_eq!(iommu.noiommu.value(), Some(&None));
        assert_eq!(iommu.unsafe_interrupts.value(), Some(&BTreeMap::new()));
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = TestRoot::new();
        test.fifo("/sys/kernel/iommu_groups/0/type")
            .file("/sys/module/vfio/parameters/enable_unsafe_noiommu_mode", "perhaps")
            .sparse("/sys/module/vfio_iommu_type1/parameters/allow_unsafe_interrupts", 1 << 30);
        let iommu = read(&test.root());
        assert!(iommu.groups.get().unwrap_err().reason.contains("not a regular file"));
        assert!(iommu.noiommu.get().unwrap_err().reason.contains("holds neither Y nor N"));
        assert!(iommu.unsafe_interrupts.get().unwrap_err().reason.contains("larger than 4 MiB"));
    }
}
