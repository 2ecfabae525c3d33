// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's virtual networks, the definitions of all of them parsed once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use roxmltree::{Document, Node, ParsingOptions};
use serde::{Deserialize, Serialize};
use virt::connect::Connect;
use virt::error::Error;
use virt::network;

use super::root::{Root, is_absent};
use super::{Fact, Gap, libvirt};

/// No host has more; what is beyond is an error, not a shorter list.
const LIMIT: usize = 1000;
/// Elements and texts of one definition.
const NODES: u32 = 100_000;
/// Where libvirt stores definitions, for a root that is not the running host.
const DEFINITIONS: &str = "/etc/libvirt/qemu/networks";
const DNSMASQ: &str = "http://libvirt.org/schemas/network/dnsmasq/1.0";

/// A virtual network: as it runs, or, while it does not, as it is stored.
// Each stands for an element of its own.
#[allow(clippy::struct_excessive_bools)]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Not known of a definition in a file.
    pub active: Option<bool>,
    pub autostart: Option<bool>,
    /// `nat`, `route`, `open`, `bridge`, `private`, `vepa`, `passthrough`, `hostdev`; `None` for one that leads nowhere.
    pub forward: Option<String>,
    /// Devices of the host that it leads to, for those that libvirt attaches VMs to directly.
    pub devices: Vec<String>,
    pub bridge: Option<String>,
    /// firewalld's zone for the bridge, where the definition names one.
    pub zone: Option<String>,
    pub openvswitch: bool,
    /// It has a VLAN tag.
    pub tagged: bool,
    /// All its ports are isolated from each other.
    pub isolated: bool,
    pub trust_guest_rx: Option<bool>,
    pub portgroups: BTreeMap<String, Portgroup>,
    /// The host's own addresses on it.
    pub addresses: Vec<IpAddr>,
    /// IPv6 is translated too, rather than routed.
    pub nat_ipv6: bool,
    /// Lines that libvirt hands to dnsmasq unseen.
    pub dnsmasq_options: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Portgroup {
    pub default: bool,
    pub tagged: bool,
    pub trust_guest_rx: Option<bool>,
}

impl Network {
    /// libvirt itself makes the bridge, the addresses and the firewall's rules, rather than using what the host has.
    pub fn is_managed(&self) -> bool {
        matches!(self.forward.as_deref(), None | Some("nat" | "route" | "open"))
    }

    /// The port group that an interface belongs to.
    pub fn portgroup(&self, name: Option<&str>) -> Option<&Portgroup> {
        match name {
            Some(name) => self.portgroups.get(name),
            None => self.portgroups.values().find(|group| group.default),
        }
    }
}

/// All networks of a connection, by name.
pub(super) fn read(connection: &Connect) -> Fact<BTreeMap<String, Network>> {
    const ORIGIN: &str = "virsh net-list --all, virsh net-dumpxml";
    let all = match connection.list_all_networks(0) {
        Ok(all) if all.len() > LIMIT => return Fact::missing(ORIGIN, format!("there are more than {LIMIT} networks")),
        Ok(all) => all,
        Err(error) => return libvirt::gap(ORIGIN, &error).into(),
    };
    let mut networks = BTreeMap::new();
    for network in &all {
        match one(network) {
            Ok(Ok((name, network))) => {
                networks.insert(name, network);
            }
            Ok(Err(reason)) => return Fact::missing(ORIGIN, reason),
            // It was removed meanwhile.
            Err(error) if libvirt::is_gone(&error) => {}
            Err(error) => return libvirt::gap(ORIGIN, &error).into(),
        }
    }
    Fact::known(ORIGIN, networks)
}

fn one(network: &network::Network) -> Result<Result<(String, Network), String>, Error> {
    let (active, autostart) = (network.is_active()?, network.autostart()?);
    Ok(parse(&network.xml_desc(0)?)
        .map(|(name, network)| (name, Network { active: Some(active), autostart: Some(autostart), ..network })))
}

/// The stored definitions of a root that is not the running host.
pub(super) fn stored(root: &Root) -> Fact<BTreeMap<String, Network>> {
    let names = match root.list(DEFINITIONS) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Gap::from_io(DEFINITIONS, &error).into(),
    };
    let mut networks = BTreeMap::new();
    for file in names.iter().filter(|name| name.strip_suffix(".xml").is_some()).take(LIMIT) {
        let path = format!("{DEFINITIONS}/{file}");
        match root.fact(&path).and_then(|text| parse(&text)) {
            Fact::Known { value: (name, network), .. } => networks.insert(name, network),
            Fact::Missing(gap) => return gap.into(),
        };
    }
    Fact::known(DEFINITIONS, networks)
}

