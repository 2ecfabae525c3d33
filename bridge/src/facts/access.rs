// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands in files about who may manage VMs, and about the keys and password files that they use.

use std::collections::BTreeMap;
use std::io;

use rustix::fs::Stat;
use serde::{Deserialize, Serialize};

use super::dbus_policy::{self, BusRule};
use super::root::{Root, is_absent};
use super::schedule::{self, Mention};
use super::sshd::{self, Sshd};
use super::sudoers::{self, Sudoers};
use super::{Fact, Gap, accounts};

/// People whose home is looked at for a client's key.
const HOMES: usize = 256;
/// File systems that may hang, or that a look at a path would mount.
const REMOTE: [&str; 8] = ["autofs", "nfs", "nfs4", "cifs", "smb3", "ceph", "9p", "afs"];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Access {
    /// `/etc/passwd`, by name.
    pub users: Fact<BTreeMap<String, User>>,
    pub sudo: Fact<Sudoers>,
    /// `None` when the host has no configuration of an SSH server.
    pub sshd: Fact<Option<Sshd>>,
    /// What D-Bus policy files that speak of org.libvirt say about it.
    pub bus: Fact<Vec<BusRule>>,
    /// The service org.libvirt, through which Cockpit reaches libvirt, is installed.
    pub libvirt_dbus: Fact<bool>,
    pub cockpit_machines: Fact<bool>,
    /// libvirt's SASL password database; `None` when there is none.
    pub sasl_db: Fact<Option<FileMode>>,
    /// Private TLS keys of libvirt's clients, by path.
    pub client_keys: Fact<BTreeMap<String, FileMode>>,
    /// Lines of crontabs and units that start `qemu-…` programs.
    pub qemu_commands: Fact<Vec<Mention>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct User {
    pub uid: u32,
    pub gid: u32,
    pub home: String,
}

/// Who may do what with a file, and with the directory that it stands in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileMode {
    pub uid: u32,
    pub gid: u32,
    /// The last twelve bits.
    pub mode: u32,
    pub parent_uid: u32,
    pub parent_mode: u32,
}

impl FileMode {
    /// Of what a path leads to; `None` when there is nothing.
    pub(super) fn read(root: &Root, path: &str) -> Fact<Option<Self>> {
        if !path.starts_with('/') {
            return Fact::missing(path, "it is not an absolute path");
        }
        match Self::stat(root, path) {
            Ok(mode) => Fact::known(path, Some(mode)),
            Err(error) if is_absent(&error) => Fact::known(path, None),
            Err(error) => Gap::from_io(path, &error).into(),
        }
    }

    fn stat(root: &Root, path: &str) -> io::Result<Self> {
        let (file, parent) =
            (root.metadata(path)?, root.metadata(path.rsplit_once('/').map_or("/", |(parent, _)| parent))?);
        let mode = |stat: &Stat| stat.st_mode & 0o7777;
        Ok(Self {
            uid: file.st_uid,
            gid: file.st_gid,
            mode: mode(&file),
            parent_uid: parent.st_uid,
            parent_mode: mode(&parent),
        })
    }
}

pub(super) fn read(root: &Root) -> Access {
    let users = accounts::users(root);
    Access {
        sudo: sudoers::read(root),
        sshd: sshd::read(root),
        bus: dbus_policy::read(root),
        libvirt_dbus: exists(root, "/usr/share/dbus-1/system-services/org.libvirt.service"),
        cockpit_machines: exists(root, "/usr/share/cockpit/machines/manifest.json"),
        sasl_db: FileMode::read(root, "/etc/libvirt/passwd.db"),
        client_keys: client_keys(root, &users),
        qemu_commands: schedule::read(root),
        users,
    }
}

