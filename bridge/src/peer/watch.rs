// SPDX-License-Identifier: LGPL-2.1-or-later
//! A report that follows what happens: libvirt's events at once, SELinux soon, everything else by a slow re-read.

use std::collections::BTreeSet;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use virt::connect::Connect;

use super::audit_channel::Request;
use super::{Channel, Problem};
use crate::facts::collect::{self, Progress};
use crate::facts::libvirt_sys::{self, Event, Subscription};
use crate::facts::root::Root;
use crate::facts::{Fact, Facts, Gap, Link, VERSION, Vm, libvirt, process, selinux};
use crate::report::{Report, patch};

/// What libvirt tells by no event: files, D-Bus, processes, a device updated in place.
const REREAD: Duration = Duration::from_secs(30);
/// Between two attempts to reach a libvirt that is away.
const RETRY: Duration = Duration::from_secs(2);
/// Between two looks whether SELinux was changed, where there is SELinux: twenty bytes, and what most of the VMs' confinement hangs on.
const GLANCE: Duration = Duration::from_secs(2);
/// Events come in bursts (a start is four); they are read as one change.
const SETTLE: Duration = Duration::from_millis(60);
/// A libvirtd that does not answer keep-alive messages for this many seconds, three times, counts as gone.
const KEEPALIVE: i32 = 5;

/// An open connection with its events. The subscription goes first.
struct Open {
    _subscription: Subscription,
    connection: Connect,
}

pub(super) struct Watch {
    request: Request,
    root: Root,
    facts: Facts,
    report: Report,
    open: Option<Open>,
    /// As it was when the facts about SELinux were read.
    selinux: Option<Vec<u8>>,
    sender: Sender<Event>,
    progress: Progress,
}

impl Watch {
    /// Sends the report and its changes until the channel is closed.
    pub(super) fn run(request: Request, channel: &Channel) -> Result<(), Problem> {
        libvirt_sys::start_event_loop().map_err(Problem::internal_error)?;
        let (sender, receiver) = mpsc::channel();
        let closed = sender.clone();
        channel.on_close(move || drop(closed.send(Event::Stop)));
        let root =
            Root::open(&request.sources().root).map_err(|error| Problem::internal_error(format!("{error:#}")))?;
        let facts = Facts { version: VERSION, privileged: collect::is_privileged(), ..Facts::default() };
        let report = request.audit(&facts);
        let mut this =
            Self { request, root, facts, report, open: None, selinux: None, sender, progress: Progress::default() };
        this.reread();
        if let Link::Denied { message } = &this.facts.libvirt.link {
            return Err(Problem::access_denied(message));
        }
        if this.open.is_some() {
            this.request.find(&this.facts)?;
        }
        this.report = this.request.audit(&this.facts);
        channel.send(&this.report)?;
        this.follow(&receiver, channel)
    }

    fn follow(&mut self, receiver: &Receiver<Event>, channel: &Channel) -> Result<(), Problem> {
        let mut reread = Instant::now() + REREAD;
        loop {
            let mut next = if self.open.is_some() { reread } else { reread.min(Instant::now() + RETRY) };
            if self.selinux.is_some() {
                next = next.min(Instant::now() + GLANCE);
            }
            match receiver.recv_timeout(next.saturating_duration_since(Instant::now())) {
                Ok(Event::Stop) | Err(RecvTimeoutError::Disconnected) => return Ok(()),
                Ok(Event::Closed) => self.lost("libvirt closed the connection"),
                Ok(Event::Domain(uuid)) => match settle(receiver, uuid) {
                    Burst::Domains(uuids) => self.refresh(&uuids),
                    Burst::Closed => self.lost("libvirt closed the connection"),
                    Burst::Stop => return Ok(()),
                },
                Err(RecvTimeoutError::Timeout) if Instant::now() >= reread => {
                    self.reread();
                    reread = Instant::now() + REREAD;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let changed = self.glance();
                    if self.open.is_none() {
                        self.reread_libvirt();
                        self.attach();
                    } else if !changed {
                        continue;
                    }
                }
            }
            self.facts.stamp();
            let report = self.request.audit(&self.facts);
            let change = patch::between(&self.report, &report)
                .map_err(|error| Problem::internal_error(format!("cannot write a change as JSON: {error}")))?;
            if let Some(change) = change {
                channel.send(&change)?;
            }
            self.report = report;
        }
    }

    /// Reads everything again, through a new connection if there is none.
    fn reread(&mut self) {
        if !self.request.target.is_remote() {
            self.selinux = selinux::state(&self.root);
            self.facts.host = collect::read_host(&self.root);
        }
        self.reread_libvirt();
        self.attach();
        self.facts.stamp();
    }

