// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's USB devices: by which numbers a definition may name them, and what they are.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const DEVICES: &str = "/sys/bus/usb/devices";
/// 127 devices fit on one bus; interfaces count too.
const ENTRY_LIMIT: usize = 16_384;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct UsbDevice {
    pub vendor: u16,
    pub product: u16,
    pub bus: u16,
    pub number: u16,
    /// Classes of its interfaces in the present configuration: 3 is an input device, 8 is storage.
    pub classes: BTreeSet<u8>,
}

/// The kernel's name (`1-4.2`) to the device; empty on a host without USB.
pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, UsbDevice>> {
    read_all(root).map_or_else(Fact::Missing, |devices| Fact::known(DEVICES, devices))
}

fn read_all(root: &Root) -> Result<BTreeMap<String, UsbDevice>, Gap> {
    let mut devices: BTreeMap<String, UsbDevice> = BTreeMap::new();
    if !in_sys(root, "/sys/bus", "/sys/bus/usb")? {
        return Ok(devices);
    }
    let names = root.list(DEVICES).map_err(|error| Gap::from_io(DEVICES, &error))?;
    if names.len() > ENTRY_LIMIT {
        return Err(Gap::new(DEVICES, format!("it has more than {ENTRY_LIMIT} entries")));
    }
    // `1-4.2` is a device, `1-4.2:1.0` an interface of it, and sorts behind it.
    for name in names {
        match name.split_once(':') {
            None => {
                let number = |file: &str, radix| number::<u16>(root, &format!("{DEVICES}/{name}/{file}"), radix);
                let parts =
                    (number("idVendor", 16)?, number("idProduct", 16)?, number("busnum", 10)?, number("devnum", 10)?);
                if let (Some(vendor), Some(product), Some(bus), Some(number)) = parts {
                    let device = UsbDevice { vendor, product, bus, number, classes: BTreeSet::new() };
                    devices.insert(name, device);
                }
            }
            Some((device, _)) => {
                let class = number::<u8>(root, &format!("{DEVICES}/{name}/bInterfaceClass"), 16)?;
                if let (Some(device), Some(class)) = (devices.get_mut(device), class) {
                    device.classes.insert(class);
                }
            }
        }
    }
    Ok(devices)
}

/// `None` when the device was pulled out meanwhile.
fn number<T: TryFrom<u32>>(root: &Root, path: &str, radix: u32) -> Result<Option<T>, Gap> {
    let text = match root.read(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(None),
        Err(error) => return Err(Gap::from_io(path, &error)),
    };
    let text = text.trim();
    let number = if radix == 16 { u32::from_str_radix(text, 16).ok() } else { u32::from_str(text).ok() };
    let number = number.and_then(|number| T::try_from(number).ok());
    number.map(Some).ok_or_else(|| Gap::new(path, format!("{path} does not hold a number that fits")))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn keyboard() -> TestRoot {
        let test = TestRoot::new();
        for (file, text) in [("idVendor", "046d\n"), ("idProduct", "c31c\n"), ("busnum", "1\n"), ("devnum", "14\n")] {
            test.file(&format!("{DEVICES}/1-4.2/{file}"), text);
        }
        test.file("/sys/bus/usb/devices/1-4.2:1.0/bInterfaceClass", "03\n");
        test
    }

    #[test]
    fn a_device_has_the_classes_of_its_interfaces() {
        let test = keyboard();
        test.file("/sys/bus/usb/devices/1-4.2:1.1/bInterfaceClass", "08\n").directory("/sys/bus/usb/devices/1-9");
        let expected =
            UsbDevice { vendor: 0x046d, product: 0xc31c, bus: 1, number: 14, classes: BTreeSet::from([3, 8]) };
        assert_eq!(read(&test.root()), Fact::known(DEVICES, BTreeMap::from([("1-4.2".to_owned(), expected)])));
    }

    #[test]
    fn a_host_without_usb_is_known_to_have_none() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.directory("/sys/bus/ccw");
        assert_eq!(read(&test.root()), Fact::known(DEVICES, BTreeMap::new()));
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = keyboard();
        test.file("/sys/bus/usb/devices/1-4.2/idVendor", "1046d");
        let reason = read(&test.root()).get().unwrap_err().reason;
        assert_eq!(reason, "/sys/bus/usb/devices/1-4.2/idVendor does not hold a number that fits");
        let test = keyboard();
        test.sparse("/sys/bus/usb/devices/1-4.2:1.0/bInterfaceClass", 1 << 30);
        assert!(read(&test.root()).get().unwrap_err().reason.contains("larger than 4 MiB"));
        let test = TestRoot::new();
        for number in 0..=ENTRY_LIMIT {
            test.link(&format!("/sys/bus/usb/devices/1-{number}"), "/nowhere");
        }
        assert_eq!(read(&test.root()).get().unwrap_err().reason, "it has more than 16384 entries");
    }
}
