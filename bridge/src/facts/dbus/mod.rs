// SPDX-License-Identifier: LGPL-2.1-or-later
//! What services on the system bus say about a host. Each is optional; asking starts none of them and waits for none for long.

mod firewalld;
mod fwupd;
mod packagekit;
mod peer;
mod polkit;
mod systemd;

use std::thread;
use std::time::Duration;

use super::host::Host;
use super::{Fact, Gap};

/// How long a service may take for one answer; see `peer::TOGETHER` for all of them.
const LIMIT: Duration = Duration::from_secs(3);

/// Adds what systemd, polkit, firewalld, fwupd and PackageKit say to the facts about the running host.
pub fn read(host: &mut Host) {
    let address =
        std::env::var("DBUS_SYSTEM_BUS_ADDRESS").unwrap_or_else(|_| "unix:path=/run/dbus/system_bus_socket".to_owned());
    read_from(&address, LIMIT, host);
}

fn read_from(address: &str, limit: Duration, host: &mut Host) {
    thread::scope(|scope| {
        // At the same time: services that hang cost no more than one.
        let systemd = scope.spawn(|| systemd::read(address, limit));
        let polkit = scope.spawn(|| polkit::read(address, limit));
        let firewall = scope.spawn(|| firewalld::read(address, limit));
        let fwupd = scope.spawn(|| fwupd::read(address, limit));
        let updates = scope.spawn(|| packagekit::read(address, limit));
        if let Ok(facts) = systemd.join() {
            host.systemd = facts;
        }
        host.polkit.actions = polkit.join().unwrap_or_default();
        host.firewall = firewall.join().unwrap_or_default();
        host.fwupd_hsi = fwupd.join().unwrap_or_default();
        host.updates = updates.join().unwrap_or_default();
    });
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
