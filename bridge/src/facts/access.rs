// SPDX-License-Identifier: LGPL-2.1-or-later
//! What stands in files about who may manage VMs, and about the keys and password files that they use.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::dbus_policy::{self, BusRule};
use super::mounts::{Mount, Mounts};
use super::permissions::{self, FileMode};
use super::root::Root;
use super::schedule::{self, Mention};
use super::sshd::{self, Sshd};
use super::sudoers::{self, Sudoers};
use super::{Fact, Gap, accounts};

/// The key of the host, with which all its users may connect elsewhere.
pub const HOST_KEY: &str = "/etc/pki/libvirt/private/clientkey.pem";
/// People whose home is looked at for a client's key.
const HOMES: usize = 256;

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

pub(super) fn read(root: &Root, mounts: &Fact<Mounts>) -> Access {
    let users = accounts::users(root);
    Access {
        sudo: sudoers::read(root),
        sshd: sshd::read(root),
        bus: dbus_policy::read(root),
        libvirt_dbus: exists(root, "/usr/share/dbus-1/system-services/org.libvirt.service"),
        cockpit_machines: exists(root, "/usr/share/cockpit/machines/manifest.json"),
        sasl_db: permissions::optional(root, "/etc/libvirt/passwd.db"),
        client_keys: client_keys(root, &users, mounts),
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
fn client_keys(
    root: &Root,
    users: &Fact<BTreeMap<String, User>>,
    mounts: &Fact<Mounts>,
) -> Fact<BTreeMap<String, FileMode>> {
    let origin = format!("{HOST_KEY}, ~/.pki/libvirt/clientkey.pem");
    let users = match users {
        Fact::Known { value, .. } => value,
        Fact::Missing(gap) => return gap.clone().into(),
    };
    let mounts = match mounts {
        Fact::Known { value, .. } => Some(value),
        // Homes on a server that hangs could not be told from others.
        Fact::Missing(gap) if root.is_host() => return gap.clone().into(),
        // A directory that stands in for a host mounts nothing.
        Fact::Missing(_) => None,
    };
    let people = users.values().filter(|user| user.uid == 0 || (1000..60_000).contains(&user.uid));
    let is_remote = |home: &str| mounts.is_some_and(|mounts| mounts.for_path(home).is_some_and(Mount::is_remote));
    let local = |home: &&str| home.starts_with('/') && !is_remote(home);
    let homes = people.map(|user| user.home.trim_end_matches('/')).filter(local).take(HOMES);
    let mut paths = vec![HOST_KEY.to_owned()];
    paths.extend(homes.map(|home| format!("{home}/.pki/libvirt/clientkey.pem")));
    let mut keys = BTreeMap::new();
    for path in paths {
        match permissions::optional(root, &path) {
            Fact::Known { value: Some(mode), .. } => {
                keys.insert(path, mode);
            }
            Fact::Known { value: None, .. } => {}
            Fact::Missing(gap) => return Gap { origin: path, ..gap }.into(),
        }
    }
    Fact::known(origin, keys)
}

#[cfg(test)]
mod tests {
    use super::super::mounts;
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn keys_in_homes_of_people_on_this_machine() {
        let test = TestRoot::new();
        test.file("/etc/passwd", "root:x:0:0::/root:/bin/sh\nann:x:1000:1000::/home/ann/:\nbob:x:1001:1001::/net/bob:\nd:x:7:7::/var/d:\nbad\n")
            .file(
                "/proc/self/mountinfo",
                "1 0 8:1 / / rw - ext4 /dev/sda1 rw\n2 1 0:42 / /net rw - nfs4 server:/x rw\n",
            );
        for home in ["/root", "/home/ann", "/net/bob", "/var/d"] {
            test.file(&format!("{home}/.pki/libvirt/clientkey.pem"), "");
        }
        let access = read(&test.root(), &mounts::read(&test.root()));
        let keys: Vec<_> = access.client_keys.get().unwrap().keys().map(String::as_str).collect();
        assert_eq!(keys, ["/home/ann/.pki/libvirt/clientkey.pem", "/root/.pki/libvirt/clientkey.pem"]);
        assert_eq!(access.users.get().unwrap()["ann"].uid, 1000);
    }

    #[test]
    fn without_accounts_no_homes_are_known() {
        let access = read(&TestRoot::new().root(), &Fact::default());
        assert!(access.client_keys.value().is_none() && access.users.value().is_none());
        assert_eq!(access.libvirt_dbus.value(), Some(&false));
    }
}
