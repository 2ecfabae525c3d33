// SPDX-License-Identifier: LGPL-2.1-or-later
//! QEMU processes, as `/proc` shows them. Of a command line only what is asked for is kept: the rest may hold secrets.

use std::collections::{BTreeSet, HashMap};
use std::io;

use serde::{Deserialize, Serialize};

use super::helpers::{self, Helper};
use super::host::{Capabilities, Listener, Process};
use super::root::{FILE_LIMIT, Root, is_absent};
use super::sockets::{self, Socket};
use super::{Fact, Gap, devices};

/// As much of a command line as tells which program it is.
const PROGRAM_LIMIT: u64 = 4096;
/// Stale files that are named.
const STALE_LIMIT: usize = 64;
/// An attribute of a security module is shorter.
const LABEL_LIMIT: u64 = 64 << 10;

/// What a crash of QEMU would write down.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Core {
    /// `dump-guest-core` of `-machine`; `None` when it is not given.
    pub dump_guest: Fact<Option<bool>>,
    /// `/proc/PID/coredump_filter`.
    pub filter: Fact<u32>,
    /// `Max core file size` in bytes; `None` for unlimited.
    pub limit: Fact<Option<u64>>,
}

/// The QEMU processes of the host, whoever started them, and the programs that work for VMs beside it, by process id.
pub fn all(root: &Root) -> (Fact<Vec<Process>>, Fact<Vec<Helper>>) {
    match read_all(root) {
        Ok((processes, helpers)) => (Fact::known("/proc", processes), Fact::known("/proc", helpers)),
        Err(gap) => (gap.clone().into(), gap.into()),
    }
}

fn read_all(root: &Root) -> Result<(Vec<Process>, Vec<Helper>), Gap> {
    let names = root.list("/proc").map_err(|error| Gap::from_io("/proc", &error))?;
    let mut pids: Vec<u32> = names.iter().filter_map(|name| name.parse().ok()).collect();
    pids.sort_unstable();
    // Where /proc hides other users' processes (hidepid=2), the first one is hidden too.
    if pids.first() != Some(&1) {
        return Err(Gap::needs_admin("/proc"));
    }
    let mut tables = Tables::new(root);
    let (mut processes, mut found) = (Vec::new(), Vec::new());
    for pid in pids {
        let origin = format!("/proc/{pid}");
        match root.inside(&origin).and_then(|directory| known(&directory, pid, &mut tables)) {
            Ok(Some(Known::Qemu(process))) => processes.push(*process),
            Ok(Some(Known::Helper(helper))) => found.push(*helper),
            Ok(None) => {}
            Err(error) if is_absent(&error) => {}
            // It could be one (hidepid=1), so the list would not be complete.
            Err(error) => return Err(Gap::from_io(origin, &error)),
        }
    }
    Ok((processes, found))
}

/// The process id that libvirt noted for a VM; `None` when there is no such file.
pub fn pidfile(root: &Root, connection: &str, vm_name: &str) -> Fact<Option<u32>> {
    let directory = match connection {
        "system" => "/run/libvirt/qemu".to_owned(),
        "session" => match std::env::var("XDG_RUNTIME_DIR") {
            Ok(directory) if directory.starts_with('/') => format!("{directory}/libvirt/qemu/run"),
            _ => return Fact::missing("XDG_RUNTIME_DIR", "XDG_RUNTIME_DIR is not set"),
        },
        other => return Fact::missing("", format!("where the connection {other} keeps its process ids is not known")),
    };
    if vm_name.is_empty() || vm_name.contains(['/', '\0']) {
        return Fact::missing(directory, "the VM's name cannot be part of a file name");
    }
    let path = format!("{directory}/{vm_name}.pid");
    root.optional(&path).and_then(|text| match text.as_deref().map(str::trim).map(str::parse) {
        None => Ok(None),
        Some(Ok(pid)) if pid > 0 => Ok(Some(pid)),
        Some(_) => Err(format!("{path} does not hold a process id")),
    })
}

/// The process of the running VM with this UUID, by its process id and the processes that were read.
pub fn of_vm(pid: &Fact<Option<u32>>, uuid: &str, processes: &Fact<Vec<Process>>) -> Fact<Option<Process>> {
    find(pid, uuid, processes).unwrap_or_else(Fact::Missing)
}

