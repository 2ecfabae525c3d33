// SPDX-License-Identifier: LGPL-2.1-or-later
//! The configuration that libvirt writes for the dnsmasq of each network.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

pub(super) const DIRECTORY: &str = "/var/lib/libvirt/dnsmasq";
const LIMIT: usize = 1000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DnsmasqConf {
    /// `bind-dynamic` or `bind-interfaces`: it opens its sockets on the named interfaces only.
    pub bound: bool,
    pub interfaces: Vec<String>,
    pub addresses: Vec<String>,
}

pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, DnsmasqConf>> {
    let names = match root.list(DIRECTORY) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => return Fact::known(DIRECTORY, BTreeMap::new()),
        Err(error) => return Gap::from_io(DIRECTORY, &error).into(),
    };
    let mut found = BTreeMap::new();
    for file in names.iter().take(LIMIT) {
        let Some(name) = file.strip_suffix(".conf") else { continue };
        let path = format!("{DIRECTORY}/{file}");
        match root.read(&path) {
            Ok(text) => found.insert(name.to_owned(), parse(&text)),
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Gap::from_io(path, &error).into(),
        };
    }
    Fact::known(DIRECTORY, found)
}

fn parse(text: &str) -> DnsmasqConf {
    let mut conf = DnsmasqConf::default();
    for line in text.lines() {
        let (key, value) = line.split_once('=').map_or((line, ""), |(key, value)| (key, value));
        let values = || value.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty());
        match key.trim() {
            "bind-dynamic" | "bind-interfaces" => conf.bound = true,
            "interface" => conf.interfaces.extend(values()),
            "listen-address" => conf.addresses.extend(values()),
            _ => {}
        }
    }
    conf
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn libvirts_files_and_what_is_not_one() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).get().unwrap().len(), 0);
        test.file(
            "/var/lib/libvirt/dnsmasq/default.conf",
            "##WARNING\nstrict-order\nexcept-interface=lo\nbind-dynamic\ninterface=virbr0\ndhcp-range=192.168.122.2,192.168.122.254\n",
        )
        .file("/var/lib/libvirt/dnsmasq/old.conf", "listen-address=10.0.0.1, fd00::1\n#bind-interfaces\n")
        .file("/var/lib/libvirt/dnsmasq/default.hostsfile", "interface=eth0");
        let fact = read(&test.root());
        let found = fact.get().unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!((found["default"].bound, &found["default"].interfaces), (true, &vec!["virbr0".to_owned()]));
        assert_eq!((found["old"].bound, found["old"].addresses.len()), (false, 2));
        test.fifo("/var/lib/libvirt/dnsmasq/x.conf");
        assert!(read(&test.root()).value().is_none());
    }
}