pub(super) fn parse(text: &str) -> Result<(String, Network), String> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| format!("a network's definition does not parse ({error})"))?;
    let root = document.root_element();
    if !root.has_tag_name("network") {
        return Err(format!("<{}> is not the definition of a network", root.tag_name().name()));
    }
    let name = child(root, "name").and_then(|name| name.text()).unwrap_or_default().trim().to_owned();
    if name.is_empty() {
        return Err("the definition of a network has no name".to_owned());
    }
    let forward = child(root, "forward");
    let bridge = child(root, "bridge");
    let owned = |node: Option<Node>, name| node.and_then(|node: Node| node.attribute(name)).map(str::to_owned);
    let attached = forward.into_iter().flat_map(|forward| children(forward, "interface"));
    let options = root.children().filter(|node| node.has_tag_name((DNSMASQ, "options")));
    let option = |node: Node| {
        node.has_tag_name((DNSMASQ, "option")).then(|| node.attribute("value")).flatten().map(str::to_owned)
    };
    let network = Network {
        active: None,
        autostart: None,
        // libvirt's default, where there is an element.
        forward: forward.map(|forward| forward.attribute("mode").unwrap_or("nat").to_owned()),
        devices: attached.filter_map(|node| node.attribute("dev")).map(str::to_owned).collect(),
        bridge: owned(bridge, "name"),
        zone: owned(bridge, "zone"),
        openvswitch: child(root, "virtualport").and_then(|port| port.attribute("type")) == Some("openvswitch"),
        tagged: is_tagged(root),
        isolated: child(root, "port").and_then(|port| port.attribute("isolated")) == Some("yes"),
        trust_guest_rx: trusts(root),
        portgroups: children(root, "portgroup")
            .filter_map(|group| {
                let default = group.attribute("default") == Some("yes");
                let found = Portgroup { default, tagged: is_tagged(group), trust_guest_rx: trusts(group) };
                Some((group.attribute("name")?.to_owned(), found))
            })
            .collect(),
        addresses: children(root, "ip").filter_map(|ip| ip.attribute("address")?.parse().ok()).collect(),
        nat_ipv6: forward.and_then(|forward| child(forward, "nat")?.attribute("ipv6")) == Some("yes"),
        dnsmasq_options: options.flat_map(|options| options.children()).filter_map(option).collect(),
    };
    Ok((name, network))
}

fn trusts(node: Node) -> Option<bool> {
    node.attribute("trustGuestRxFilters").map(|value| value == "yes")
}

fn is_tagged(node: Node) -> bool {
    child(node, "vlan").is_some_and(|vlan| child(vlan, "tag").is_some_and(|tag| tag.attribute("id").is_some()))
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

fn children<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> + 'a {
    node.children().filter(move |child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_network_with_everything() {
        let (name, network) = parse(
            "<network xmlns:dnsmasq='http://libvirt.org/schemas/network/dnsmasq/1.0' trustGuestRxFilters='no'>
               <name>lab</name><forward mode='nat'><nat ipv6='yes'/><interface dev='eth1'/></forward>
               <bridge name='virbr1' zone='trusted' stp='on'/><port isolated='yes'/>
               <virtualport type='openvswitch'/><vlan><tag id='7'/></vlan>
               <portgroup name='a' default='yes' trustGuestRxFilters='yes'/><portgroup name='b'><vlan><tag id='1'/></vlan></portgroup>
               <ip address='10.0.0.1' netmask='255.0.0.0'/><ip family='ipv6' address='fd00::1' prefix='64'/>
               <dnsmasq:options><dnsmasq:option value='log-queries'/></dnsmasq:options><options><option value='x'/></options>
             </network>",
        )
        .unwrap();
        assert_eq!(name, "lab");
        assert_eq!((network.forward.as_deref(), network.zone.as_deref()), (Some("nat"), Some("trusted")));
        assert!(network.openvswitch && network.tagged && network.isolated && network.nat_ipv6 && network.is_managed());
        assert_eq!((network.trust_guest_rx, network.devices.len()), (Some(false), 1));
        assert_eq!(network.portgroup(None).unwrap().trust_guest_rx, Some(true));
        assert!(network.portgroup(Some("b")).unwrap().tagged && network.portgroup(Some("c")).is_none());
        assert_eq!(network.addresses.len(), 2);
        assert_eq!(network.dnsmasq_options, ["log-queries"]);
    }

    #[test]
    fn what_is_left_out_has_libvirts_defaults() {
        let (_, isolated) = parse("<network><name>a</name></network>").unwrap();
        assert_eq!(isolated, Network::default());
        assert!(isolated.is_managed());
        let (_, nat) = parse("<network><name>a</name><forward/></network>").unwrap();
        assert_eq!(nat.forward.as_deref(), Some("nat"));
    }

    #[test]
    fn hostile_definitions_are_refused() {
        for text in [
            "",
            "<network>",
            "<domain/>",
            "<network/>",
            "<network><name> </name></network>",
            "<!DOCTYPE n [<!ENTITY a 'b'>]><network><name>&a;</name></network>",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse(&format!("<network><name>a</name>{}</network>", "<a/>".repeat(200_000))).is_err());
    }

    #[test]
    fn stored_definitions_of_another_root() {
        let test = TestRoot::new();
        assert_eq!(stored(&test.root()).get().unwrap().len(), 0);
        test.file("/etc/libvirt/qemu/networks/a.xml", "<!-- w -->\n<network><name>a</name></network>")
            .file("/etc/libvirt/qemu/networks/autostart/a.xml", "");
        let networks = stored(&test.root());
        assert_eq!(networks.get().unwrap()["a"].active, None);
        test.file("/etc/libvirt/qemu/networks/b.xml", "<network>");
        assert!(stored(&test.root()).value().is_none());
    }
}