    /// Reads what there is about SELinux again if the kernel says that it was changed, and answers whether it was.
    fn glance(&mut self) -> bool {
        if self.selinux.is_none() {
            return false;
        }
        let state = selinux::state(&self.root);
        let changed = state != self.selinux;
        if changed {
            self.selinux = state;
            self.facts.host.selinux = selinux::read(&self.root);
        }
        changed
    }

    /// What is read of the VMs' processes and files once their definitions are known.
    fn attach(&mut self) {
        if !self.request.target.is_remote() {
            self.facts.attach(&self.root);
        }
    }

    fn reread_libvirt(&mut self) {
        let (target, sender) = (self.request.target.clone(), self.sender.clone());
        let open = self.open.take();
        let read = collect::unless_stalled(&self.progress, move |progress| {
            let open = if let Some(open) = open {
                open
            } else {
                let connection = libvirt::open(&target)?;
                // Drivers in this process have no keep-alive and need none.
                let _ = connection.set_keep_alive(KEEPALIVE, 3);
                let subscription =
                    Subscription::new(&connection, &sender).map_err(|error| libvirt::link_error(&target, &error))?;
                Open { _subscription: subscription, connection }
            };
            let read = collect::read_connection(&target, &open.connection, progress)?;
            Ok::<_, Link>((open, read))
        });
        match read {
            Some(Ok((open, (libvirt, vms)))) => {
                self.open = Some(open);
                self.facts.libvirt = libvirt;
                self.facts.vms = vms;
            }
            Some(Err(link)) => self.unreachable(link),
            None => self.unreachable(collect::stalled(&self.request.target)),
        }
    }

    /// Reads the VMs that events named, and the processes that may have come or gone with them.
    fn refresh(&mut self, uuids: &BTreeSet<String>) {
        let Some(open) = self.open.take() else { return };
        let (target, wanted) = (self.request.target.clone(), uuids.clone());
        let read = collect::unless_stalled(&self.progress, move |_| {
            let mut found = Vec::new();
            for uuid in wanted {
                let vm = libvirt::read_one(&target, &open.connection, &uuid)
                    .map_err(|error| libvirt::link_error(&target, &error))?;
                found.push((uuid, vm));
            }
            Ok::<_, Link>((open, found))
        });
        let found = match read {
            Some(Ok((open, found))) => {
                self.open = Some(open);
                found
            }
            Some(Err(link)) => return self.unreachable(link),
            None => return self.unreachable(collect::stalled(&self.request.target)),
        };
        for (uuid, vm) in found {
            self.facts.vms.retain(|old| old.uuid != uuid);
            self.facts.vms.extend(vm);
        }
        self.facts.vms.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
        if !self.request.target.is_remote() {
            (self.facts.host.qemu_processes, self.facts.host.helpers) = process::all(&self.root);
        }
        self.attach();
    }

    fn lost(&mut self, why: &str) {
        let message = format!("{why}: {}", self.request.target.uri);
        self.unreachable(Link::Unreachable { message });
    }

    /// The VMs that were known stay in the report; what libvirt said of them is no longer known.
    fn unreachable(&mut self, link: Link) {
        if let Some(open) = self.open.take() {
            // Closing a connection whose daemon hangs may take until its keep-alive gives up.
            std::thread::spawn(move || drop(open));
        }
        let target = &self.request.target;
        self.facts.libvirt = collect::libvirt_unreachable(target, link);
        let gap = Gap::new(target.uri.clone(), "libvirt is not reachable");
        for vm in &mut self.facts.vms {
            *vm = Vm {
                uuid: std::mem::take(&mut vm.uuid),
                name: std::mem::take(&mut vm.name),
                connection: std::mem::take(&mut vm.connection),
                state: Fact::Missing(gap.clone()),
                stored: Fact::Missing(gap.clone()),
                live: Fact::Missing(gap.clone()),
                labels: Fact::Missing(gap.clone()),
                taints: Fact::Missing(gap.clone()),
                process: Fact::Missing(gap.clone()),
                ..Vm::default()
            };
        }
    }
}

enum Burst {
    Domains(BTreeSet<String>),
    Closed,
    Stop,
}

/// Gathers the events that follow closely on the first.
fn settle(receiver: &Receiver<Event>, first: String) -> Burst {
    let mut uuids = BTreeSet::from([first]);
    // Bounded: a VM that changes all the time must not keep the others from being seen.
    let end = Instant::now() + SETTLE * 5;
    while let Ok(event) = receiver.recv_timeout(SETTLE.min(end.saturating_duration_since(Instant::now()))) {
        match event {
            Event::Domain(uuid) => drop(uuids.insert(uuid)),
            Event::Closed => return Burst::Closed,
            Event::Stop => return Burst::Stop,
        }
        if Instant::now() >= end {
            break;
        }
    }
    Burst::Domains(uuids)
}
