// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything that is read, typed and with its origin. All input of an audit happens in this module.
//!
//! The structs of `host.rs` and `vm.rs` are also the format of a recording (`vm-security facts`), judged later by
//! `vm-security audit --facts FILE`: what a recording lacks counts as not read, never as harmless.

pub mod access;
mod accounts;
mod apparmor;
pub mod audit_log;
pub mod block;
pub mod boot;
pub mod bridge_helper;
pub mod capabilities;
pub mod collect;
mod conf_file;
mod config;
mod coredump;
pub mod cpu;
pub mod dbus;
pub mod dbus_policy;
pub mod device_nodes;
pub mod devices;
pub mod dnsmasq_conf;
pub mod domain_features;
mod domain_log;
pub mod elf;
pub mod fact;
pub mod files;
pub mod firmware;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
pub mod guest;
pub mod helpers;
pub mod host;
pub mod image_header;
pub mod images;
pub mod interfaces;
pub mod iommu;
mod kernel;
pub mod leftovers;
pub mod libvirt;
pub mod libvirt_sys;
pub mod memory_encryption;
pub mod meta;
mod module;
pub mod mounts;
pub mod named_files;
mod netlink;
pub mod networks;
pub mod nvram;
pub mod nwfilters;
pub mod osinfo;
pub mod pci;
pub mod permissions;
mod polkit;
mod polkit_policy;
pub mod pools;
pub mod process;
pub mod processor;
mod qcow2;
mod redact;
pub mod root;
pub mod s390;
pub mod sasl;
pub mod schedule;
pub mod selinux;
mod selinux_policy;
mod socket_diag;
mod sockets;
pub mod sriov;
pub mod sshd;
pub mod storage;
pub mod sudoers;
pub mod swap;
pub mod sysctl;
pub mod tls;
pub mod updates;
pub mod usb;
mod virconf;
pub mod vm;
pub mod windows_support;
pub mod x509;

pub use fact::{Fact, Gap};
pub use host::Host;
pub(crate) use redact::MARK as NOT_RECORDED;
pub use vm::{State, Vm};

use std::collections::BTreeMap;

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
    /// What of them checks look at, parsed once.
    pub domain_features: Fact<domain_features::DomainFeatures>,
    /// Security models that libvirt reports for this host, in its order (`selinux`, `apparmor`, `dac`).
    pub security_models: Fact<Vec<String>>,
    /// The machine types of this host's QEMU.
    pub machine_types: Fact<capabilities::MachineTypes>,
    /// What this host's QEMU was built with.
    pub device_kinds: Fact<capabilities::DeviceKinds>,
    /// Virtual networks by name, active or not.
    pub networks: Fact<BTreeMap<String, networks::Network>>,
    /// Network filters by name.
    pub nwfilters: Fact<BTreeMap<String, nwfilters::Filter>>,
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