fn exists(root: &Root, path: &str) -> Fact<bool> {
    match root.exists(path) {
        Ok(exists) => Fact::known(path, exists),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

/// The host's own key, and those in the homes of people and of root.
fn client_keys(root: &Root, users: &Fact<BTreeMap<String, User>>) -> Fact<BTreeMap<String, FileMode>> {
    const HOST: &str = "/etc/pki/libvirt/private/clientkey.pem";
    let origin = format!("{HOST}, ~/.pki/libvirt/clientkey.pem");
    let users = match users {
        Fact::Known { value, .. } => value,
        Fact::Missing(gap) => return gap.clone().into(),
    };
    let mounts = match root.read("/proc/self/mounts") {
        Ok(text) => text,
        // A directory that stands in for a host mounts nothing.
        Err(error) if is_absent(&error) => String::new(),
        Err(error) => return Gap::from_io("/proc/self/mounts", &error).into(),
    };
    let remote: Vec<&str> = mounts.lines().filter_map(remote_mount).collect();
    let people = users.values().filter(|user| user.uid == 0 || (1000..60_000).contains(&user.uid));
    let local = |home: &&str| home.starts_with('/') && !remote.iter().any(|mount| is_below(home, mount));
    let homes = people.map(|user| user.home.trim_end_matches('/')).filter(local).take(HOMES);
    let mut paths = vec![HOST.to_owned()];
    paths.extend(homes.map(|home| format!("{home}/.pki/libvirt/clientkey.pem")));
    let mut keys = BTreeMap::new();
    for path in paths {
        match FileMode::read(root, &path) {
            Fact::Known { value: Some(mode), .. } => {
                keys.insert(path, mode);
            }
            Fact::Known { value: None, .. } => {}
            Fact::Missing(gap) => return Gap { origin: path, ..gap }.into(),
        }
    }
    Fact::known(origin, keys)
}

/// Where a line of `/proc/self/mounts` mounts a file system of another machine.
fn remote_mount(line: &str) -> Option<&str> {
    let mut columns = line.split(' ').skip(1);
    let (place, kind) = (columns.next()?, columns.next()?);
    (REMOTE.contains(&kind) || kind.starts_with("fuse")).then_some(place)
}

fn is_below(path: &str, mount: &str) -> bool {
    path.strip_prefix(mount.trim_end_matches('/')).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_files_mode_and_its_directorys() {
        let test = TestRoot::new();
        test.file("/etc/libvirt/passwd.db", "");
        let mode = FileMode::read(&test.root(), "/etc/libvirt/passwd.db").get().unwrap().unwrap();
        assert_eq!(mode.uid, rustix::process::geteuid().as_raw());
        assert!(mode.mode & 0o600 == 0o600 && mode.parent_mode & 0o700 == 0o700);
        assert_eq!(FileMode::read(&test.root(), "/none"), Fact::known("/none", None));
        assert!(FileMode::read(&test.root(), "qemu-ifup").value().is_none());
        // Followed inside the root only.
        test.link("/etc/link", "/etc/libvirt/passwd.db");
        assert_eq!(FileMode::read(&test.root(), "/etc/link").get().unwrap().unwrap().mode, mode.mode);
    }

    #[test]
    fn keys_in_homes_of_people_on_this_machine() {
        let test = TestRoot::new();
        test.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann/:\nbob:x:1001:1001::/net/bob:\nd:x:7:7::/var/d:\nbad\n")
            .file("/proc/self/mounts", "server:/x /net nfs4 rw 0 0\n/dev/sda1 / ext4 rw 0 0\n");
        for home in ["/root", "/home/ann", "/net/bob", "/var/d"] {
            test.file(&format!("{home}/.pki/libvirt/clientkey.pem"), "");
        }
        let access = read(&test.root());
        let keys: Vec<_> = access.client_keys.get().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["/home/ann/.pki/libvirt/clientkey.pem", "/root/.pki/libvirt/clientkey.pem"]);
        assert_eq!(access.users.get().unwrap()["ann"].uid, 1000);
        assert!(is_below("/net/bob", "/net/") && !is_below("/network", "/net"));
        assert_eq!(remote_mount("x /run/user/1/doc fuse.portal rw"), Some("/run/user/1/doc"));
    }

    #[test]
    fn without_accounts_no_homes_are_known() {
        let access = read(&TestRoot::new().root());
        assert!(access.client_keys.value().is_none() && access.users.value().is_none());
        assert_eq!(access.libvirt_dbus.value(), Some(&false));
    }
}
