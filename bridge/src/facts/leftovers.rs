// SPDX-License-Identifier: LGPL-2.1-or-later
//! What VMs leave on the disk beside their images: saved memory, snapshots, dumps, the state of TPMs.

use std::collections::{BTreeMap, BTreeSet};

use roxmltree::Document;
use serde::{Deserialize, Serialize};

use super::host::ConfFile;
use super::meta::{self, Kind, Meta};
use super::root::{Root, is_absent};
use super::{Fact, Gap, Vm};

const DUMPS: &str = "/var/lib/libvirt/qemu/dump";
const CORE_DUMPS: &str = "/var/lib/systemd/coredump";
/// Files of one kind that are looked at.
const LIMIT: usize = 10_000;
/// Snapshots of one VM that are read.
const SNAPSHOTS: usize = 500;

/// A VM's own files beside its images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Leftovers {
    /// The memory that `virsh managedsave` wrote; `None` when there is none.
    pub managed_save: Fact<Option<Meta>>,
    pub snapshots: Fact<Vec<Snapshot>>,
    /// The directory of its TPM's state; `None` when there is none.
    pub tpm_state: Fact<Option<Meta>>,
    /// Where libvirt keeps the firmware's variables of a definition that does not say it itself.
    pub nvram: Option<String>,
    /// When the running VM was started, in seconds since 1970; `None` while it is shut off.
    pub started: Fact<Option<i64>>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Snapshot {
    pub name: String,
    /// Seconds since 1970.
    pub created: i64,
    /// It holds the VM's memory.
    pub memory: bool,
}

/// Files by path.
pub type Files = BTreeMap<String, Meta>;

/// Memory that was dumped on request or by a watchdog.
pub(super) fn dumps(root: &Root, qemu: &Fact<ConfFile>) -> Fact<Files> {
    let directory = match qemu.value().map(|conf| conf.text("auto_dump_path")) {
        Some(Ok(Some(path))) if path.starts_with('/') => path,
        _ => DUMPS,
    };
    files(root, directory, |_| true)
}

/// Memory of QEMU processes that crashed, where systemd keeps it.
pub(super) fn core_dumps(root: &Root) -> Fact<Files> {
    files(root, CORE_DUMPS, |name| name.contains("qemu"))
}

fn files(root: &Root, directory: &str, wanted: impl Fn(&str) -> bool) -> Fact<Files> {
    let names = match root.list(directory) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Gap::from_io(directory, &error).into(),
    };
    let mut files = Files::new();
    for name in names.iter().filter(|name| wanted(name)).take(LIMIT) {
        let path = format!("{directory}/{name}");
        match meta::read(root, &path) {
            Fact::Known { value: Some(meta), .. } if meta.kind == Kind::File => drop(files.insert(path, meta)),
            Fact::Known { .. } => {}
            Fact::Missing(gap) => return gap.into(),
        }
    }
    Fact::known(directory, files)
}

/// The directories of one connection, each listed once.
pub(super) struct State<'a> {
    root: &'a Root,
    connection: String,
    base: Result<Base, Gap>,
    saves: Result<BTreeSet<String>, Gap>,
    snapshots: Result<BTreeSet<String>, Gap>,
    nvram: Result<BTreeSet<String>, Gap>,
}

struct Base {
    state: String,
    tpms: String,
    run: String,
}

impl<'a> State<'a> {
    pub(super) fn new(root: &'a Root, connection: &str) -> Self {
        let base = base(connection);
        let list = |name: &str| match &base {
            Ok(base) => names(root, &format!("{}/{name}", base.state)),
            Err(gap) => Err(gap.clone()),
        };
        let (saves, snapshots, nvram) = (list("save"), list("snapshot"), list("nvram"));
        Self { root, connection: connection.to_owned(), base, saves, snapshots, nvram }
    }

    /// Those of another connection are elsewhere.
    pub(super) fn is_for(&self, vm: &Vm) -> bool {
        vm.connection == self.connection
    }

    pub(super) fn of(&self, vm: &Vm, tpm: Option<Tpm>) -> Leftovers {
        let fill = || {
            let base = self.base.as_ref().map_err(Clone::clone)?;
            if vm.name.is_empty() || vm.name.contains('/') {
                return Err(Gap::new(base.state.as_str(), "the VM's name cannot be part of a file name"));
            }
            Ok(Leftovers {
                managed_save: self.managed_save(base, &vm.name).unwrap_or_else(Fact::Missing),
                snapshots: self.of_name(base, &vm.name).unwrap_or_else(Fact::Missing),
                tpm_state: self.tpm_state(base, vm, tpm),
                started: self.started(base, vm),
                nvram: None,
            })
        };
        fill().unwrap_or_else(|gap: Gap| Leftovers {
            managed_save: gap.clone().into(),
            snapshots: gap.clone().into(),
            tpm_state: gap.clone().into(),
            started: gap.into(),
            nvram: None,
        })
    }

