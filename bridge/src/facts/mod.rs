// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything that is read, typed and with its origin. All input of an audit happens in this module.
//!
//! The structs of `host.rs` and `vm.rs` are also the format of a recording (`vm-security facts`), judged later by
//! `vm-security audit --facts FILE`: what a recording lacks counts as not read, never as harmless.

mod accounts;
mod apparmor;
pub mod block;
pub mod collect;
mod config;
pub mod dbus;
pub mod fact;
pub mod files;
pub mod host;
pub mod image_header;
pub mod images;
mod kernel;
pub mod leftovers;
pub mod libvirt;
pub mod libvirt_sys;
pub mod meta;
pub mod mounts;
pub mod nvram;
mod polkit;
pub mod pools;
pub mod process;
mod qcow2;
mod redact;
pub mod root;
mod selinux;
mod sockets;
pub mod storage;
mod virconf;
pub mod vm;

pub use fact::{Fact, Gap};
pub use host::Host;
pub use vm::{State, Vm};

use serde::{Deserialize, Serialize};

/// The format of a recording.
pub const VERSION: u32 = 1;

/// What one audit judges. `Default` is the state in which nothing was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub version: u32,
    /// When it was read (RFC 3339).
    pub recorded: String,
    /// Whether it was read with administrative access (user id 0).
    pub privileged: bool,
    pub host: Host,
    pub libvirt: Libvirt,
    pub vms: Vec<Vm>,
}

/// The connection that the VMs were read through.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Libvirt {
    pub link: Link,
    /// `system`, `session`, or the URI as given.
    pub connection: String,
    pub uri: String,
    /// libvirt's own documents, for what no typed fact holds yet.
    pub capabilities: Fact<String>,
    pub domain_capabilities: Fact<String>,
    /// Security models that libvirt reports for this host, in its order (`selinux`, `apparmor`, `dac`).
    pub security_models: Fact<Vec<String>>,
    /// Storage pools by name.
    pub pools: Fact<pools::Pools>,
    /// Never their values.
    pub secrets: Fact<pools::Secrets>,
}

/// Whether libvirt answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Link {
    /// No connection was asked for: a definition or a recording is judged.
    #[default]
    NotUsed,
    Connected,
    Unreachable {
        message: String,
    },
    Denied {
        message: String,
    },
}
