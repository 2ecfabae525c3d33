// SPDX-License-Identifier: LGPL-2.1-or-later
//! What fwupd says about the host's firmware.

use std::time::Duration;

use super::super::Fact;
use super::peer::ask;

const SERVICE: &str = "org.freedesktop.fwupd";

/// The Host Security ID: `HSI:2! (v1.9.5)`.
pub(super) fn read(address: &str, limit: Duration) -> Fact<String> {
    let id = ask(address, SERVICE, limit, |peer| async move { peer.property("/", SERVICE, "HostSecurityId").await });
    id.map(|id: String| Fact::known(format!("{SERVICE}: HostSecurityId"), id.chars().take(100).collect())).into()
}
