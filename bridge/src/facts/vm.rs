// SPDX-License-Identifier: LGPL-2.1-or-later
//! The facts about one virtual machine.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fact;
use super::guest::Guest;
use super::helpers::Helper;
use super::host::Process;
use super::leftovers::Leftovers;
use super::named_files::NamedFiles;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Vm {
    pub uuid: String,
    pub name: String,
    /// `system`, `session`, or the URI as given.
    pub connection: String,
    pub state: Fact<State>,
    /// The stored definition (libvirt's inactive XML); `None` for a transient VM. Passwords in it are replaced.
    pub stored: Fact<Option<String>>,
    /// The running definition; `None` while the VM is shut off.
    pub live: Fact<Option<String>>,
    /// Labels that the security drivers gave the running VM.
    pub labels: Fact<Vec<String>>,
    /// libvirt's taint messages for the running VM.
    pub taints: Fact<Vec<String>>,
    /// For each `<graphics>` in document order, whether a password is set there (secure XML, read-write connection).
    pub graphics_passwords: GraphicsPasswords,
    /// The QEMU process of a running VM.
    pub process: Fact<Option<Process>>,
    /// What the agent in a running guest answers.
    pub guest: Guest,
    /// When the log of a VM that does not run was last written, in seconds since 1970; `None` when there is no log.
    pub log_modified: Fact<Option<i64>>,
    /// Files of the host that the definitions name outside of disks: kernels, shared directories, sockets, scripts, logs.
    pub named_files: NamedFiles,
    /// Programs that work for it beside QEMU.
    pub helpers: Fact<Vec<Helper>>,
    /// Its files beside its images.
    pub left: Leftovers,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GraphicsPasswords {
    pub stored: Fact<Vec<bool>>,
    pub live: Fact<Vec<bool>>,
}

impl Vm {
    /// Whether a QEMU process belongs to it now; not known when libvirt did not say.
    pub fn is_active(&self) -> Result<bool, super::Gap> {
        match &self.live {
            Fact::Known { value, .. } => Ok(value.is_some()),
            Fact::Missing(_) => self.state.get().map(|state| state.is_active()),
        }
    }
}

/// As `virsh domstate` says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    #[serde(rename = "running")]
    Running,
    #[serde(rename = "idle")]
    Blocked,
    #[serde(rename = "paused")]
    Paused,
    #[serde(rename = "in shutdown")]
    ShuttingDown,
    #[serde(rename = "shut off")]
    ShutOff,
    #[serde(rename = "crashed")]
    Crashed,
    #[serde(rename = "pmsuspended")]
    Suspended,
    #[serde(rename = "no state")]
    None,
}

impl State {
    pub fn is_active(self) -> bool {
        !matches!(self, Self::ShutOff | Self::Crashed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Running => "running",
            Self::Blocked => "idle",
            Self::Paused => "paused",
            Self::ShuttingDown => "in shutdown",
            Self::ShutOff => "shut off",
            Self::Crashed => "crashed",
            Self::Suspended => "pmsuspended",
            Self::None => "no state",
        })
    }
}
