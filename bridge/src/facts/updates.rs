// SPDX-License-Identifier: LGPL-2.1-or-later
//! Updates that the host's package manager knows of and has not installed. `facts::dbus` asks for them.

use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Updates {
    /// How many seconds ago the lists of packages were fetched; `None` when they never were, as far as PackageKit knows.
    pub age: Option<u32>,
    pub packages: Vec<Update>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Update {
    pub name: String,
    pub version: String,
    /// The distribution says that it mends a security problem.
    pub security: bool,
}