fn find(pid: &Fact<Option<u32>>, uuid: &str, processes: &Fact<Vec<Process>>) -> Result<Fact<Option<Process>>, Gap> {
    let origin = pid.origin();
    let Some(pid) = pid.get()? else {
        return Err(Gap::new(origin, format!("there is no {origin}, though the VM runs")));
    };
    let Some(process) = processes.get()?.iter().find(|process| process.pid == *pid) else {
        return Err(Gap::new(origin, format!("the process {pid} that {origin} names is not a running QEMU")));
    };
    if process.uuid.as_deref().is_none_or(|other| !other.eq_ignore_ascii_case(uuid)) {
        return Err(Gap::new(origin, "the pid file points to another process"));
    }
    Ok(Fact::known(format!("/proc/{pid}"), Some(process.clone())))
}

fn is_qemu(program: &str) -> bool {
    let name = program.rsplit('/').next().unwrap_or(program);
    // The kernel says so of a program that was updated while it ran.
    let name = name.strip_suffix(" (deleted)").unwrap_or(name);
    name.starts_with("qemu-system-") || name == "qemu-kvm"
}

enum Known {
    Qemu(Box<Process>),
    Helper(Box<Helper>),
}

/// Reads one process if it is a QEMU or one of its helpers. `directory` is its own, so all that is read belongs to the same process.
fn known(directory: &Root, pid: u32, tables: &mut Tables) -> io::Result<Option<Known>> {
    let origin = format!("/proc/{pid}/exe");
    let (program, exe) = match directory.read_link("exe") {
        Ok(exe) => (exe.clone(), Fact::known(origin, exe)),
        Err(error) if is_absent(&error) => return Ok(None),
        // Without privileges a process is what it calls itself.
        Err(error) => {
            let start = directory.read_start("cmdline", PROGRAM_LIMIT)?;
            (arguments(&start).next().unwrap_or_default(), Gap::from_io(origin, &error).into())
        }
    };
    if is_qemu(&program) {
        return qemu(directory, pid, exe, tables).map(|process| Some(Known::Qemu(Box::new(process))));
    }
    match helpers::kind(&program) {
        Some(kind) => helpers::read(directory, pid, kind, tables).map(|helper| Some(Known::Helper(Box::new(helper)))),
        None => Ok(None),
    }
}

fn qemu(directory: &Root, pid: u32, exe: Fact<String>, tables: &mut Tables) -> io::Result<Process> {
    let origin = |name: &str| format!("/proc/{pid}/{name}");
    let cmdline = directory.read_start("cmdline", FILE_LIMIT)?;
    let status = directory.read("status").map_err(|error| gap(origin("status"), &error));
    let field = |name: &str| field(&status, name, origin("status"));
    let mount_namespace = namespace(directory, "mnt", pid);
    Ok(Process {
        pid,
        exe,
        program: arguments(&cmdline).next().unwrap_or_default(),
        uuid: option(&cmdline, "uuid"),
        guest: option(&cmdline, "name").and_then(|name| suboption(&name, "guest")),
        sandbox: Fact::known(origin("cmdline"), option(&cmdline, "sandbox")),
        uids: field("Uid").and_then(|text| uids(&text).ok_or_else(|| "the user ids are not four numbers".to_owned())),
        capabilities: capabilities(&field),
        seccomp: field("Seccomp").and_then(|text| text.parse().map_err(|_| not_a_number("Seccomp"))),
        no_new_privs: field("NoNewPrivs").and_then(|text| match text.as_str() {
            "0" => Ok(false),
            "1" => Ok(true),
            _ => Err(not_a_number("NoNewPrivs")),
        }),
        label: label(directory, origin("attr/current")),
        cgroup: control_group(directory, pid),
        listeners: tables.of(directory, pid),
        devices: match directory.of_process().and_then(|seen| devices::below(&seen)) {
            Ok(nodes) => Fact::known(origin("root/dev"), nodes),
            Err(error) => gap(origin("root/dev"), &error).into(),
        },
        mount_namespace,
        stale: match directory.read_start("maps", FILE_LIMIT) {
            Ok(maps) => Fact::known(origin("maps"), stale(&maps)),
            Err(error) => gap(origin("maps"), &error).into(),
        },
        core: Core {
            dump_guest: Fact::known(
                origin("cmdline"),
                option(&cmdline, "machine")
                    .and_then(|machine| suboption(&machine, "dump-guest-core"))
                    .map(|value| value == "on"),
            ),
            filter: match directory.read("coredump_filter") {
                Ok(text) => Fact::known(origin("coredump_filter"), text)
                    .and_then(|text| u32::from_str_radix(text.trim(), 16).map_err(|_| not_a_number("coredump_filter"))),
                Err(error) => gap(origin("coredump_filter"), &error).into(),
            },
            limit: match directory.read("limits") {
                Ok(text) => core_limit(&text, origin("limits")),
                Err(error) => gap(origin("limits"), &error).into(),
            },
        },
    })
}

