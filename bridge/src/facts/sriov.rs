// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the physical network cards let their virtual functions do. Only the kernel's netlink says so (`ip -d link show`).

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use serde::{Deserialize, Serialize};

use super::netlink::{self, short, word};
use super::pci::{PciDevice, link_name};
use super::root::Root;
use super::{Fact, Gap};

const ORIGIN: &str = "ip -d link show";

// From <linux/rtnetlink.h> and <linux/if_link.h>.
const IFINFOMSG: usize = 16;
const RTM_NEWLINK: u16 = 16;
const RTM_GETLINK: u16 = 18;
const IFLA_IFNAME: u16 = 3;
const IFLA_VFINFO_LIST: u16 = 22;
const IFLA_EXT_MASK: u16 = 29;
/// With the virtual functions (1), without their statistics (8).
const EXT_MASK: u32 = 1 | 8;
const IFLA_VF_INFO: u16 = 1;
const IFLA_VF_VLAN: u16 = 2;
const IFLA_VF_SPOOFCHK: u16 = 4;
const IFLA_VF_TRUST: u16 = 9;
/// The upper bits of an attribute's type are flags.
const TYPE_MASK: u16 = 0x3fff;

/// Settings that the card enforces, whatever the guest does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct VirtualFunction {
    /// Network interface of the physical function, and the number there: `ens3f0` and 2 for `ip link set ens3f0 vf 2`.
    pub interface: String,
    pub number: u32,
    /// Frames with another sender's address are dropped; `None` when the card's driver does not say.
    pub spoof_check: Option<bool>,
    /// The guest may change its address and listen to everything.
    pub trust: Option<bool>,
    /// 0: none.
    pub vlan: u32,
}

/// PCI address of each virtual network function to its settings. Asks nothing where there is none.
pub(super) fn read(
    root: &Root,
    devices: &Fact<BTreeMap<String, PciDevice>>,
) -> Fact<BTreeMap<String, VirtualFunction>> {
    read_all(root, devices).map_or_else(Fact::Missing, |functions| Fact::known(ORIGIN, functions))
}

fn read_all(
    root: &Root,
    devices: &Fact<BTreeMap<String, PciDevice>>,
) -> Result<BTreeMap<String, VirtualFunction>, Gap> {
    let devices = devices.get()?;
    let cards: BTreeSet<&str> = devices.values().filter_map(|device| device.physical_function.as_deref()).collect();
    let mut functions = BTreeMap::new();
    for card in cards {
        let Some(interface) = devices.get(card).and_then(|card| card.interfaces.first()) else { continue };
        let addresses =
            addresses(root, card).map_err(|error| Gap::from_io(format!("/sys/bus/pci/devices/{card}"), &error))?;
        if !root.is_host() {
            return Err(Gap::new(ORIGIN, "only the running host's kernel says what its virtual functions may do"));
        }
        let reply = ask(interface).map_err(|error| Gap::from_io(format!("{ORIGIN} {interface}"), &error))?;
        for mut function in settings(&reply) {
            if let Some(address) = addresses.get(&function.number) {
                function.interface.clone_from(interface);
                functions.insert(address.clone(), function);
            }
        }
    }
    Ok(functions)
}

/// Number of each virtual function of a card to its PCI address, from the links `virtfn0`, `virtfn1` …
fn addresses(root: &Root, card: &str) -> io::Result<BTreeMap<u32, String>> {
    let directory = root.inside(&format!("/sys/bus/pci/devices/{card}"))?;
    let mut addresses = BTreeMap::new();
    for name in directory.list("")? {
        if let Some(number) = name.strip_prefix("virtfn").and_then(|number| number.parse().ok())
            && let Some(address) = link_name(&directory, &name)?
        {
            addresses.insert(number, address);
        }
    }
    Ok(addresses)
}

/// Asks the kernel about one interface, and gives the attributes of its answer.
fn ask(interface: &str) -> io::Result<Vec<u8>> {
    let (kind, body) = netlink::ask(None, RTM_GETLINK, &request(interface))?;
    match body.get(IFINFOMSG..) {
        Some(attributes) if kind == RTM_NEWLINK => Ok(attributes.to_vec()),
        _ => Err(netlink::invalid()),
    }
}

fn request(interface: &str) -> Vec<u8> {
    let mut body = vec![0; IFINFOMSG];
    let mut name = interface.as_bytes().to_vec();
    name.push(0);
    for (kind, payload) in [(IFLA_EXT_MASK, EXT_MASK.to_ne_bytes().to_vec()), (IFLA_IFNAME, name)] {
        let length = u16::try_from(payload.len().saturating_add(4)).unwrap_or(u16::MAX);
        body.extend(length.to_ne_bytes());
        body.extend(kind.to_ne_bytes());
        body.extend(payload);
        body.resize(body.len().next_multiple_of(4), 0);
    }
    body
}

/// The virtual functions that the attributes of a link describe.
pub(super) fn settings(attributes: &[u8]) -> Vec<VirtualFunction> {
    let lists = Attributes(attributes).filter(|(kind, _)| *kind == IFLA_VFINFO_LIST);
    let entries = lists.flat_map(|(_, list)| Attributes(list)).filter(|(kind, _)| *kind == IFLA_VF_INFO);
    entries.filter_map(|(_, entry)| function(entry)).collect()
}

