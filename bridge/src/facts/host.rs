// SPDX-License-Identifier: LGPL-2.1-or-later
//! The facts about a host. `BTreeMap` throughout: a report must not depend on hash order.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Fact;
use super::access::Access;
use super::audit_log::Denials;
use super::block::BlockDevice;
use super::boot::Boot;
use super::bridge_helper::BridgeHelper;
pub use super::conf_file::{ConfFile, ConfValue, Setting};
use super::cpu::Cpu;
use super::dnsmasq_conf::DnsmasqConf;
use super::elf::Hardening;
use super::firmware::Firmwares;
use super::helpers::Helper;
use super::interfaces::Interface;
use super::iommu::Iommu;
use super::memory_encryption::MemoryEncryption;
use super::meta::octal;
use super::mounts::Mounts;
use super::nwfilters::Filter;
use super::osinfo::System;
use super::pci::PciDevice;
use super::permissions::{FileMode, Permissions};
use super::process::Core;
use super::processor::Processor;
use super::s390::S390;
use super::sasl::Sasl;
use super::sriov::VirtualFunction;
use super::storage::Storage;
use super::swap::Swap;
use super::sysctl::Sysctl;
use super::tls::Tls;
use super::updates::Updates;
use super::usb::UsbDevice;
use super::windows_support::WindowsSupport;
use crate::waivers::Waiver;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    pub name: String,
    /// As `uname -m` says it: `x86_64`, `aarch64`, `s390x`.
    pub arch: String,
    pub selinux: Selinux,
    pub apparmor: Apparmor,
    pub kernel: Kernel,
    pub processor: Processor,
    pub boot: Boot,
    pub sysctl: Sysctl,
    /// `/dev/kvm`, `/dev/sev` and the vhost devices that exist, by path.
    pub device_nodes: Fact<BTreeMap<String, FileMode>>,
    pub mounts: Fact<Mounts>,
    pub swaps: Fact<Vec<Swap>>,
    /// `Storage=` of systemd-coredump; `None` where no file sets it.
    pub coredump_storage: Fact<Option<String>>,
    /// Recent denials of SELinux in sVirt's domains.
    pub svirt_denials: Fact<Denials>,
    /// The emulators that definitions name, by path.
    pub emulators: BTreeMap<String, Fact<Hardening>>,
    /// fwupd's Host Security ID: `HSI:2! (v1.9.5)`.
    pub fwupd_hsi: Fact<String>,
    pub updates: Fact<Updates>,
    pub systemd: Systemd,
    pub firewall: Fact<Firewall>,
    pub polkit: Polkit,
    pub config: Config,
    pub permissions: Permissions,
    pub tls: Fact<Tls>,
    pub sasl: Fact<Sasl>,
    pub bridge_helper: Fact<BridgeHelper>,
    /// Local groups (`/etc/group`) with their members, those by primary group (`/etc/passwd`) included.
    pub groups: Fact<Vec<Group>>,
    /// All QEMU processes of the host, whoever started them.
    pub qemu_processes: Fact<Vec<Process>>,
    /// Programs that work for a VM or a network beside QEMU: swtpm, virtiofsd, dnsmasq.
    pub helpers: Fact<Vec<Helper>>,
    /// The host's own network devices, by name.
    pub interfaces: Fact<BTreeMap<String, Interface>>,
    /// What libvirt's networks gave dnsmasq to read, by network.
    pub dnsmasq_conf: Fact<BTreeMap<String, DnsmasqConf>>,
    /// The network filters as the package brought them; empty where it keeps no originals.
    pub nwfilter_originals: Fact<BTreeMap<String, Filter>>,
    pub access: Access,
    /// The mount namespace of PID 1, as `/proc/1/ns/mnt` points to it.
    pub mount_namespace: Fact<String>,
    /// Listening TCP sockets of the host's own network namespace.
    pub listeners: Fact<Vec<Listener>>,
    /// Block devices by the kernel's name.
    pub block_devices: Fact<BTreeMap<String, BlockDevice>>,
    pub storage: Storage,
    pub cpu: Cpu,
    pub iommu: Iommu,
    /// PCI address (`0000:03:00.0`) to the device.
    pub pci_devices: Fact<BTreeMap<String, PciDevice>>,
    /// PCI address of a virtual network function (SR-IOV) to what its card lets it do.
    pub virtual_functions: Fact<BTreeMap<String, VirtualFunction>>,
    /// The kernel's name of a USB device (`1-4.2`) to the device.
    pub usb_devices: Fact<BTreeMap<String, UsbDevice>>,
    /// What libosinfo's database says about each operating system that a VM names, by its id; `None` when it does not know it.
    pub systems: BTreeMap<String, Fact<Option<System>>>,
    pub s390: S390,
    pub memory_encryption: MemoryEncryption,
    pub windows_support: WindowsSupport,
    /// Findings about the host that somebody accepted; none when there is no such file.
    pub waivers: Fact<Vec<Waiver>>,
    /// What the descriptors of firmware images say.
    pub firmware: Fact<Firmwares>,
    /// Where libvirt puts the memory of guests that crash; `None` while the directory does not exist.
    pub dump_directory: Fact<Option<DumpDirectory>>,
}

