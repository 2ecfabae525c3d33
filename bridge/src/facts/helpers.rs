// SPDX-License-Identifier: LGPL-2.1-or-later
//! The programs that work beside QEMU: a VM's TPM (swtpm), its shared directories (virtiofsd), a network's DHCP and DNS (dnsmasq).
//! Of a command line only what is asked for is kept.

use std::collections::BTreeMap;
use std::io;

use serde::{Deserialize, Serialize};

use super::host::{Listener, Process};
use super::process::{self, Tables};
use super::root::Root;
use super::{Fact, Gap, dnsmasq_conf};

/// As much of a command line as libvirt writes.
const CMDLINE_LIMIT: u64 = 64 << 10;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Helper {
    pub pid: u32,
    pub parent: Option<u32>,
    /// `swtpm`, `virtiofsd` or `dnsmasq`.
    pub kind: String,
    /// The VM's UUID, where the command line has it in a path.
    pub uuid: Option<String>,
    /// dnsmasq's configuration file.
    pub conf: Option<String>,
    /// The argument of virtiofsd's `--sandbox`.
    pub sandbox: Option<String>,
    pub uids: Fact<[u32; 4]>,
    /// 0 off, 1 strict, 2 filter.
    pub seccomp: Fact<u32>,
    pub label: Fact<Option<String>>,
    pub mount_namespace: Fact<String>,
    pub pid_namespace: Fact<String>,
    pub cgroup: Fact<String>,
    pub listeners: Fact<Vec<Listener>>,
}

/// Which helper a program is.
pub(super) fn kind(program: &str) -> Option<&'static str> {
    let name = program.rsplit('/').next().unwrap_or(program);
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    ["swtpm", "virtiofsd", "dnsmasq"].into_iter().find(|kind| *kind == name)
}

pub(super) fn read(directory: &Root, pid: u32, kind: &'static str, tables: &mut Tables) -> io::Result<Helper> {
    let cmdline = directory.read_start("cmdline", CMDLINE_LIMIT)?;
    let arguments: Vec<String> = process::arguments(&cmdline).collect();
    let status = format!("/proc/{pid}/status");
    let text = directory.read("status").map_err(|error| process::gap(status.clone(), &error));
    let field = |name: &str| process::field(&text, name, status.clone());
    Ok(Helper {
        pid,
        parent: field("PPid").value().and_then(|text| text.parse().ok()),
        kind: kind.to_owned(),
        uuid: (kind == "swtpm").then(|| arguments.iter().find_map(|argument| uuid(argument))).flatten(),
        conf: (kind == "dnsmasq").then(|| option(&arguments, "--conf-file")).flatten(),
        sandbox: (kind == "virtiofsd").then(|| sandbox(&arguments)).flatten(),
        uids: field("Uid")
            .and_then(|text| process::uids(&text).ok_or_else(|| "the user ids are not four numbers".to_owned())),
        seccomp: field("Seccomp").and_then(|text| text.parse().map_err(|_| process::not_a_number("Seccomp"))),
        label: process::label(directory, format!("/proc/{pid}/attr/current")),
        mount_namespace: process::namespace(directory, "mnt", pid),
        pid_namespace: process::namespace(directory, "pid", pid),
        cgroup: process::control_group(directory, pid),
        listeners: match kind {
            "dnsmasq" => tables.of(directory, pid),
            _ => Fact::missing(format!("/proc/{pid}/fd"), "it was not asked for"),
        },
    })
}

/// The dnsmasq of each network of libvirt, with the network's name. A second one, which dnsmasq keeps as root to run libvirt's script,
/// answers nobody and is left out.
pub fn dnsmasqs(helpers: &[Helper]) -> impl Iterator<Item = (&str, &Helper)> {
    let is_script =
        |helper: &Helper| helper.parent.is_some_and(|parent| helpers.iter().any(|other| other.pid == parent));
    helpers.iter().filter(move |helper| helper.kind == "dnsmasq" && !is_script(helper)).filter_map(|helper| {
        let file = helper.conf.as_deref()?.strip_prefix(dnsmasq_conf::DIRECTORY)?;
        Some((file.strip_prefix('/')?.strip_suffix(".conf")?, helper))
    })
}

