// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libosinfo's database says about the operating systems that VMs name. Only their files are read, not the whole tree.

use std::collections::BTreeMap;

use roxmltree::Document;
use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap, Vm};

/// What an administrator added counts before what the distribution ships.
const PLACES: [&str; 2] = ["/etc/osinfo/os", "/usr/share/osinfo/os"];
/// The namespace in which a definition names its guest's operating system.
const NAMESPACE: &str = "http://libosinfo.org/xmlns/libvirt/domain/1.0";
/// Different systems of one host that are looked up.
const SYSTEMS: usize = 200;

/// An operating system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct System {
    pub name: String,
    /// The day on which its maker's support ends or ended, such as `2024-06-30`; many have none.
    pub end_of_life: Option<String>,
}

/// Looks up what the VMs name and what is not known yet.
pub(super) fn attach(root: &Root, vms: &[Vm], systems: &mut BTreeMap<String, Fact<Option<System>>>) {
    for definition in vms.iter().flat_map(|vm| [&vm.stored, &vm.live]) {
        let Some(id) = definition.value().and_then(Option::as_deref).and_then(named) else { continue };
        if !systems.contains_key(id) && systems.len() < SYSTEMS {
            systems.insert(id.to_owned(), read(root, id).into());
        }
    }
}

/// The id in a definition, without parsing all of it: it only decides what to look up.
pub(super) fn named(xml: &str) -> Option<&str> {
    let start = memchr::memmem::find(xml.as_bytes(), NAMESPACE.as_bytes())?;
    let rest = xml.get(start..)?.split_once(":os ")?.1;
    let element = rest.split_once('>')?.0;
    let value = element.split_once("id=")?.1;
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    value.get(1..)?.split_once(quote).map(|(id, _)| id)
}

/// `http://redhat.com/rhel/9.4` is described in `redhat.com/rhel-9.4.xml`.
pub(super) fn file(id: &str) -> Option<String> {
    let (maker, name) = id.strip_prefix("http://")?.split_once('/')?;
    let plain = |text: &str| {
        let usual = |byte: u8| byte.is_ascii_alphanumeric() || b".-_+".contains(&byte);
        !text.is_empty() && text.len() < 100 && !text.starts_with('.') && text.bytes().all(usual)
    };
    let name = name.replace('/', "-");
    (plain(maker) && plain(&name)).then(|| format!("{maker}/{name}.xml"))
}

fn read(root: &Root, id: &str) -> Result<Fact<Option<System>>, Gap> {
    let [_, shipped] = PLACES;
    let Some(file) = file(id) else {
        return Ok(Fact::known(shipped, None));
    };
    for place in PLACES {
        let path = format!("{place}/{file}");
        match root.read(&path) {
            Ok(text) => return parse(&text, id, &path).map(|system| Fact::known(path, Some(system))),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Gap::from_io(path, &error)),
        }
    }
    match root.exists(shipped) {
        Ok(true) => Ok(Fact::known(format!("{shipped}/{file}"), None)),
        Ok(false) => Err(Gap::new(shipped, "libosinfo's database (the package osinfo-db) is not installed")),
        Err(error) => Err(Gap::from_io(shipped, &error)),
    }
}

pub(super) fn parse(text: &str, id: &str, path: &str) -> Result<System, Gap> {
    let document = Document::parse(text).map_err(|error| Gap::new(path, format!("{path} does not parse ({error})")))?;
    let mut all = document.root_element().children().filter(|node| node.has_tag_name("os"));
    let Some(os) = all.find(|os| os.attribute("id") == Some(id)) else {
        return Err(Gap::new(path, format!("{path} is not about {id}")));
    };
    let read =
        |name: &str| os.children().find(|node| node.has_tag_name(name))?.text().map(|text| text.trim().to_owned());
    Ok(System { name: read("name").unwrap_or_default(), end_of_life: read("eol-date") })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const WIN10: &str = "<libosinfo version='0.0.1'><os id='http://microsoft.com/win/10'><short-id>win10</short-id>
        <name>Microsoft Windows 10</name><name xml:lang='de'>X</name><eol-date>2025-10-14</eol-date></os></libosinfo>";

    fn vm(id: &str) -> Vm {
        let xml = format!(
            "<domain><metadata><libosinfo:libosinfo xmlns:libosinfo=\"{NAMESPACE}\">\n <libosinfo:os id=\"{id}\"/>"
        );
        Vm { stored: Fact::known("", Some(xml)), ..Vm::default() }
    }

    fn look_up(test: &TestRoot, id: &str) -> Fact<Option<System>> {
        let mut systems = BTreeMap::new();
        attach(&test.root(), &[vm(id), Vm::default()], &mut systems);
        assert_eq!(systems.len(), 1);
        systems.remove(id).unwrap()
    }

    #[test]
    fn a_system_is_found_by_its_id() {
        let test = TestRoot::new();
        test.file("/usr/share/osinfo/os/microsoft.com/win-10.xml", WIN10);
        let system = System { name: "Microsoft Windows 10".to_owned(), end_of_life: Some("2025-10-14".to_owned()) };
        let path = "/usr/share/osinfo/os/microsoft.com/win-10.xml";
        assert_eq!(look_up(&test, "http://microsoft.com/win/10"), Fact::known(path, Some(system)));
        assert_eq!(look_up(&test, "http://microsoft.com/win/95").value(), Some(&None));
        test.file("/etc/osinfo/os/microsoft.com/win-10.xml", WIN10.replace("2025", "2032"));
        let read = look_up(&test, "http://microsoft.com/win/10");
        assert_eq!(read.get().unwrap().as_ref().unwrap().end_of_life.as_deref(), Some("2032-10-14"));
    }

    #[test]
    fn without_the_database_nothing_is_known() {
        let reason = look_up(&TestRoot::new(), "http://microsoft.com/win/10").get().unwrap_err().reason;
        assert_eq!(reason, "libosinfo's database (the package osinfo-db) is not installed");
    }

    #[test]
    fn hostile_names_and_files() {
        let test = TestRoot::new();
        test.file("/usr/share/osinfo/os/a.com/b.xml", "<libosinfo><os id='http://other/os'/></libosinfo>")
            .file("/usr/share/osinfo/os/a.com/c.xml", "<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>");
        for id in ["http://../../etc/passwd", "http://a.com/../../x", "file:///etc/passwd", "http://a.com/\u{1b}", ""] {
            assert_eq!(look_up(&test, id).value(), Some(&None), "{id}");
        }
        assert!(look_up(&test, "http://a.com/b").get().unwrap_err().reason.contains("is not about"));
        assert!(look_up(&test, "http://a.com/c").get().unwrap_err().reason.contains("does not parse"));
        let many: Vec<Vm> = (0..300).map(|number| vm(&format!("http://a.com/{number}"))).collect();
        let mut systems = BTreeMap::new();
        attach(&test.root(), &many, &mut systems);
        assert_eq!(systems.len(), SYSTEMS);
        for xml in ["", NAMESPACE, &format!("{NAMESPACE}<x:os id>"), &format!("{NAMESPACE}<x:os id=é>")] {
            assert_eq!(named(xml), None);
        }
    }
}
