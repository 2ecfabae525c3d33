// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's configuration files below `/etc/libvirt`.

use std::collections::BTreeMap;

use super::host::{ConfFile, Config, DumpDirectory};
use super::permissions::{self, FileMode};
use super::root::{Root, is_absent};
use super::{Fact, Gap, virconf};

/// The configuration files of libvirt's daemons: the monolithic one, and the modular ones that an audit asks about.
const DAEMONS: [&str; 9] = [
    "libvirtd.conf",
    "virtinterfaced.conf",
    "virtnetworkd.conf",
    "virtnodedevd.conf",
    "virtnwfilterd.conf",
    "virtproxyd.conf",
    "virtqemud.conf",
    "virtsecretd.conf",
    "virtstoraged.conf",
];

/// How many log files are looked at.
const FILE_LIMIT: usize = 32;

pub(super) fn read(root: &Root) -> Config {
    let mut daemons = BTreeMap::new();
    for name in DAEMONS {
        let file = conf_file(root, &format!("/etc/libvirt/{name}"));
        if file.value().is_none_or(|file| file.exists) {
            daemons.insert(name.to_owned(), file);
        }
    }
    let log_files = log_files(root, &daemons);
    Config { qemu: conf_file(root, "/etc/libvirt/qemu.conf"), daemons, log_files }
}

/// The files that `log_outputs` names: `1:file:/var/log/libvirt/libvirtd.log 3:syslog:libvirtd`.
fn log_files(root: &Root, daemons: &BTreeMap<String, Fact<ConfFile>>) -> BTreeMap<String, Fact<Option<FileMode>>> {
    let outputs = daemons.values().filter_map(|conf| conf.value()?.text("log_outputs").ok()?);
    let paths = outputs.flat_map(str::split_whitespace).filter_map(|output| {
        let (_, path) = output.split_once(":file:")?;
        path.starts_with('/').then_some(path)
    });
    paths.take(FILE_LIMIT).map(|path| (path.to_owned(), permissions::optional(root, path))).collect()
}

/// The directory that libvirt saves the memory of a guest to when it crashes, or when its watchdog says so.
pub(super) fn dump_directory(root: &Root, qemu: &Fact<ConfFile>) -> Fact<Option<DumpDirectory>> {
    let path = match qemu.get().and_then(|conf| conf.text("auto_dump_path")) {
        Ok(path) => path.unwrap_or("/var/lib/libvirt/qemu/dump"),
        Err(gap) => return gap.into(),
    };
    let own = match permissions::of(root, path) {
        Ok(own) => own,
        Err(error) if is_absent(&error) => return Fact::known(path, None),
        Err(error) => return Gap::from_io(path, &error).into(),
    };
    let above = path.match_indices('/').filter_map(|(at, _)| path.get(..at)).filter(|above| !above.is_empty());
    let mut closed_by = None;
    for above in above.take(64) {
        match root.metadata(above) {
            Ok(found) if found.st_mode & 0o001 == 0 => {
                closed_by = Some(above.to_owned());
                break;
            }
            Ok(_) => {}
            Err(error) => return Gap::from_io(above, &error).into(),
        }
    }
    Fact::known(path, Some(DumpDirectory { own, closed_by }))
}

/// One file; a file that does not exist is known and empty, so that libvirt's built-in defaults hold.
fn conf_file(root: &Root, path: &str) -> Fact<ConfFile> {
    let absent = ConfFile { path: path.to_owned(), ..ConfFile::default() };
    match root.read_bytes(path) {
        Ok(bytes) => match virconf::parse(&bytes) {
            Ok(settings) => Fact::known(path, ConfFile { exists: true, settings, ..absent }),
            Err(error) => Fact::missing(path, format!("{path}: line {}: {}", error.line, error.problem)),
        },
        Err(error) if is_absent(&error) => Fact::known(path, absent),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::host::ConfValue;
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn absent_files_are_known_and_empty() {
        let config = read(&TestRoot::new().root());
        let qemu = config.qemu.get().unwrap();
        assert!(!qemu.exists && qemu.settings.is_empty() && config.daemons.is_empty());
    }

    #[test]
    fn daemons_that_exist_or_cannot_be_read_are_listed() {
        let test = TestRoot::new();
        test.file("/etc/libvirt/virtqemud.conf", "max_clients = 5\n");
        test.directory("/etc/libvirt/virtproxyd.conf");
        test.file("/etc/libvirt/qemu.conf", "user = \"root\"\nvnc_password = \"XYZ12345\"\n");
        let config = read(&test.root());
        assert_eq!(config.daemons.keys().collect::<Vec<_>>(), ["virtproxyd.conf", "virtqemud.conf"]);
        assert!(config.daemons["virtproxyd.conf"].value().is_none());
        let settings = &config.daemons["virtqemud.conf"].get().unwrap().settings;
        assert_eq!(settings["max_clients"].value, ConfValue::Integer(5));
        assert!(!serde_json::to_string(&config).unwrap().contains("XYZ"));
    }

    #[test]
    fn a_file_that_libvirt_would_refuse_is_missing_with_its_line() {
        let test = TestRoot::new();
        test.file("/etc/libvirt/qemu.conf", "user = \"root\"\n\n\ngroup =\n");
        let gap = read(&test.root()).qemu.get().unwrap_err();
        assert_eq!(gap.reason, "/etc/libvirt/qemu.conf: line 4: a value was expected");
    }

    #[test]
    fn the_dump_directory_is_where_qemu_conf_says() {
        let test = TestRoot::new();
        let dump = |test: &TestRoot| dump_directory(&test.root(), &read(&test.root()).qemu);
        assert_eq!(dump(&test), Fact::known("/var/lib/libvirt/qemu/dump", None));
        test.directory("/srv/dump").file("/etc/libvirt/qemu.conf", "auto_dump_path = \"/srv/dump\"\n");
        let found = dump(&test).get().unwrap().clone().unwrap();
        assert_eq!((found.own.path.as_str(), found.own.mode & 0o700, found.closed_by), ("/srv/dump", 0o700, None));
        test.closed("/srv");
        assert_eq!(dump(&test).get().unwrap().clone().unwrap().closed_by.as_deref(), Some("/srv"));
        test.file("/etc/libvirt/qemu.conf", "auto_dump_path = 7\n");
        assert!(dump(&test).get().unwrap_err().reason.contains("is not a string"));
    }

    #[test]
    fn log_files_are_those_that_a_daemon_writes() {
        let test = TestRoot::new();
        test.file(
            "/etc/libvirt/libvirtd.conf",
            "log_outputs = '1:file:/var/log/a.log  3:syslog:libvirtd 1:file:b 1:file:/gone'\n",
        )
        .file("/var/log/a.log", "");
        let files = read(&test.root()).log_files;
        assert_eq!(files.keys().collect::<Vec<_>>(), ["/gone", "/var/log/a.log"]);
        assert_eq!(files["/gone"].get().unwrap(), &None);
        assert!(files["/var/log/a.log"].get().unwrap().is_some());
    }

    #[test]
    fn a_fifo_or_a_huge_file_does_not_hold_the_audit() {
        let test = TestRoot::new();
        test.fifo("/etc/libvirt/qemu.conf");
        test.sparse("/etc/libvirt/libvirtd.conf", 1 << 40);
        let config = read(&test.root());
        assert!(config.qemu.value().is_none());
        let gap = config.daemons["libvirtd.conf"].get().unwrap_err();
        assert_eq!(gap.reason, "/etc/libvirt/libvirtd.conf could not be read (it is larger than 4 MiB)");
    }
}