/// `auto_dump_path` of qemu.conf.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DumpDirectory {
    #[serde(flatten)]
    pub own: FileMode,
    /// The first directory above it that other users cannot pass.
    pub closed_by: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Selinux {
    pub mode: Fact<SelinuxMode>,
    /// `SELINUX=` of `/etc/selinux/config`; `None` when the file or the key is absent.
    pub configured: Fact<Option<String>>,
    /// From `/sys/fs/selinux/booleans`: those whose name speaks of virt or svirt.
    pub booleans: Fact<BTreeMap<String, Boolean>>,
    /// Values that `setsebool -P` stored (`booleans.local` of the policy store); a boolean not listed has the policy's default.
    pub stored_booleans: Fact<BTreeMap<String, bool>>,
    /// Types that the policy exempts from being enforced.
    pub permissive_types: Fact<Vec<String>>,
    /// Scripts in `/etc/libvirt/hooks` and the directories below it, which libvirt runs as root.
    pub hooks: Fact<Vec<String>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SelinuxMode {
    Enforcing,
    Permissive,
    /// The kernel has no SELinux file system: SELinux is disabled or not built in.
    Disabled,
}

impl fmt::Display for SelinuxMode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(match self {
            Self::Enforcing => "enforcing",
            Self::Permissive => "permissive",
            Self::Disabled => "disabled",
        })
    }
}

