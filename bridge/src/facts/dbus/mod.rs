// SPDX-License-Identifier: LGPL-2.1-or-later
//! What services on the system bus say about a host. Each is optional; asking starts none of them and waits for none for long.

mod firewalld;
mod fwupd;
mod packagekit;
mod peer;
mod polkit;
mod systemd;

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use super::host::{Firewall, Host, ImplicitAnswers, Systemd};
use super::updates::Updates;
use super::{Fact, Gap};

/// How long a service may take for one answer; see `peer::TOGETHER` for all of them.
const LIMIT: Duration = Duration::from_secs(3);

/// What was said, until it becomes a part of the facts about the host.
#[derive(Default)]
pub struct Answers {
    systemd: Systemd,
    polkit_actions: Fact<BTreeMap<String, ImplicitAnswers>>,
    firewall: Fact<Firewall>,
    fwupd_hsi: Fact<String>,
    updates: Fact<Updates>,
}

/// Asks systemd, polkit, firewalld, fwupd and PackageKit of the running host.
pub fn ask() -> Answers {
    let address =
        std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|_| "unix:path=/run/dbus/system_bus_socket".to_owned());
    ask_at(&address, LIMIT)
}

fn ask_at(address: &str, limit: Duration) -> Answers {
    thread::scope(|scope| {
        // At the same time: services that hang cost no more than one.
        let systemd = scope.spawn(|| systemd::read(address, limit));
        let polkit = scope.spawn(|| polkit::read(address, limit));
        let firewall = scope.spawn(|| firewalld::read(address, limit));
        let fwupd = scope.spawn(|| fwupd::read(address, limit));
        let updates = scope.spawn(|| packagekit::read(address, limit));
        Answers {
            systemd: systemd.join().unwrap_or_default(),
            polkit_actions: polkit.join().unwrap_or_default(),
            firewall: firewall.join().unwrap_or_default(),
            fwupd_hsi: fwupd.join().unwrap_or_default(),
            updates: updates.join().unwrap_or_default(),
        }
    })
}

impl Answers {
    pub fn add_to(self, host: &mut Host) {
        host.systemd = self.systemd;
        host.polkit.actions = self.polkit_actions;
        host.firewall = self.firewall;
        host.fwupd_hsi = self.fwupd_hsi;
        host.updates = self.updates;
    }
}

impl<T> From<Result<Fact<T>, Gap>> for Fact<T> {
    fn from(read: Result<Fact<T>, Gap>) -> Self {
        read.unwrap_or_else(Self::Missing)
    }
}

// A service's methods have the form that D-Bus gives them.
#[cfg(test)]
#[allow(clippy::unused_self, clippy::used_underscore_binding)]
mod tests;
