// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's network filters, and the originals that its package brought.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;

use roxmltree::{Document, Node, ParsingOptions};
use serde::{Deserialize, Serialize};
use virt::connect::Connect;

use super::root::{Root, is_absent};
use super::{Fact, Gap, libvirt};

/// Filters whose content is read: the package has 24. Cloud software of old made one for each VM; of those more only the name is kept.
const READ: usize = 256;
const LIMIT: usize = 100_000;
const NODES: u32 = 20_000;
/// Where the package keeps the originals that it copies to `/etc/libvirt/nwfilter`.
const ORIGINALS: &str = "/usr/share/libvirt/nwfilter";

/// What a filter does, in a form in which two that do the same are equal: without comments, identifiers and defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Filter {
    /// Only its name is known.
    pub unread: bool,
    pub chain: String,
    /// Names of the filters that it includes, in their order.
    pub includes: Vec<String>,
    pub rules: Vec<String>,
}

/// All filters of a connection, by name.
pub(super) fn read(connection: &Connect) -> Fact<BTreeMap<String, Filter>> {
    const ORIGIN: &str = "virsh nwfilter-list, virsh nwfilter-dumpxml";
    let all = match connection.list_all_nw_filters(0) {
        Ok(all) if all.len() > LIMIT => return Fact::missing(ORIGIN, format!("there are more than {LIMIT} filters")),
        Ok(all) => all,
        Err(error) => return libvirt::gap(ORIGIN, &error).into(),
    };
    // A name costs no call; those of the package come first.
    let mut named: Vec<_> = all.iter().filter_map(|filter| Some((filter.name().ok()?, filter))).collect();
    named.sort_by_cached_key(|(name, _)| (name.starts_with("nova-"), name.clone()));
    let mut filters = BTreeMap::new();
    for (index, (name, filter)) in named.into_iter().enumerate() {
        let content = if index < READ {
            match filter.xml_desc(0) {
                Ok(xml) => parse(&xml).unwrap_or_else(|_| unread()),
                Err(error) if libvirt::is_gone(&error) => continue,
                Err(error) => return libvirt::gap(ORIGIN, &error).into(),
            }
        } else {
            unread()
        };
        filters.insert(name, content);
    }
    Fact::known(ORIGIN, filters)
}

fn unread() -> Filter {
    Filter { unread: true, ..Filter::default() }
}

/// The package's originals; none where the package keeps none.
pub(super) fn originals(root: &Root) -> Fact<BTreeMap<String, Filter>> {
    let names = match root.list(ORIGINALS) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => return Fact::known(ORIGINALS, BTreeMap::new()),
        Err(error) => return Gap::from_io(ORIGINALS, &error).into(),
    };
    let mut filters = BTreeMap::new();
    for file in names.iter().take(READ) {
        let Some(name) = file.strip_suffix(".xml") else { continue };
        match root.fact(&format!("{ORIGINALS}/{file}")).and_then(|text| parse(&text)) {
            Fact::Known { value, .. } => filters.insert(name.to_owned(), value),
            Fact::Missing(gap) => return gap.into(),
        };
    }
    Fact::known(ORIGINALS, filters)
}

pub(super) fn parse(text: &str) -> Result<Filter, String> {
    let options = ParsingOptions { nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options)
        .map_err(|error| format!("a network filter does not parse ({error})"))?;
    let root = document.root_element();
    if !root.has_tag_name("filter") {
        return Err(format!("<{}> is not a network filter", root.tag_name().name()));
    }
    let named = |name: &'static str| root.children().filter(move |node| node.has_tag_name(name));
    let include = |node: Node| Some(node.attribute("filter")?.to_owned());
    Ok(Filter {
        unread: false,
        chain: root.attribute("chain").unwrap_or("root").to_owned(),
        includes: named("filterref").filter_map(include).collect(),
        rules: named("rule").map(rule).collect(),
    })
}

/// `drop out 500 ip dstipaddr=224.0.0.0 dstipmask=4`: libvirt writes numbers and defaults otherwise than people do.
fn rule(rule: Node) -> String {
    let attribute = |name, default| rule.attribute(name).unwrap_or(default);
    let mut words = vec![
        attribute("action", "drop").to_ascii_lowercase(),
        attribute("direction", "inout").to_ascii_lowercase(),
        attribute("priority", "500").to_owned(),
    ];
    if attribute("statematch", "true") != "true" {
        words.push("stateless".to_owned());
    }
    for protocol in rule.children().filter(Node::is_element) {
        words.push(protocol.tag_name().name().to_owned());
        let mut values: Vec<String> = protocol
            .attributes()
            .filter(|attribute| !(attribute.name() == "match" && attribute.value() == "yes"))
            .map(|attribute| format!("{}={}", attribute.name(), value(attribute.name(), attribute.value())))
            .collect();
        values.sort();
        words.append(&mut values);
    }
    words.join(" ")
}

fn value(name: &str, text: &str) -> String {
    if name.ends_with("ipmask")
        && let Ok(mask) = text.parse::<Ipv4Addr>()
    {
        return u32::from(mask).count_ones().to_string();
    }
    let number = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    };
    match number {
        Some(number) if name == "protocolid" => match number {
            0x0800 => "ipv4".to_owned(),
            0x0806 => "arp".to_owned(),
            0x8035 => "rarp".to_owned(),
            0x86dd => "ipv6".to_owned(),
            number => number.to_string(),
        },
        Some(number) => number.to_string(),
        None => text.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_filter_as_packaged_and_as_libvirt_writes_it() {
        let packaged = parse(
            "<filter name='a'><!-- c --><filterref filter='no-mac-spoofing'/>
             <rule direction='out' action='accept'><mac protocolid='0x835'/></rule>
             <rule action='drop' direction='out' priority='1000'><ip match='yes' dstipmask='240.0.0.0' dstipaddr='224.0.0.0'/></rule></filter>",
        )
        .unwrap();
        let stored = parse(
            "<filter name='a' chain='root'>\n<uuid>1</uuid><filterref filter='no-mac-spoofing'/>
             <rule action='accept' direction='out' priority='500'><mac protocolid='2101'/></rule>
             <rule action='drop' direction='out' priority='1000'><ip dstipaddr='224.0.0.0' dstipmask='4'/></rule></filter>",
        )
        .unwrap();
        assert_eq!(packaged, stored);
        assert_eq!(packaged.rules[1], "drop out 1000 ip dstipaddr=224.0.0.0 dstipmask=4");
        let changed =
            parse("<filter><rule action='return' direction='out'><mac protocolid='0x0800'/></rule></filter>").unwrap();
        assert_eq!(changed.rules, ["return out 500 mac protocolid=ipv4"]);
        let loose =
            parse("<filter><rule action='accept' direction='in' statematch='false'><all/></rule></filter>").unwrap();
        assert_eq!(loose.rules, ["accept in 500 stateless all"]);
    }

    #[test]
    fn originals_absent_broken_and_hostile() {
        let test = TestRoot::new();
        assert_eq!(originals(&test.root()).get().unwrap().len(), 0);
        test.file("/usr/share/libvirt/nwfilter/a.xml", "<filter/>").file("/usr/share/libvirt/nwfilter/README", "x");
        assert_eq!(originals(&test.root()).get().unwrap().len(), 1);
        test.file("/usr/share/libvirt/nwfilter/b.xml", "<network/>");
        assert_eq!(originals(&test.root()).get().unwrap_err().reason, "<network> is not a network filter");
        assert!(parse(&"<filter>".repeat(30_000)).is_err());
    }
}
