// SPDX-License-Identifier: LGPL-2.1-or-later
//! The facts about a host. `BTreeMap` throughout: a report must not depend on hash order.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::block::BlockDevice;
use super::mounts::Mounts;
use super::storage::Storage;
use super::{Fact, Gap};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Host {
    pub name: String,
    /// As `uname -m` says it: `x86_64`, `aarch64`, `s390x`.
    pub arch: String,
    pub selinux: Selinux,
    pub apparmor: Apparmor,
    pub kernel: Kernel,
    pub systemd: Systemd,
    pub firewall: Fact<Firewall>,
    pub polkit: Polkit,
    pub config: Config,
    /// Local groups (`/etc/group`) with their members, those by primary group (`/etc/passwd`) included.
    pub groups: Fact<Vec<Group>>,
    /// All QEMU processes of the host, whoever started them.
    pub qemu_processes: Fact<Vec<Process>>,
    /// The mount namespace of PID 1, as `/proc/1/ns/mnt` points to it.
    pub mount_namespace: Fact<String>,
    /// Listening TCP sockets of the host's own network namespace.
    pub listeners: Fact<Vec<Listener>>,
    pub mounts: Fact<Mounts>,
    /// Block devices by the kernel's name.
    pub block_devices: Fact<BTreeMap<String, BlockDevice>>,
    /// Devices and files that the kernel swaps to.
    pub swaps: Fact<Vec<String>>,
    pub storage: Storage,
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
    /// `SocketMode=` (octal bits) and listening addresses of libvirt's loaded socket units.
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
    pub mode: u32,
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
}

/// The assignment of each key that counts: as libvirt looks it up, the first one. Values of password keys are never kept, only that they are set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfFile {
    pub path: String,
    /// The file exists.
    pub exists: bool,
    pub settings: BTreeMap<String, Setting>,
}

impl ConfFile {
    /// A string. libvirt refuses a file in which a key has another type, so that this is a gap, not a default.
    pub fn text(&self, key: &str) -> Result<Option<&str>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.not(key, "a string")),
        }
    }

    pub fn integer(&self, key: &str) -> Result<Option<i64>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::Integer(number)) => Ok(Some(*number)),
            Some(_) => Err(self.not(key, "a number")),
        }
    }

    /// A list of strings. One string alone counts as a list of it, as libvirt takes it for `security_driver`.
    pub fn list(&self, key: &str) -> Result<Option<&[String]>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::List(list)) => Ok(Some(list)),
            Some(ConfValue::Text(text)) => Ok(Some(std::slice::from_ref(text))),
            Some(_) => Err(self.not(key, "a list of strings")),
        }
    }

    /// Where a key stands, for evidence: `/etc/libvirt/qemu.conf: user (line 12)`.
    pub fn place(&self, key: &str) -> String {
        match self.settings.get(key) {
            Some(setting) => format!("{}: {key} (line {})", self.path, setting.line),
            None => format!("{}: {key}", self.path),
        }
    }

    /// A key's value as a person would write it; a secret's value is not here to be shown.
    pub fn shown(&self, key: &str) -> String {
        match self.setting(key) {
            None if self.exists => "(not set)".to_owned(),
            None => "(not set: the file does not exist)".to_owned(),
            Some(ConfValue::Integer(number)) => number.to_string(),
            Some(ConfValue::Text(text)) => format!("\"{text}\""),
            Some(ConfValue::List(list)) => format!("{list:?}"),
            Some(ConfValue::Secret { empty: true, .. }) => "(set to the empty string)".to_owned(),
            Some(ConfValue::Secret { .. }) => "(set)".to_owned(),
        }
    }

    fn setting(&self, key: &str) -> Option<&ConfValue> {
        self.settings.get(key).map(|setting| &setting.value)
    }

    fn not(&self, key: &str, kind: &str) -> Gap {
        Gap::new(self.place(key), format!("{key} in {} is not {kind}", self.path))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub value: ConfValue,
    /// Line number, from 1.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConfValue {
    Integer(i64),
    Text(String),
    List(Vec<String>),
    /// A secret that is set; `empty` because an empty VNC password means something else to QEMU than none.
    Secret {
        secret: bool,
        empty: bool,
    },
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