/// `--NAME=VALUE` or `--NAME VALUE`.
fn option(arguments: &[String], name: &str) -> Option<String> {
    let at = arguments.iter().position(|argument| {
        argument.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
    })?;
    match arguments[at].split_once('=') {
        Some((_, value)) => Some(value.to_owned()),
        None => arguments.get(at + 1).cloned(),
    }
}

/// Of the present virtiofsd `--sandbox=MODE`, of QEMU's old one `-o …,sandbox=MODE`.
fn sandbox(arguments: &[String]) -> Option<String> {
    let old =
        || arguments.iter().flat_map(|argument| argument.split(',')).find_map(|part| part.strip_prefix("sandbox="));
    option(arguments, "--sandbox").or_else(|| old().map(str::to_owned))
}

/// A directory named by a UUID: `dir=/var/lib/libvirt/swtpm/UUID/tpm2`.
fn uuid(argument: &str) -> Option<String> {
    let is_uuid = |part: &&str| {
        part.len() == 36
            && part.bytes().enumerate().all(|(at, byte)| match at {
                8 | 13 | 18 | 23 => byte == b'-',
                _ => byte.is_ascii_hexdigit(),
            })
    };
    argument.split('/').find(is_uuid).map(str::to_ascii_lowercase)
}

/// The helpers by the VM that they work for.
pub(super) struct Owners<'a> {
    helpers: &'a Fact<Vec<Helper>>,
    by_uuid: BTreeMap<&'a str, Vec<&'a Helper>>,
    by_scope: BTreeMap<&'a str, Vec<&'a Helper>>,
}

impl<'a> Owners<'a> {
    pub(super) fn new(helpers: &'a Fact<Vec<Helper>>) -> Self {
        let mut owners = Self { helpers, by_uuid: BTreeMap::new(), by_scope: BTreeMap::new() };
        for helper in helpers.value().into_iter().flatten() {
            if let Some(uuid) = &helper.uuid {
                owners.by_uuid.entry(uuid).or_default().push(helper);
            } else if let Some(scope) = helper.cgroup.value().and_then(|path| scope(path)) {
                owners.by_scope.entry(scope).or_default().push(helper);
            }
        }
        owners
    }

    /// libvirt puts its helpers into the VM's own control group.
    pub(super) fn of_vm(&self, uuid: &str, process: &Fact<Option<Process>>) -> Fact<Vec<Helper>> {
        let process = match process {
            Fact::Known { value, .. } => value,
            Fact::Missing(gap) => return gap.clone().into(),
        };
        if let Fact::Missing(gap) = self.helpers {
            return gap.clone().into();
        }
        let Some(process) = process else { return Fact::known("/proc", Vec::new()) };
        let uuid = uuid.to_ascii_lowercase();
        let mut found: Vec<Helper> =
            self.by_uuid.get(uuid.as_str()).into_iter().flatten().map(|helper| (*helper).clone()).collect();
        match process.cgroup.get() {
            Ok(path) => {
                let same = scope(path).and_then(|scope| self.by_scope.get(scope));
                found.extend(same.into_iter().flatten().map(|helper| (*helper).clone()));
            }
            Err(gap) => return Gap { reason: format!("the control group of QEMU: {}", gap.reason), ..gap }.into(),
        }
        Fact::known("/proc", found)
    }
}

