// SPDX-License-Identifier: LGPL-2.1-or-later
//! Reads all sources of one audit, side by side, so that one that hangs costs its own facts only.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use anyhow::Context;
use jiff::Timestamp;
use serde::Deserialize;
use virt::connect::Connect;

use super::libvirt::{self, Target};
use super::root::{Root, is_absent};
use super::vm::GraphicsPasswords;
use super::{
    Fact, Facts, Gap, Host, Libvirt, Link, VERSION, Vm, dbus, domain_log, elf, files, helpers, named_files, networks,
    osinfo, pools, process,
};

/// libvirt counts as hanging when no call comes back for so long. QEMU's capabilities are probed anew after an update of QEMU, which
/// can take half a minute on a slow host.
const STALL: Duration = Duration::from_secs(60);
/// Where libvirt stores definitions, for a root that is not the running host.
const DEFINITIONS: &str = "/etc/libvirt/qemu";

/// What to read.
#[derive(Clone, Debug)]
pub struct Sources {
    /// `None` reads the stored definitions below the root instead.
    pub target: Option<Target>,
    pub root: PathBuf,
}

/// How far the reading has come, for whoever waits. Counts libvirt's answers.
pub type Progress = Arc<AtomicUsize>;

/// Reads everything once. What cannot be read is a missing fact; only a root that cannot be opened is an error.
pub fn read(sources: &Sources, progress: &Progress) -> anyhow::Result<Facts> {
    let root = Root::open(&sources.root)?;
    let with_host = sources.target.as_ref().is_none_or(|target| !target.is_remote());
    std::thread::scope(|scope| {
        let host = scope.spawn(|| if with_host { read_host(&root) } else { remote_host() });
        let (libvirt, vms) = match &sources.target {
            Some(target) => read_libvirt(target, progress),
            None => (Libvirt { networks: networks::stored(&root), ..Libvirt::default() }, read_definitions(&root)?),
        };
        let host = host.join().map_err(|_| anyhow::anyhow!("reading the host's facts failed unexpectedly"))?;
        let mut facts = Facts { version: VERSION, privileged: is_privileged(), host, libvirt, vms, ..Facts::default() };
        facts.stamp();
        if with_host {
            facts.attach(&root);
        }
        Ok(facts)
    })
}

pub fn is_privileged() -> bool {
    rustix::process::geteuid().is_root()
}

/// The host's own facts: files, and D-Bus where the root is the running host.
pub fn read_host(root: &Root) -> Host {
    std::thread::scope(|scope| {
        // Services take their time, and most of it is not ours.
        let services = root.is_host().then(|| scope.spawn(dbus::ask));
        let mut host = files::read(root);
        if let Some(answers) = services.and_then(|services| services.join().ok()) {
            answers.add_to(&mut host);
        }
        host
    })
}

/// The VMs are on another machine, about which nothing here speaks.
fn remote_host() -> Host {
    Host::default()
}

fn read_libvirt(target: &Target, progress: &Progress) -> (Libvirt, Vec<Vm>) {
    let owned = target.clone();
    let read = unless_stalled(progress, move |progress| {
        let connection = libvirt::open(&owned)?;
        progress.fetch_add(1, Ordering::Relaxed);
        read_connection(&owned, &connection, progress)
    });
    let link = match read {
        Some(Ok(read)) => return read,
        Some(Err(link)) => link,
        None => stalled(target),
    };
    (libvirt_unreachable(target, link), Vec::new())
}

/// Everything that one open connection says.
pub fn read_connection(
    target: &Target,
    connection: &Connect,
    progress: &AtomicUsize,
) -> Result<(Libvirt, Vec<Vm>), Link> {
    let storage = pools::start(connection);
    std::thread::scope(|scope| {
        let host = scope.spawn(|| libvirt::read_host(target, connection));
        let vms = libvirt::read_vms(target, connection, progress);
        let mut host = host.join().map_err(|_| Link::Unreachable { message: "Reading libvirt failed.".to_owned() })?;
        let vms = vms.map_err(|error| libvirt::link_error(target, &error))?;
        storage.finish(&mut host);
        // Each fact that was asked for after that is missing for no reason of its own.
        if connection.is_alive().is_ok_and(|alive| !alive) {
            let message =
                format!("libvirt did not answer at {}: it closed the connection while it was read", target.uri);
            return Err(Link::Unreachable { message });
        }
        Ok((host, vms))
    })
}

pub fn stalled(target: &Target) -> Link {
    Link::Unreachable { message: format!("libvirt at {} did not answer for {} seconds", target.uri, STALL.as_secs()) }
}

/// The state of things when there is no connection: all that libvirt would say is missing for that reason.
pub fn libvirt_unreachable(target: &Target, link: Link) -> Libvirt {
    let gap = Gap::new(target.uri.clone(), "libvirt is not reachable");
    Libvirt {
        link,
        connection: target.connection.clone(),
        uri: target.uri.clone(),
        capabilities: gap.clone().into(),
        domain_capabilities: gap.clone().into(),
        security_models: gap.clone().into(),
        machine_types: gap.clone().into(),
        domain_features: gap.clone().into(),
        device_kinds: gap.clone().into(),
        networks: gap.clone().into(),
        nwfilters: gap.clone().into(),
        pools: gap.clone().into(),
        secrets: gap.into(),
    }
}

