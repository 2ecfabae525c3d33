// SPDX-License-Identifier: LGPL-2.1-or-later
//! D-Bus policy files that speak of org.libvirt, the service through which Cockpit reaches libvirt.

use roxmltree::{Document, Node, ParsingOptions};
use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// In the bus's order: what comes later counts more.
const DIRECTORIES: [&str; 2] = ["/usr/share/dbus-1/system.d", "/etc/dbus-1/system.d"];
const SERVICE: &str = "org.libvirt";
const NODES: u32 = 20_000;
const LIMIT: usize = 1000;

/// One `<allow>` or `<deny>` about sending to org.libvirt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct BusRule {
    pub path: String,
    /// `context`, `user`, `group` or `at_console`.
    pub kind: String,
    /// `default`, a name …
    pub name: String,
    pub allow: bool,
}

pub(super) fn read(root: &Root) -> Fact<Vec<BusRule>> {
    all(root).map_or_else(Fact::Missing, |rules| Fact::known(DIRECTORIES.join(", "), rules))
}

fn all(root: &Root) -> Result<Vec<BusRule>, Gap> {
    let mut rules = Vec::new();
    for directory in DIRECTORIES {
        let names = match root.list(directory) {
            Ok(names) => names,
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(Gap::from_io(directory, &error)),
        };
        for name in names.iter().filter(|name| name.strip_suffix(".conf").is_some()) {
            let path = format!("{directory}/{name}");
            let text = match root.read(&path) {
                Ok(text) => text,
                Err(error) if is_absent(&error) => continue,
                Err(error) => return Err(Gap::from_io(path, &error)),
            };
            if text.contains(SERVICE) {
                rules.extend(parse(&path, &text).map_err(|reason| Gap::new(&path, format!("{path} {reason}")))?);
            }
            if rules.len() > LIMIT {
                return Err(Gap::new(directory, format!("there are more than {LIMIT} rules about {SERVICE}")));
            }
        }
    }
    Ok(rules)
}

pub(super) fn parse(path: &str, text: &str) -> Result<Vec<BusRule>, String> {
    // The files name their document type; the parser itself reads no other file and bounds entities.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: NODES, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| format!("does not parse ({error})"))?;
    let mut rules = Vec::new();
    for policy in document.root_element().children().filter(|node| node.has_tag_name("policy")) {
        let who = ["context", "user", "group", "at_console"]
            .into_iter()
            .find_map(|kind| Some((kind, policy.attribute(kind)?)));
        let Some((kind, name)) = who else { continue };
        for rule in policy.children().filter(|node| about_libvirt(*node)) {
            let allow = rule.has_tag_name("allow");
            rules.push(BusRule { path: path.to_owned(), kind: kind.to_owned(), name: name.to_owned(), allow });
        }
    }
    Ok(rules)
}

/// A rule about sending to the service, by its name or by an interface of it. Who may own the name does not matter here.
fn about_libvirt(rule: Node) -> bool {
    let names = |attribute: &str| {
        rule.attribute(attribute).is_some_and(|name| name == SERVICE || name.starts_with("org.libvirt."))
    };
    (rule.has_tag_name("allow") || rule.has_tag_name("deny"))
        && ["send_destination", "send_destination_prefix", "send_interface"].iter().any(|attribute| names(attribute))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const PACKAGED: &str = "<?xml version=\"1.0\"?>\n<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-BUS Bus Configuration 1.0//EN\"\n \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig>\n\
        <policy user=\"libvirtdbus\"><allow own=\"org.libvirt\"/></policy>\n\
        <policy group=\"libvirt\"><allow send_destination=\"org.libvirt\"/></policy></busconfig>";

    #[test]
    fn the_packaged_file_and_an_override() {
        let test = TestRoot::new();
        test.file("/usr/share/dbus-1/system.d/org.libvirt.conf", PACKAGED)
            .file("/usr/share/dbus-1/system.d/other.conf", "<busconfig><policy context='default'><allow send_destination='org.other'/></policy>")
            .file(
                "/etc/dbus-1/system.d/z.conf",
                "<busconfig><policy context='default'><allow send_interface='org.libvirt.Domain'/><deny send_destination='org.libvirt'/></policy></busconfig>",
            );
        let fact = read(&test.root());
        let shown: Vec<_> =
            fact.get().unwrap().iter().map(|rule| format!("{} {} {}", rule.kind, rule.name, rule.allow)).collect();
        assert_eq!(shown, ["group libvirt true", "context default true", "context default false"]);
    }

    #[test]
    fn what_does_not_parse_is_not_harmless() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).get().unwrap(), &[]);
        test.file("/etc/dbus-1/system.d/a.conf", "<busconfig>org.libvirt");
        assert!(read(&test.root()).get().unwrap_err().reason.starts_with("/etc/dbus-1/system.d/a.conf does not parse"));
        let bomb = "<!DOCTYPE b [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;&b;'>\
            <!ENTITY d '&c;&c;&c;&c;&c;&c;&c;&c;'><!ENTITY e '&d;&d;&d;&d;&d;&d;&d;&d;'><!ENTITY f '&e;&e;&e;&e;&e;&e;&e;&e;'>]><b>org.libvirt &f;</b>";
        test.file("/etc/dbus-1/system.d/a.conf", bomb);
        let _ = read(&test.root());
    }
}