    /// The name depends on the format of the template: `NAME_VARS.fd`, or `.qcow2`.
    pub(super) fn nvram(&self, vm: &Vm) -> Option<String> {
        let base = self.base.as_ref().ok().filter(|_| !vm.name.is_empty() && !vm.name.contains('/'))?;
        let qcow2 = format!("{}_VARS.qcow2", vm.name);
        let there = self.nvram.as_ref().is_ok_and(|names| names.contains(&qcow2));
        let file = if there { qcow2 } else { format!("{}_VARS.fd", vm.name) };
        Some(format!("{}/nvram/{file}", base.state))
    }

    fn managed_save(&self, base: &Base, name: &str) -> Result<Fact<Option<Meta>>, Gap> {
        let file = format!("{name}.save");
        let path = format!("{}/save/{file}", base.state);
        let there = self.saves.as_ref().map_err(Clone::clone)?.contains(&file);
        Ok(if there { meta::read(self.root, &path) } else { Fact::known(path, None) })
    }

    fn of_name(&self, base: &Base, name: &str) -> Result<Fact<Vec<Snapshot>>, Gap> {
        let directory = format!("{}/snapshot/{name}", base.state);
        let mut found = Vec::new();
        if self.snapshots.as_ref().map_err(Clone::clone)?.contains(name) {
            for file in names(self.root, &directory)?.iter().filter(|file| is_xml(file)).take(SNAPSHOTS) {
                let path = format!("{directory}/{file}");
                let text = self.root.fact(&path);
                // Such a file holds a whole definition too, with its passwords: nothing else of it is kept.
                let snapshot =
                    snapshot(text.get()?).ok_or_else(|| Gap::new(path.as_str(), format!("{path} is no snapshot")))?;
                found.push(snapshot);
            }
        }
        Ok(Fact::known(directory, found))
    }

    fn tpm_state(&self, base: &Base, vm: &Vm, tpm: Option<Tpm>) -> Fact<Option<Meta>> {
        let Some(tpm) = tpm else { return Fact::known("/domain/devices/tpm", None) };
        let path = tpm.path.unwrap_or_else(|| {
            let version = if tpm.version_1 { "tpm1.2" } else { "tpm2" };
            format!("{}/{}/{version}", base.tpms, vm.uuid)
        });
        meta::read(self.root, &path)
    }

    /// libvirt writes the process id once, when the VM starts.
    fn started(&self, base: &Base, vm: &Vm) -> Fact<Option<i64>> {
        if vm.live.value().is_some_and(Option::is_none) {
            return Fact::known("virsh domstate", None);
        }
        let path = format!("{}/{}.pid", base.run, vm.name);
        let meta = meta::read(self.root, &path);
        meta.and_then(|meta| match meta {
            Some(meta) => Ok(Some(meta.modified)),
            None => Err(format!("there is no {path}")),
        })
    }
}

/// An emulated TPM of a definition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Tpm {
    pub(super) version_1: bool,
    /// Where the definition itself says that its state lies.
    pub(super) path: Option<String>,
}

fn base(connection: &str) -> Result<Base, Gap> {
    let variable = |name: &str| std::env::var(name).ok().filter(|path| path.starts_with('/'));
    match connection {
        // Definitions below a root are those of the system.
        "system" | "file" => Ok(Base {
            state: "/var/lib/libvirt/qemu".to_owned(),
            tpms: "/var/lib/libvirt/swtpm".to_owned(),
            run: "/run/libvirt/qemu".to_owned(),
        }),
        "session" => {
            let config = variable("XDG_CONFIG_HOME").or_else(|| Some(format!("{}/.config", variable("HOME")?)));
            let (Some(config), Some(run)) = (config, variable("XDG_RUNTIME_DIR")) else {
                return Err(Gap::new("HOME, XDG_RUNTIME_DIR", "HOME or XDG_RUNTIME_DIR is not set"));
            };
            let state = format!("{config}/libvirt/qemu");
            Ok(Base { tpms: format!("{state}/swtpm"), state, run: format!("{run}/libvirt/qemu/run") })
        }
        other => Err(Gap::new("", format!("where the connection {other} keeps its state is not known"))),
    }
}

fn names(root: &Root, directory: &str) -> Result<BTreeSet<String>, Gap> {
    match root.list(directory) {
        Ok(names) => Ok(names.into_iter().collect()),
        Err(error) if is_absent(&error) => Ok(BTreeSet::new()),
        Err(error) => Err(Gap::from_io(directory, &error)),
    }
}

fn is_xml(name: &str) -> bool {
    std::path::Path::new(name).extension().is_some_and(|end| end == "xml")
}