fn function(entry: &[u8]) -> Option<VirtualFunction> {
    let mut function = VirtualFunction::default();
    let mut number = None;
    for (kind, payload) in Attributes(entry) {
        // Each of these begins with the function's number, and then has its value. All ones: the driver does not say.
        let (Some(owner), Some(value)) = (word(payload, 0), word(payload, 4)) else { continue };
        let switch = (value != u32::MAX).then_some(value != 0);
        match kind {
            IFLA_VF_VLAN => function.vlan = value,
            IFLA_VF_SPOOFCHK => function.spoof_check = switch,
            IFLA_VF_TRUST => function.trust = switch,
            _ => continue,
        }
        number = Some(owner);
    }
    function.number = number?;
    Some(function)
}

/// Netlink attributes: a length that includes its own header, a type, the payload, and padding to four bytes.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let length = usize::from(short(self.0, 0)?);
        let kind = short(self.0, 2)? & TYPE_MASK;
        let payload = self.0.get(4..length)?;
        self.0 = self.0.get(length.next_multiple_of(4)..).unwrap_or_default();
        Some((kind, payload))
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn attribute(kind: u16, payload: &[u8]) -> Vec<u8> {
        let mut bytes = u16::try_from(payload.len() + 4).unwrap().to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(payload);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn pair(kind: u16, number: u32, value: u32) -> Vec<u8> {
        attribute(kind, &[number.to_ne_bytes(), value.to_ne_bytes()].concat())
    }

    /// As the kernel answers for a card with three functions.
    fn link() -> Vec<u8> {
        let entry = |number, vlan: u32, spoof, trust| {
            let vlan = attribute(IFLA_VF_VLAN, &[number, vlan, 0_u32].map(u32::to_ne_bytes).concat());
            let mac = attribute(1, &[0; 36]);
            let entry = [mac, vlan, pair(IFLA_VF_SPOOFCHK, number, spoof), pair(IFLA_VF_TRUST, number, trust)].concat();
            attribute(IFLA_VF_INFO | 0x8000, &entry)
        };
        let list = [entry(0, 0, 1, 0), entry(1, 200, 0, 1), entry(2, 0, u32::MAX, u32::MAX)].concat();
        [attribute(IFLA_IFNAME, b"ens3f0\0"), attribute(IFLA_VFINFO_LIST, &list), attribute(29, &[1, 0, 0, 0])].concat()
    }

    #[test]
    fn each_virtual_function_has_its_settings() {
        let function = |number, spoof_check, trust, vlan| VirtualFunction {
            interface: String::new(),
            number,
            spoof_check,
            trust,
            vlan,
        };
        let expected = [
            function(0, Some(true), Some(false), 0),
            function(1, Some(false), Some(true), 200),
            function(2, None, None, 0),
        ];
        assert_eq!(settings(&link()), expected);
    }

    #[test]
    fn a_torn_answer_gives_less_and_never_more() {
        let whole = link();
        for length in 0..whole.len() {
            assert!(settings(&whole[..length]).len() <= 3);
        }
        for (length, rest) in [(0_u16, 0), (3, 0), (4, 0), (u16::MAX, 60)] {
            let mut bytes = [length.to_ne_bytes(), IFLA_VFINFO_LIST.to_ne_bytes()].concat();
            bytes.resize(4 + rest, 0xff);
            assert!(settings(&bytes).is_empty());
        }
    }

    #[test]
    fn the_kernel_answers_about_an_interface_without_functions() {
        assert!(settings(&ask("lo").unwrap()).is_empty());
        assert_eq!(ask("no-such-link0").unwrap_err().raw_os_error(), Some(19));
    }

    #[test]
    fn nothing_is_asked_where_there_are_no_functions() {
        let test = TestRoot::new();
        assert!(read(&test.root(), &Fact::missing("", "")).value().is_none());
        let card = PciDevice { interfaces: vec!["ens3f0".to_owned()], ..PciDevice::default() };
        let mut devices = BTreeMap::from([("0000:03:00.0".to_owned(), card)]);
        assert_eq!(read(&test.root(), &Fact::known("", devices.clone())), Fact::known(ORIGIN, BTreeMap::new()));
        let physical_function = Some("0000:03:00.0".to_owned());
        devices.insert("0000:03:10.0".to_owned(), PciDevice { physical_function, ..PciDevice::default() });
        test.link("/sys/bus/pci/devices/0000:03:00.0/virtfn0", "../0000:03:10.0")
            .link("/sys/bus/pci/devices/0000:03:00.0/virtfn7", "../0000:03:10.7")
            .link("/sys/bus/pci/devices/0000:03:00.0/virtfnx", "../0000:03:1f.7");
        let numbers = addresses(&test.root(), "0000:03:00.0").unwrap();
        assert_eq!(numbers, BTreeMap::from([(0, "0000:03:10.0".to_owned()), (7, "0000:03:10.7".to_owned())]));
        let gap = read(&test.root(), &Fact::known("", devices)).get().unwrap_err();
        assert!(gap.reason.starts_with("only the running host's kernel"));
    }
}