/// Runs `work` in a thread of its own; `None` when it made no progress for [`STALL`]. The thread then stays behind: a call into
/// libvirt's library cannot be interrupted.
pub fn unless_stalled<T: Send + 'static>(
    progress: &Progress,
    work: impl FnOnce(&AtomicUsize) -> T + Send + 'static,
) -> Option<T> {
    let (sender, receiver) = mpsc::channel();
    let counter = Arc::clone(progress);
    std::thread::spawn(move || {
        // Nobody listens any more after a stall.
        let _ = sender.send(work(&counter));
    });
    let mut seen = (progress.load(Ordering::Relaxed), Instant::now());
    loop {
        match receiver.recv_timeout(Duration::from_secs(1)) {
            Ok(result) => return Some(result),
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => {}
        }
        let now = progress.load(Ordering::Relaxed);
        if now != seen.0 {
            seen = (now, Instant::now());
        } else if seen.1.elapsed() >= STALL {
            return None;
        }
    }
}

/// A definition as it becomes a fact.
pub fn redacted(definition: String) -> String {
    super::redact::definition(definition)
}

/// The stored definitions of a root that is not the running host.
fn read_definitions(root: &Root) -> anyhow::Result<Vec<Vm>> {
    let names = match root.list(DEFINITIONS) {
        Err(error) if !is_absent(&error) => Err(error).with_context(|| format!("reading {DEFINITIONS}"))?,
        names => names.unwrap_or_default(),
    };
    let files = names.iter().filter(|name| Path::new(name).extension().is_some_and(|end| end == "xml"));
    let mut vms = Vec::new();
    for name in files {
        let path = format!("{DEFINITIONS}/{name}");
        add_definition(&mut vms, &path, root.fact(&path));
    }
    Ok(vms)
}

/// Adds a VM of which there is only a definition. A second one with the same UUID goes by its path, so that it hides nothing.
pub fn add_definition(vms: &mut Vec<Vm>, path: &str, stored: Fact<String>) {
    let mut vm = Vm::from_definition(path, stored);
    if vms.iter().any(|other| other.uuid == vm.uuid) {
        path.clone_into(&mut vm.uuid);
    }
    vms.push(vm);
}

impl Vm {
    /// A VM of which there is only a definition. It is judged as one that does not run.
    fn from_definition(path: &str, stored: Fact<String>) -> Self {
        // What stands in a file is all that there is, passwords too.
        let passwords = stored.clone().and_then(|text| match roxmltree::Document::parse(&text) {
            Ok(document) => Ok(libvirt::has_passwords(&document)),
            Err(error) => Err(format!("the definition does not parse ({error})")),
        });
        let stored = stored.map(super::redact::definition);
        let text = stored.value().map_or("", String::as_str);
        let document = roxmltree::Document::parse(text).ok();
        let read = |name: &str| {
            let root = document.as_ref()?.root_element();
            let text = root.children().find(|node| node.has_tag_name(name))?.text()?.trim();
            (!text.is_empty()).then(|| text.to_owned())
        };
        Self {
            uuid: read("uuid").unwrap_or_else(|| path.to_owned()),
            name: read("name").unwrap_or_else(|| path.to_owned()),
            connection: "file".to_owned(),
            state: Fact::missing(path, "only a definition was given"),
            live: Fact::known(path, None),
            stored: stored.map(Some),
            graphics_passwords: GraphicsPasswords { stored: passwords, ..GraphicsPasswords::default() },
            ..Self::default()
        }
    }
}

impl Facts {
    /// Sets the time of reading to now.
    pub fn stamp(&mut self) {
        let now = Timestamp::now();
        self.recorded = now.round(jiff::Unit::Second).unwrap_or(now).to_string();
    }

    /// Gives the VMs what this host says about them, and the host what they ask of it. Only where the VMs are on this host: another
    /// machine's paths mean nothing here.
    pub fn attach(&mut self, root: &Root) {
        self.attach_processes(root);
        self.host.emulators = elf::emulators(root, &self.vms);
        self.attach_storage(root);
    }

    /// Gives each running VM the QEMU process that its pid file names, each other one the age of its log, and reads what the guests'
    /// operating systems are.
    fn attach_processes(&mut self, root: &Root) {
        let helpers = helpers::Owners::new(&self.host.helpers);
        for vm in &mut self.vms {
            vm.named_files = named_files::of_vm(root, vm);
            vm.process = match (&vm.live, &vm.state) {
                (Fact::Known { value: None, .. }, _) => Fact::known("virsh domstate", None),
                (Fact::Missing(gap), Fact::Missing(_)) => gap.clone().into(),
                _ => {
                    let pid = process::pidfile(root, &vm.connection, &vm.name);
                    process::of_vm(&pid, &vm.uuid, &self.host.qemu_processes)
                }
            };
            vm.helpers = helpers.of_vm(&vm.uuid, &vm.process);
        }
        domain_log::attach(root, &mut self.vms);
        osinfo::attach(root, &self.vms, &mut self.host.systems);
    }

    /// Reads a recording.
    pub fn from_recording(text: &str) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Versioned {
            version: u32,
        }
        // First: a recording of another version may look different in everything else.
        let Versioned { version } = serde_json::from_str(text).context("it is not a recording of facts")?;
        anyhow::ensure!(
            version == VERSION,
            "the recording has version {version}, this program reads version {VERSION}"
        );
        let facts: Self = serde_json::from_str(text).context("the recording is not valid")?;
        let mut uuids: Vec<&str> = facts.vms.iter().map(|vm| vm.uuid.as_str()).collect();
        uuids.sort_unstable();
        // In a report one would hide the other.
        let twice = uuids.windows(2).find_map(|pair| match pair {
            [a, b] if a == b => Some(a),
            _ => None,
        });
        if let Some(uuid) = twice {
            anyhow::bail!("the recording has two VMs with the UUID '{uuid}'");
        }
        Ok(facts)
    }
}