pub(super) fn snapshot(xml: &str) -> Option<Snapshot> {
    let document = Document::parse(xml).ok()?;
    let root = document.root_element();
    let child = |name: &str| root.children().find(|child| child.has_tag_name(name));
    let text = |name: &str| child(name).and_then(|node| node.text()).map(str::trim);
    let memory = match child("memory").and_then(|memory| memory.attribute("snapshot")) {
        Some(kind) => kind != "no",
        None => matches!(text("state"), Some("running" | "paused")),
    };
    Some(Snapshot {
        name: text("name")?.to_owned(),
        created: text("creationTime")?.parse().ok()?,
        memory: root.has_tag_name("domainsnapshot").then_some(memory)?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn vm() -> Vm {
        let (uuid, name, connection) = ("u-1".to_owned(), "web1".to_owned(), "system".to_owned());
        Vm { uuid, name, connection, live: Fact::known("", Some(String::new())), ..Vm::default() }
    }

    #[test]
    fn what_a_vm_left() {
        let test = TestRoot::new();
        test.file("/var/lib/libvirt/qemu/save/web1.save", "x")
            .file(
                "/var/lib/libvirt/qemu/snapshot/web1/a.xml",
                "<domainsnapshot><name>a</name><creationTime>1700000000</creationTime><memory snapshot='internal'/>\
                 <domain><devices><graphics passwd='geheim'/></devices></domain></domainsnapshot>",
            )
            .file(
                "/var/lib/libvirt/qemu/snapshot/web1/b.xml",
                "<domainsnapshot><name>b</name><state>shutoff</state><creationTime>1</creationTime></domainsnapshot>",
            )
            .file(
                "/var/lib/libvirt/qemu/snapshot/web1/c.xml",
                "<domainsnapshot><name>c</name><state>running</state><creationTime>1</creationTime></domainsnapshot>",
            )
            .directory("/var/lib/libvirt/swtpm/u-1/tpm2")
            .file("/run/libvirt/qemu/web1.pid", "7");
        let root = test.root();
        let nvram = |root| State::new(root, "system").nvram(&vm()).unwrap();
        assert_eq!(nvram(&root), "/var/lib/libvirt/qemu/nvram/web1_VARS.fd");
        test.file("/var/lib/libvirt/qemu/nvram/web1_VARS.qcow2", "x");
        assert_eq!(nvram(&root), "/var/lib/libvirt/qemu/nvram/web1_VARS.qcow2");
        let state = State::new(&root, "system");
        let left = state.of(&vm(), Some(Tpm { version_1: false, path: None }));
        assert!(left.managed_save.get().unwrap().is_some() && left.tpm_state.get().unwrap().is_some());
        let snapshots = left.snapshots.get().unwrap();
        let memory: Vec<bool> = snapshots.iter().map(|snapshot| snapshot.memory).collect();
        assert_eq!(memory, [true, false, true]);
        assert_eq!(snapshots[0].created, 1_700_000_000);
        assert!(!serde_json::to_string(&left).unwrap().contains("geheim"));
        assert!(left.started.get().unwrap().unwrap() > 1_600_000_000);
        let other =
            state.of(&Vm { name: "db1".to_owned(), uuid: "u-2".to_owned(), live: Fact::known("", None), ..vm() }, None);
        assert_eq!(other.managed_save.value(), Some(&None));
        assert_eq!((other.tpm_state.value(), other.started.value()), (Some(&None), Some(&None)));
        assert!(other.snapshots.get().unwrap().is_empty());
    }

    #[test]
    fn names_and_files_that_are_none() {
        let test = TestRoot::new();
        test.file(
            "/var/lib/libvirt/qemu/snapshot/web1/a.xml",
            "<domain><name>x</name><creationTime>1</creationTime></domain>",
        );
        let root = test.root();
        let state = State::new(&root, "system");
        let gap = state.of(&vm(), None).snapshots.get().unwrap_err();
        assert_eq!(gap.reason, "/var/lib/libvirt/qemu/snapshot/web1/a.xml is no snapshot");
        assert!(state.of(&vm(), None).started.value().is_none());
        let odd = Vm { name: "../web1".to_owned(), ..vm() };
        assert!(state.of(&odd, None).managed_save.value().is_none());
        assert!(State::new(&root, "test:///default").of(&vm(), None).managed_save.value().is_none());
    }

    #[test]
    fn dumps_lie_where_the_configuration_says() {
        let test = TestRoot::new();
        test.file("/var/lib/libvirt/qemu/dump/a", "x")
            .directory("/var/lib/libvirt/qemu/dump/d")
            .file("/var/lib/systemd/coredump/core.qemu-kvm.1.zst", "x")
            .file("/var/lib/systemd/coredump/core.bash.1.zst", "x")
            .file("/etc/libvirt/qemu.conf", "auto_dump_path = \"/dumps\"\n")
            .file("/dumps/b", "x");
        let root = test.root();
        let keys = |fact: Fact<Files>| fact.get().unwrap().keys().cloned().collect::<Vec<_>>();
        assert_eq!(keys(dumps(&root, &Fact::default())), ["/var/lib/libvirt/qemu/dump/a"]);
        assert_eq!(keys(dumps(&root, &super::super::config::read(&root).qemu)), ["/dumps/b"]);
        assert_eq!(keys(core_dumps(&root)), ["/var/lib/systemd/coredump/core.qemu-kvm.1.zst"]);
        assert!(keys(core_dumps(&TestRoot::new().root())).is_empty());
    }
}
