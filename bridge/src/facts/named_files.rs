// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files of the host that a VM's definition names outside of its disks: a kernel, a shared directory, a socket, a script, a log. Of what
//! is written or run, the directory that it stands in too: who may write there can put another file in its place.

use std::collections::{BTreeMap, BTreeSet};

use memchr::memmem;
use roxmltree::Document;

use super::permissions::{self, FileMode};
use super::root::{Root, is_absent};
use super::vm::Vm;
use super::{Fact, Gap};

/// A definition may name as many as it likes.
const FILE_LIMIT: usize = 256;

/// Path in a definition to the file, whose own path is the one that all links lead to; `None` when there is none.
pub type NamedFiles = BTreeMap<String, Fact<Option<FileMode>>>;

/// Devices with an end on the host, which may be a file.
pub const DEVICES: [&str; 4] = ["serial", "parallel", "console", "channel"];

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
    if !names_some(text) {
        return;
    }
    let Ok(document) = Document::parse(text) else { return };
    for node in document.descendants() {
        let above = node.parent_element();
        let path = match (above.map_or("", |parent| parent.tag_name().name()), node.tag_name().name()) {
            ("os", "kernel" | "initrd") => node.text().map(str::trim),
            ("filesystem", "source") => node.attribute("dir"),
            ("shmem", "server") | ("interface", "script" | "downscript") => node.attribute("path"),
            (device, "log") if DEVICES.contains(&device) => node.attribute("file"),
            (device, "source") if DEVICES.contains(&device) => {
                let is_file = above.is_some_and(|device| matches!(device.attribute("type"), Some("file" | "pipe")));
                node.attribute("path").filter(|_| is_file)
            }
            _ => None,
        };
        let Some(path) = path.filter(|path| path.starts_with('/')) else { continue };
        if matches!(node.tag_name().name(), "script" | "downscript" | "log" | "source") && !node.has_attribute("dir") {
            paths.insert(directory_of(path).to_owned());
        }
        paths.insert(path.to_owned());
    }
}

fn names_some(text: &str) -> bool {
    let has = |start: &str| memmem::find(text.as_bytes(), start.as_bytes()).is_some();
    ["<kernel>", "<initrd>", "<filesystem", "<shmem", "<script ", "<downscript ", "<log "].into_iter().any(has)
        || DEVICES.iter().any(|device| {
            memmem::find_iter(text.as_bytes(), format!("<{device} ").as_bytes()).any(|at| {
                let tag = text[at..].split_once('>').map_or("", |(tag, _)| tag);
                tag.contains("file") || tag.contains("pipe")
            })
        })
}

/// The directory that an absolute path is in.
pub fn directory_of(path: &str) -> &str {
    path.rsplit_once('/').map(|(above, _)| above).filter(|above| !above.is_empty()).unwrap_or("/")
}

fn named_file(root: &Root, path: String) -> Fact<Option<FileMode>> {
    let read = permissions::of(root, &path).and_then(|file| Ok(FileMode { path: root.resolve(&path)?, ..file }));
    match read {
        Ok(file) => Fact::known(path, Some(file)),
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
    fn of_what_is_written_or_run_the_directory_too() {
        let test = TestRoot::new();
        test.file("/srv/log/a", "").file("/etc/up", "");
        let devices = "<devices><serial type=\"file\">\n<source path='/srv/log/a'/></serial><console type='pty'><source path='/dev/pts/1'/>\
            <log file='/gone/b'/></console><interface type='ethernet'><script path='/etc/up'/></interface></devices>";
        let files = of_vm(&test.root(), &vm("system", &format!("<domain>{devices}</domain>")));
        assert_eq!(files.keys().collect::<Vec<_>>(), ["/etc", "/etc/up", "/gone", "/gone/b", "/srv/log", "/srv/log/a"]);
        let serial = "<domain><devices><serial type='pipe'><source path='/a'/></serial></devices></domain>";
        assert_eq!(of_vm(&test.root(), &vm("system", serial)).keys().collect::<Vec<_>>(), ["/", "/a"]);
        let terminal = "<domain><devices><serial type='pty'><source path='/a'/></serial></devices></domain>";
        assert!(of_vm(&test.root(), &vm("system", terminal)).is_empty());
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
