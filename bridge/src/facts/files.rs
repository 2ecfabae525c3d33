// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything about a host that stands in files: configuration, `/proc`, `/sys`.

use super::Host;
use super::root::Root;

/// Reads what the file system below `root` says about a host. What D-Bus says is added by `facts::dbus`.
pub fn read(root: &Root) -> Host {
    let read = |path| root.read(path).map(|text| text.trim().to_owned());
    Host { name: read("/proc/sys/kernel/hostname").unwrap_or_default(), ..Host::default() }
}
