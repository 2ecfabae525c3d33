// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's PCI devices: who drives them, and in which IOMMU group they are.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const DEVICES: &str = "/sys/bus/pci/devices";
/// A host with all virtual functions of a dozen network cards has a few thousand.
const DEVICE_LIMIT: usize = 16_384;
/// Base class of network controllers.
const NETWORK: u32 = 0x02;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct PciDevice {
    /// Base class, sub-class and programming interface, a byte each: `0x030000` is a VGA display.
    pub class: u32,
    /// `None` when no driver is bound to it.
    pub driver: Option<String>,
    /// `None` when no IOMMU confines it.
    pub iommu_group: Option<String>,
    /// Address of the physical function, where this is a virtual one (SR-IOV).
    pub physical_function: Option<String>,
    /// Its network interfaces, as they are named on the host.
    pub interfaces: Vec<String>,
}

impl PciDevice {
    pub fn base_class(&self) -> u32 {
        self.class >> 16
    }

    /// A driver that gives the device to user space: `vfio-pci` and its variants, and `pci-stub`, which only holds it.
    pub fn is_set_apart(&self) -> bool {
        self.driver.as_deref().is_none_or(|driver| driver.contains("vfio") || driver == "pci-stub")
    }
}

/// PCI address (`0000:03:00.0`) to device; empty on a host without PCI.
pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, PciDevice>> {
    read_all(root).map_or_else(Fact::Missing, |devices| Fact::known(DEVICES, devices))
}

fn read_all(root: &Root) -> Result<BTreeMap<String, PciDevice>, Gap> {
    let mut devices = BTreeMap::new();
    if !in_sys(root, "/sys/bus", "/sys/bus/pci")? {
        return Ok(devices);
    }
    let names = root.list(DEVICES).map_err(|error| Gap::from_io(DEVICES, &error))?;
    if names.len() > DEVICE_LIMIT {
        return Err(Gap::new(DEVICES, format!("it has more than {DEVICE_LIMIT} devices")));
    }
    for name in names {
        let path = format!("{DEVICES}/{name}");
        match root.inside(&path).and_then(|directory| device(&directory)) {
            Ok(device) => drop(devices.insert(name, device)),
            // It was taken out meanwhile.
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Gap::from_io(path, &error)),
        }
    }
    Ok(devices)
}

fn device(directory: &Root) -> io::Result<PciDevice> {
    let class = directory.read("class")?;
    let class = class.trim().strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let class = class.ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "its class is not a number"))?;
    let mut device = PciDevice {
        class,
        driver: link_name(directory, "driver")?,
        iommu_group: link_name(directory, "iommu_group")?,
        physical_function: link_name(directory, "physfn")?,
        interfaces: Vec::new(),
    };
    if device.base_class() == NETWORK {
        device.interfaces = match directory.list("net") {
            Err(error) if !is_absent(&error) => return Err(error),
            names => names.unwrap_or_default(),
        };
    }
    Ok(device)
}

/// The last name of where a link points.
pub(super) fn link_name(directory: &Root, link: &str) -> io::Result<Option<String>> {
    match directory.read_link(link) {
        Ok(target) => Ok(target.rsplit('/').next().map(str::to_owned)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn network_card(test: &TestRoot) {
        let card = "/sys/devices/pci0000:00/0000:03:00.0";
        test.link("/sys/bus/pci/devices/0000:03:00.0", "../../../devices/pci0000:00/0000:03:00.0")
            .file(&format!("{card}/class"), "0x020000\n")
            .directory(&format!("{card}/net/ens3f0"))
            .link(&format!("{card}/driver"), "../../../bus/pci/drivers/ixgbe")
            .link(&format!("{card}/iommu_group"), "../../../kernel/iommu_groups/17");
    }

    #[test]
    fn a_device_is_read_through_its_link() {
        let test = TestRoot::new();
        network_card(&test);
        let expected = PciDevice {
            class: 0x02_0000,
            driver: Some("ixgbe".to_owned()),
            iommu_group: Some("17".to_owned()),
            physical_function: None,
            interfaces: vec!["ens3f0".to_owned()],
        };
        assert_eq!(read(&test.root()).get().unwrap()["0000:03:00.0"], expected);
    }

    #[test]
    fn a_virtual_function_knows_its_physical_one() {
        let test = TestRoot::new();
        network_card(&test);
        let function = "/sys/bus/pci/devices/0000:03:10.0";
        test.file(&format!("{function}/class"), "0x020000\n")
            .link(&format!("{function}/physfn"), "../0000:03:00.0")
            .link(&format!("{function}/driver"), "../../../bus/pci/drivers/vfio-pci");
        let devices = read(&test.root());
        let function = &devices.get().unwrap()["0000:03:10.0"];
        assert_eq!(function.physical_function.as_deref(), Some("0000:03:00.0"));
        assert!(function.is_set_apart() && function.iommu_group.is_none() && function.interfaces.is_empty());
        assert!(!devices.get().unwrap()["0000:03:00.0"].is_set_apart());
    }

    #[test]
    fn a_host_without_pci_is_known_to_have_none() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.directory("/sys/bus/ccw");
        assert_eq!(read(&test.root()), Fact::known(DEVICES, BTreeMap::new()));
    }

    #[test]
    fn what_is_not_a_device_is_a_missing_fact() {
        let test = TestRoot::new();
        test.file("/sys/bus/pci/devices/0000:00:00.0/class", "\u{1b}[31m");
        let gap = read(&test.root()).get().unwrap_err();
        assert_eq!(gap.reason, "/sys/bus/pci/devices/0000:00:00.0 could not be read (its class is not a number)");
        let test = TestRoot::new();
        test.sparse("/sys/bus/pci/devices/0000:00:00.0/class", 1 << 30);
        assert!(read(&test.root()).get().unwrap_err().reason.contains("larger than 4 MiB"));
        let test = TestRoot::new();
        for number in 0..=DEVICE_LIMIT {
            test.link(&format!("/sys/bus/pci/devices/{number}"), "/nowhere");
        }
        assert_eq!(read(&test.root()).get().unwrap_err().reason, "it has more than 16384 devices");
    }
}