/// The two digits of `/sys/fs/selinux/booleans/NAME`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boolean {
    pub current: bool,
    pub pending: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Apparmor {
    /// `/sys/module/apparmor/parameters/enabled`; false when the module is absent.
    pub enabled: Fact<bool>,
    /// `/sys/kernel/security/apparmor/profiles`: profile name to mode (`enforce`, `complain`).
    pub profiles: Fact<BTreeMap<String, String>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kernel {
    pub cmdline: Fact<String>,
    /// `CONFIG_RANDOMIZE_BASE` of the running kernel's configuration file; `None` when the key is absent there.
    pub randomize_base: Fact<Option<bool>>,
    /// File name below `/sys/devices/system/cpu/vulnerabilities` to its text.
    pub vulnerabilities: Fact<BTreeMap<String, String>>,
    /// `/sys/kernel/mm/ksm/run`; `None` when the kernel has no KSM.
    pub ksm_run: Fact<Option<u32>>,
    pub ksm_pages_sharing: Fact<Option<u64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Systemd {
    /// Unit name to its state, for the units that libvirt, KSM and the firewall may have; absent ones are `not-found`.
    pub units: Fact<BTreeMap<String, Unit>>,
    /// `SocketMode=` and listening addresses of libvirt's loaded socket units.
    pub sockets: Fact<BTreeMap<String, SocketUnit>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unit {
    /// `loaded`, `not-found`, `masked` …
    pub load: String,
    /// `active`, `inactive`, `failed` …
    pub active: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SocketUnit {
    #[serde(with = "octal")]
    pub mode: u32,
    /// The group that the socket's file belongs to; empty for root's.
    #[serde(default)]
    pub group: String,
    /// As systemd's `Listen` property: `/run/libvirt/virtqemud-sock`, `[::]:16509`.
    pub listen: Vec<String>,
}

/// firewalld's answer over D-Bus; a firewall that does not run is a missing fact.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firewall {
    pub zones: Vec<Zone>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Zone {
    pub name: String,
    /// Interfaces or sources are bound to it now.
    pub active: bool,
    /// From the permanent configuration, not only the running one.
    pub permanent: bool,
    /// `default`, `ACCEPT`, `DROP` …
    pub target: String,
    pub interfaces: Vec<String>,
    pub services: Vec<String>,
    /// `16509/tcp`, `5900-5999/tcp`.
    pub ports: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Polkit {
    /// polkit's implicit answers for libvirt's actions, over D-Bus.
    pub actions: Fact<BTreeMap<String, ImplicitAnswers>>,
    /// The same as libvirt's policy file has them, for when polkit does not run.
    pub policy: Fact<BTreeMap<String, ImplicitAnswers>>,
    /// Rules files (`.rules`, `.pkla`) that mention libvirt, in polkit's order.
    pub rules: Fact<Vec<RulesFile>>,
}

/// `yes`, `no`, `auth_self`, `auth_admin`, `auth_self_keep`, `auth_admin_keep`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImplicitAnswers {
    pub any: String,
    pub inactive: String,
    pub active: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulesFile {
    pub path: String,
    pub text: String,
}

/// libvirt's configuration files; one that is absent is known and empty, so that the built-in defaults hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Config {
    pub qemu: Fact<ConfFile>,
    /// File name (`libvirtd.conf`, `virtqemud.conf`, …) to its content, for the files that exist.
    pub daemons: BTreeMap<String, Fact<ConfFile>>,
    /// Path of a file that a daemon's `log_outputs` names to its mode; `None` when it does not exist.
    pub log_files: BTreeMap<String, Fact<Option<FileMode>>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    pub name: String,
    pub gid: u32,
    pub members: Vec<String>,
}

/// A QEMU process as `/proc/PID` shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Process {
    pub pid: u32,
    /// Where `/proc/PID/exe` points; not readable for other users' processes without root.
    pub exe: Fact<String>,
    /// First argument of the command line.
    pub program: String,
    /// `-uuid` of the command line.
    pub uuid: Option<String>,
    /// `guest=` of `-name`; empty for a QEMU that libvirt did not start.
    pub guest: Option<String>,
    /// The argument of `-sandbox`; `None` when there is none.
    pub sandbox: Fact<Option<String>>,
    /// Real, effective, saved, file system.
    pub uids: Fact<[u32; 4]>,
    pub capabilities: Fact<Capabilities>,
    /// 0 off, 1 strict, 2 filter.
    pub seccomp: Fact<u32>,
    pub no_new_privs: Fact<bool>,
    /// `/proc/PID/attr/current`; `None` when no security module labels processes.
    pub label: Fact<Option<String>>,
    pub mount_namespace: Fact<String>,
    /// Its path in the hierarchy that systemd manages: `/machine.slice/machine-qemu…`.
    pub cgroup: Fact<String>,
    /// Listening TCP sockets that this process itself holds.
    pub listeners: Fact<Vec<Listener>>,
    /// What stands in the `/dev` that it sees.
    pub devices: Fact<Vec<super::devices::DeviceNode>>,
    /// Programs and libraries in its memory whose files are gone: replaced by an update, or deleted.
    pub stale: Fact<Vec<String>>,
    pub core: Core,
}

/// Bit sets, as the hexadecimal numbers of `/proc/PID/status`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    pub permitted: u64,
    pub effective: u64,
    pub ambient: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listener {
    pub address: std::net::IpAddr,
    pub port: u16,
}