pub(super) fn namespace(directory: &Root, kind: &str, pid: u32) -> Fact<String> {
    let origin = format!("/proc/{pid}/ns/{kind}");
    match directory.read_link(&format!("ns/{kind}")) {
        Ok(target) => Fact::known(origin, target),
        Err(error) => gap(origin, &error).into(),
    }
}

pub(super) fn control_group(directory: &Root, pid: u32) -> Fact<String> {
    let origin = format!("/proc/{pid}/cgroup");
    match directory.read("cgroup") {
        Ok(text) => cgroup(&text, origin),
        Err(error) => gap(origin, &error).into(),
    }
}

/// The files of code in a table of mappings that are gone. Memory without a file has names that look like one's.
fn stale(maps: &[u8]) -> Vec<String> {
    let text = String::from_utf8_lossy(maps);
    let mut found = BTreeSet::new();
    for line in text.lines() {
        let Some(line) = line.strip_suffix(" (deleted)") else { continue };
        let is_code = line.split(' ').nth(1).is_some_and(|rights| rights.contains('x'));
        let Some(path) = line.find(" /").and_then(|at| line.get(at + 1..)) else { continue };
        let is_memory =
            ["/memfd:", "/dev/", "/SYSV", "/[", "/anon_hugepage"].iter().any(|start| path.starts_with(start));
        if is_code && !is_memory && found.len() < STALE_LIMIT {
            found.insert(path.to_owned());
        }
    }
    found.into_iter().collect()
}

/// `Max core file size      0                    unlimited            bytes`: the first number holds.
fn core_limit(text: &str, origin: String) -> Fact<Option<u64>> {
    let rest = text.lines().find_map(|line| line.strip_prefix("Max core file size"));
    match rest.and_then(|rest| rest.split_whitespace().next()) {
        Some("unlimited") => Fact::known(origin, None),
        Some(number) => Fact::known(origin, number)
            .and_then(|text| text.parse().map(Some).map_err(|_| not_a_number("Max core file size"))),
        None => Fact::missing(origin, "the kernel does not report Max core file size"),
    }
}

pub(super) fn gap(origin: String, error: &io::Error) -> Gap {
    if is_absent(error) { Gap::new(origin, "the process ended while it was read") } else { Gap::from_io(origin, error) }
}

pub(super) fn arguments(cmdline: &[u8]) -> impl Iterator<Item = String> {
    let cmdline = cmdline.strip_suffix(b"\0").unwrap_or(cmdline);
    cmdline.split(|byte| *byte == 0).map(|argument| String::from_utf8_lossy(argument).into_owned())
}

/// The argument after the first `-NAME`, which QEMU also takes as `--NAME`. libvirt puts those asked for here before anything
/// that a VM's owner can write, so that a kernel argument called `-uuid` comes too late.
fn option(cmdline: &[u8], name: &str) -> Option<String> {
    let mut arguments = arguments(cmdline).skip(1);
    arguments
        .find(|argument| argument.strip_prefix('-').map(|rest| rest.strip_prefix('-').unwrap_or(rest)) == Some(name))?;
    arguments.next()
}

/// The value of `key=` in QEMU's `a=b,c=d`, in which a doubled comma is part of the value.
fn suboption(argument: &str, key: &str) -> Option<String> {
    let argument = argument.replace(",,", "\0");
    let value = argument.split(',').find_map(|part| part.strip_prefix(key)?.strip_prefix('='))?;
    Some(value.replace('\0', ","))
}

/// A line `NAME:\tVALUE` of `/proc/PID/status`; the kernel escapes line ends in the process's name.
pub(super) fn field(status: &Result<String, Gap>, name: &str, origin: String) -> Fact<String> {
    let text = match status {
        Ok(text) => text,
        Err(gap) => return gap.clone().into(),
    };
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    match value {
        Some(value) => Fact::known(format!("{origin}: {name}"), value.trim().to_owned()),
        None => Fact::missing(origin, format!("the kernel does not report {name}")),
    }
}