/// The part of a control group's path that stands for one VM.
pub fn scope(path: &str) -> Option<&str> {
    path.split('/').find(|part| {
        part.starts_with("machine-qemu") && part.strip_suffix(".scope").is_some() || part.ends_with(".libvirt-qemu")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn helpers_by_their_programs() {
        assert_eq!(kind("/usr/bin/swtpm"), Some("swtpm"));
        assert_eq!(kind("/usr/libexec/virtiofsd (deleted)"), Some("virtiofsd"));
        assert_eq!(kind("/usr/bin/swtpm_setup"), None);
    }

    #[test]
    fn what_is_kept_of_a_command_line() {
        let arguments = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let swtpm = "dir=/var/lib/libvirt/swtpm/1A2B3C4D-1111-2222-3333-444455556666/tpm2,mode=0600";
        assert_eq!(uuid(swtpm).as_deref(), Some("1a2b3c4d-1111-2222-3333-444455556666"));
        assert_eq!(uuid("dir=/var/lib/libvirt/swtpm/1a2b3c4d-1111-2222-3333-44445555666g/"), None);
        assert_eq!(sandbox(&arguments("virtiofsd --fd=3 --sandbox=none")).as_deref(), Some("none"));
        assert_eq!(sandbox(&arguments("virtiofsd --sandbox chroot")).as_deref(), Some("chroot"));
        assert_eq!(sandbox(&arguments("virtiofsd -o source=/srv,sandbox=chroot")).as_deref(), Some("chroot"));
        assert_eq!(sandbox(&arguments("virtiofsd --sandboxed --fd=3")), None);
        assert_eq!(option(&arguments("dnsmasq --conf-file=/a.conf"), "--conf-file").as_deref(), Some("/a.conf"));
        assert_eq!(option(&arguments("dnsmasq --conf-file"), "--conf-file"), None);
    }

    #[test]
    fn the_dnsmasq_of_each_network() {
        let dnsmasq = |pid, parent, conf: &str| Helper {
            pid,
            parent: Some(parent),
            kind: "dnsmasq".to_owned(),
            conf: Some(conf.to_owned()),
            ..Helper::default()
        };
        let all = [
            dnsmasq(12, 1, "/var/lib/libvirt/dnsmasq/default.conf"),
            dnsmasq(13, 12, "/var/lib/libvirt/dnsmasq/default.conf"),
            dnsmasq(14, 1, "/etc/dnsmasq.conf"),
            Helper { pid: 15, kind: "swtpm".to_owned(), ..Helper::default() },
        ];
        let found: Vec<_> = dnsmasqs(&all).map(|(network, helper)| (network, helper.pid)).collect();
        assert_eq!(found, [("default", 12)]);
    }

    #[test]
    fn helpers_go_to_their_vm() {
        let in_group = |pid, path: &str| Helper { pid, cgroup: Fact::known("", path.to_owned()), ..Helper::default() };
        let of_uuid = Helper { pid: 3, uuid: Some("ab".to_owned()), ..Helper::default() };
        let all = vec![
            in_group(1, "/machine.slice/machine-qemu\\x2d1\\x2da.scope/libvirt/emulator"),
            in_group(2, "/machine.slice/machine-qemu\\x2d2\\x2db.scope/libvirt/emulator"),
            of_uuid,
            in_group(4, "/system.slice/dnsmasq.service"),
        ];
        let helpers = Fact::known("/proc", all);
        let owners = Owners::new(&helpers);
        let path = "/machine.slice/machine-qemu\\x2d1\\x2da.scope/libvirt/vcpu0".to_owned();
        let process = Process { cgroup: Fact::known("", path), ..Process::default() };
        let pids = |fact: Fact<Vec<Helper>>| fact.get().unwrap().iter().map(|helper| helper.pid).collect::<Vec<_>>();
        assert_eq!(pids(owners.of_vm("AB", &Fact::known("", Some(process)))), [3, 1]);
        assert!(pids(owners.of_vm("ab", &Fact::known("", None))).is_empty());
        assert!(owners.of_vm("ab", &Fact::known("", Some(Process::default()))).value().is_none());
        let missing = Fact::missing("/proc", "hidden");
        assert!(Owners::new(&missing).of_vm("ab", &Fact::known("", Some(Process::default()))).value().is_none());
    }
}
