// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files of the host that a VM's definition names outside of its disks: a kernel, a shared directory, a socket.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use roxmltree::Document;
use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::vm::Vm;
use super::{Fact, Gap};

/// A definition may name as many as it likes.
const FILE_LIMIT: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct NamedFile {
    /// Where it lies once all links are followed.
    pub path: String,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

/// Path in a definition to the file; `None` when there is none.
pub type NamedFiles = BTreeMap<String, Fact<Option<NamedFile>>>;

/// The files that the definitions of a VM of this host name. What is named on another host says nothing here.
pub(super) fn of_vm(root: &Root, vm: &Vm) -> NamedFiles {
    if !matches!(vm.connection.as_str(), "system" | "session" | "file") {
        return NamedFiles::new();
    }
    let mut paths = BTreeSet::new();
    for definition in [&vm.stored, &vm.live] {
        if let Fact::Known { value: Some(text), .. } = definition {
            collect(text, &mut paths);
        }
    }
    paths.into_iter().take(FILE_LIMIT).map(|path| (path.clone(), named_file(root, path))).collect()
}

fn collect(text: &str, paths: &mut BTreeSet<String>) {
    // Few definitions have any of these, and parsing all of them again would take as long as judging them.
    if !["<kernel>", "<initrd>", "<filesystem", "<shmem"]
        .iter()
        .any(|start| memmem::find(text.as_bytes(), start.as_bytes()).is_some())
    {
        return;
    }
    let Ok(document) = Document::parse(text) else { return };
    for node in document.descendants() {
        let above = node.parent_element().map_or("", |parent| parent.tag_name().name());
        let path = match (above, node.tag_name().name()) {
            ("os", "kernel" | "initrd") => node.text().map(str::trim),
            ("filesystem", "source") => node.attribute("dir"),
            ("shmem", "server") => node.attribute("path"),
            _ => None,
        };
        paths.extend(path.filter(|path| path.starts_with('/')).map(str::to_owned));
    }
}

fn named_file(root: &Root, path: String) -> Fact<Option<NamedFile>> {
    let read = root.metadata(&path).and_then(|stat| Ok((stat, root.resolve(&path)?)));
    match read {
        Ok((stat, resolved)) => {
            let file = NamedFile { path: resolved, mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid };
            Fact::known(path, Some(file))
        }
        Err(error) if is_absent(&error) => Fact::known(path, None),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn vm(connection: &str, xml: &str) -> Vm {
        let stored = Fact::known("", Some(xml.to_owned()));
        Vm { connection: connection.to_owned(), stored, ..Vm::default() }
    }

    const DEFINITION: &str = "<domain><os><kernel> /boot/vmlinuz\n</kernel><initrd>relative</initrd></os><devices>\
        <filesystem><source dir='/srv/share'/></filesystem><shmem name='a'><server path='/run/gone'/></shmem>\
        <disk><source dir='/not/this'/></disk></devices></domain>";

    #[test]
    fn links_are_followed() {
        let test = TestRoot::new();
        test.file("/boot/vmlinuz", "MZ").directory("/etc").link("/srv/share", "/etc");
        let files = of_vm(&test.root(), &vm("system", DEFINITION));
        assert_eq!(files.keys().collect::<Vec<_>>(), ["/boot/vmlinuz", "/run/gone", "/srv/share"]);
        let kernel = files["/boot/vmlinuz"].get().unwrap().as_ref().unwrap();
        assert_eq!((kernel.path.as_str(), kernel.mode & 0o400), ("/boot/vmlinuz", 0o400));
        assert_eq!(files["/srv/share"].get().unwrap().as_ref().unwrap().path, "/etc");
        assert_eq!(files["/run/gone"], Fact::known("/run/gone", None));
    }

    #[test]
    fn another_hosts_vms_name_nothing_here() {
        let test = TestRoot::new();
        assert!(of_vm(&test.root(), &vm("qemu+ssh://db/system", DEFINITION)).is_empty());
        assert!(of_vm(&test.root(), &vm("system", "<domain><name>a</name></domain>")).is_empty());
        assert!(of_vm(&test.root(), &vm("system", "<domain><os><kernel>/a</kernel>")).is_empty());
    }

    #[test]
    fn a_definition_with_thousands_costs_no_more_than_some() {
        let many: Vec<String> = (0..3000).map(|n| format!("<filesystem><source dir='/{n}'/></filesystem>")).collect();
        let test = TestRoot::new();
        let files = of_vm(&test.root(), &vm("file", &format!("<domain>{}</domain>", many.concat())));
        assert_eq!(files.len(), FILE_LIMIT);
    }

    #[test]
    fn a_link_to_itself_is_a_missing_fact() {
        let test = TestRoot::new();
        test.link("/srv/share", "/srv/share");
        let files = of_vm(&test.root(), &vm("file", DEFINITION));
        assert!(files["/srv/share"].value().is_none());
    }
}
