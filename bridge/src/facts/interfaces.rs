// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's network devices: which are bridges, what they lead to, and which carry the host's own addresses.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::root::{FILE_LIMIT, Root, is_absent};
use super::{Fact, Gap};

const DEVICES: &str = "/sys/class/net";

// Each is a fact of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    /// A device behind it is part of the machine.
    pub physical: bool,
    /// A tap, such as QEMU's end of a VM's interface.
    pub tap: bool,
    /// `vlan`, `bridge`, `bond`, `macvlan` …, as the kernel calls it.
    pub kind: Option<String>,
    /// Of a bridge: what is plugged into it.
    pub ports: Vec<String>,
    /// Of a bridge: whether it tells VLANs apart.
    pub vlan_filtering: Option<bool>,
    /// The host has an address of its own on it, link-local ones aside.
    pub addressed: bool,
    pub default_route: bool,
}

impl Interface {
    pub fn is_bridge(&self) -> bool {
        self.vlan_filtering.is_some()
    }
}

pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, Interface>> {
    all(root).map_or_else(|error| Gap::from_io(DEVICES, &error).into(), |all| Fact::known(DEVICES, all))
}

fn all(root: &Root) -> io::Result<BTreeMap<String, Interface>> {
    let mut devices = BTreeMap::new();
    for name in root.list(DEVICES)? {
        // A device that goes away meanwhile leaves absent files.
        devices.insert(name.clone(), device(root, &name)?);
    }
    routes(root, &mut devices)?;
    Ok(devices)
}

fn device(root: &Root, name: &str) -> io::Result<Interface> {
    let path = |file: &str| format!("{DEVICES}/{name}/{file}");
    // A host has as many of them as VMs; nothing else is asked about them.
    if root.exists(&path("tun_flags"))? {
        return Ok(Interface { tap: true, ..Interface::default() });
    }
    let optional = |file: &str| match root.read(&path(file)) {
        Ok(text) => Ok(Some(text)),
        Err(error) if is_absent(&error) || error.kind() == io::ErrorKind::InvalidInput => Ok(None),
        Err(error) => Err(error),
    };
    let kind = optional("uevent")?
        .and_then(|text| text.lines().find_map(|line| line.strip_prefix("DEVTYPE=")).map(str::to_owned));
    let ports = match root.list(&path("brif")) {
        Ok(ports) => ports,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(error),
    };
    Ok(Interface {
        physical: root.exists(&path("device"))?,
        kind,
        ports,
        vlan_filtering: if root.exists(&path("bridge"))? {
            Some(optional("bridge/vlan_filtering")?.is_some_and(|text| text.trim() == "1"))
        } else {
            None
        },
        ..Interface::default()
    })
}

/// The kernel's tables of routes and of IPv6 addresses. A route without a gateway is one to the host's own neighbours there.
fn routes(root: &Root, devices: &mut BTreeMap<String, Interface>) -> io::Result<()> {
    let table = |name: &str| match root.read_start(&format!("/proc/net/{name}"), FILE_LIMIT) {
        Ok(bytes) => Ok(String::from_utf8_lossy(&bytes).into_owned()),
        Err(error) if is_absent(&error) => Ok(String::new()),
        Err(error) => Err(error),
    };
    // IPv4 must be there, or nothing is known about routes.
    let text = root.read_start("/proc/net/route", FILE_LIMIT)?;
    for line in String::from_utf8_lossy(&text).lines().skip(1) {
        if let [name, destination, gateway, _, _, _, _, mask, ..] = line.split_whitespace().collect::<Vec<_>>()[..]
            && let Some(device) = devices.get_mut(name)
        {
            device.default_route |= destination == "00000000" && mask == "00000000";
            device.addressed |= gateway == "00000000" && destination != "00000000";
        }
    }
    for line in table("ipv6_route")?.lines() {
        let columns: Vec<&str> = line.split_whitespace().collect();
        // The kernel keeps a default route that rejects everything on `lo`.
        if let [destination, "00", ..] = columns[..]
            && destination.bytes().all(|byte| byte == b'0')
            && let Some(device) = columns.get(9).filter(|name| **name != "lo").and_then(|name| devices.get_mut(*name))
        {
            device.default_route = true;
        }
    }
    for line in table("if_inet6")?.lines() {
        // Address, index, length of the prefix, scope (20 is the link), flags, name.
        if let [_, _, _, scope, _, name] = line.split_whitespace().collect::<Vec<_>>()[..]
            && scope != "20"
            && let Some(device) = devices.get_mut(name)
        {
            device.addressed = true;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const ROUTES: &str = "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n\
        br0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n\
        br0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n\
        gone\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\nx\n";

    #[test]
    fn bridges_their_ports_and_the_hosts_addresses() {
        let test = TestRoot::new();
        test.file("/proc/net/route", ROUTES)
            .file(
                "/proc/net/ipv6_route",
                "00000000000000000000000000000000 00 00000000000000000000000000000000 00 fe800000000000000000000000000001 00000400 1 0 00000003 eth9\n\
                 00000000000000000000000000000000 00 00000000000000000000000000000000 00 00000000000000000000000000000000 ffffffff 1 0 00200200 lo\n",
            )
            .file(
                "/proc/net/if_inet6",
                "fe800000000000005054fffffe000001 02 40 20 80 eth0\nfd000000000000000000000000000001 04 40 00 80 eth9\n",
            )
            .file("/sys/class/net/br0/uevent", "DEVTYPE=bridge\nINTERFACE=br0\n")
            .file("/sys/class/net/br0/bridge/vlan_filtering", "1\n")
            .directory("/sys/class/net/br0/brif/eth0")
            .directory("/sys/class/net/br0/brif/vnet0")
            .directory("/sys/class/net/eth0/device")
            .directory("/sys/class/net/eth9")
            .directory("/sys/class/net/lo")
            .file("/sys/class/net/vnet0/tun_flags", "0x1002\n");
        let fact = read(&test.root());
        let all = fact.get().unwrap();
        let br0 = &all["br0"];
        assert!(br0.is_bridge() && br0.default_route && br0.addressed && !br0.physical);
        assert_eq!((br0.ports.len(), br0.vlan_filtering, br0.kind.as_deref()), (2, Some(true), Some("bridge")));
        assert!(all["eth0"].physical && !all["eth0"].addressed && !all["eth0"].default_route);
        assert!(all["vnet0"].tap && all["eth9"].default_route && all["eth9"].addressed);
        assert!(!all["lo"].default_route);
    }

    #[test]
    fn without_sys_or_routes_nothing_is_known() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.directory("/sys/class/net/eth0");
        assert!(read(&test.root()).value().is_none());
    }

    #[test]
    fn the_running_host_is_understood() {
        let all = read(&Root::open(std::path::Path::new("/")).unwrap());
        assert!(all.get().unwrap().contains_key("lo"));
    }
}