pub(super) fn not_a_number(name: &str) -> String {
    format!("{name} is not a number")
}

pub(super) fn uids(text: &str) -> Option<[u32; 4]> {
    let numbers: Vec<u32> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
    numbers.try_into().ok()
}

fn capabilities(field: &impl Fn(&str) -> Fact<String>) -> Fact<Capabilities> {
    let set = |name: &str| field(name).and_then(|text| u64::from_str_radix(&text, 16).map_err(|_| not_a_number(name)));
    let (effective, permitted, ambient) = (set("CapEff"), set("CapPrm"), set("CapAmb"));
    match (permitted.get(), effective.get(), ambient.get()) {
        (Ok(&permitted), Ok(&effective_set), Ok(&ambient)) => {
            Fact::known(effective.origin(), Capabilities { permitted, effective: effective_set, ambient })
        }
        (Err(gap), ..) | (_, Err(gap), _) | (.., Err(gap)) => gap.into(),
    }
}

/// Without a security module that labels processes, the file is absent or reading it is invalid.
pub(super) fn label(directory: &Root, origin: String) -> Fact<Option<String>> {
    match directory.read_start("attr/current", LABEL_LIMIT) {
        Ok(bytes) => {
            let text = String::from_utf8_lossy(&bytes);
            let label = text.trim_end_matches(['\0', '\n']);
            Fact::known(origin, (!label.is_empty()).then(|| label.to_owned()))
        }
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INVAL.raw_os_error()) => {
            Fact::known(origin, None)
        }
        // A process that is gone has no such file either.
        Err(error) if is_absent(&error) && directory.exists("status").unwrap_or(false) => Fact::known(origin, None),
        Err(error) => gap(origin, &error).into(),
    }
}

/// The path in the unified hierarchy; in the one that systemd keeps beside it, where processes are not placed in the first.
fn cgroup(text: &str, origin: String) -> Fact<String> {
    let path = |start: &str| text.lines().find_map(|line| line.split_once(':')?.1.strip_prefix(start));
    match (path(":"), path("name=systemd:")) {
        (Some("/") | None, Some(path)) | (Some(path), _) => Fact::known(origin, path.to_owned()),
        (None, None) => Fact::missing(origin, "no control group that systemd manages is listed"),
    }
}

/// The listening sockets of each network namespace that was met: most QEMU processes share one.
#[derive(Default)]
pub(super) struct Tables {
    /// That of this program, about which the kernel can be asked more quickly.
    own: Option<String>,
    known: HashMap<String, Vec<Socket>>,
}

impl Tables {
    pub(super) fn new(root: &Root) -> Self {
        let own = root.is_host().then(|| root.read_link("/proc/self/ns/net").ok()).flatten();
        Self { own, ..Self::default() }
    }

    /// As a fact about the process.
    pub(super) fn of(&mut self, directory: &Root, pid: u32) -> Fact<Vec<Listener>> {
        match self.held_by(directory) {
            Ok(held) => Fact::known(format!("/proc/{pid}/net/tcp"), sockets::in_order(held)),
            Err(error) => gap(format!("/proc/{pid}/fd"), &error).into(),
        }
    }

    /// Those that the process itself holds.
    fn held_by(&mut self, directory: &Root) -> io::Result<Vec<Listener>> {
        let mut inodes = BTreeSet::<u64>::new();
        for name in directory.list("fd")? {
            // A file closed in between is none that it holds.
            let Ok(target) = directory.read_link(&format!("fd/{name}")) else { continue };
            if let Some(inode) = target.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']')?.parse().ok()) {
                inodes.insert(inode);
            }
        }
        let namespace = directory.read_link("ns/net")?;
        if !self.known.contains_key(&namespace) {
            let read =
                if self.own.as_ref() == Some(&namespace) { sockets::of_own_namespace } else { sockets::table_of };
            self.known.insert(namespace.clone(), read(directory, "net")?);
        }
        let all = self.known.get(&namespace).into_iter().flatten();
        Ok(all.filter(|socket| inodes.contains(&socket.inode)).map(|socket| socket.listener.clone()).collect())
    }
}

#[cfg(test)]
#[path = "process_tests.rs"]
mod tests;
