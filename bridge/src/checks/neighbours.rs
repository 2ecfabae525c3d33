// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the facts of all VMs say together, gathered in one pass so that the audit stays linear in their number.

use std::collections::BTreeMap;

use super::assigned::Assigned;
use super::daemon::asked_system;
use super::domain::child;
use super::shares::Shares;
use super::{Domain, Evidence};
use crate::facts::{Fact, Facts, Gap, Link, Vm};

#[derive(Default)]
pub struct Neighbours<'a> {
    /// Source of a writable disk (a path, or `PROTOCOL:NAME`, or `POOL/VOLUME`) to the VMs that use it.
    pub disk_users: BTreeMap<String, Vec<DiskUser<'a>>>,
    /// UUID to the sources of that VM's writable disks.
    pub disks: BTreeMap<&'a str, Vec<String>>,
    /// SELinux label of a QEMU process to the VMs that run under it.
    pub labels: BTreeMap<&'a str, Vec<&'a Vm>>,
    /// Devices of the host that VMs are given.
    pub assigned: Assigned<'a>,
    /// What VMs take from the same processors and pools.
    pub shares: Shares<'a>,
    /// Context id to the VMs whose definition fixes it for their vsock.
    pub context_ids: BTreeMap<u32, Vec<&'a Vm>>,
    /// UUID to the vsock of that VM.
    pub vsocks: BTreeMap<&'a str, Vsock>,
    /// The first VM of which a definition could not be read: what it shares with others is not known.
    pub unread: Option<Gap>,
}

pub struct DiskUser<'a> {
    pub vm: &'a Vm,
    /// `<shareable/>`, wherever this VM names the source: the administrator means several VMs to write it.
    pub shareable: bool,
    /// `XPath` of the source.
    pub origin: String,
}

impl<'a> Neighbours<'a> {
    /// Whether all VMs of this host's system are known, so that "no VM has it" can be said.
    pub fn all_known(&self, facts: &Facts) -> Result<(), Gap> {
        match (&self.unread, &facts.libvirt.link) {
            (Some(gap), _) => Err(gap.clone()),
            (None, Link::Connected) => asked_system(facts),
            (None, Link::Unreachable { message } | Link::Denied { message }) => {
                Err(Gap::new("libvirt", format!("libvirt did not say which VMs there are ({message})")))
            }
            (None, Link::NotUsed) => Err(Gap::new("libvirt", "libvirt was not asked about this host's VMs")),
        }
    }

    pub fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        if self.unread.is_none() {
            self.unread = unread(vm, &vm.stored, stored).or_else(|| unread(vm, &vm.live, live));
        }
        let mut disks: BTreeMap<String, (bool, String)> = BTreeMap::new();
        for domain in [stored, live].into_iter().flatten() {
            for (number, disk) in (1..).zip(domain.devices("disk")) {
                if child(disk, "readonly").is_some() {
                    continue;
                }
                let Some(name) = child(disk, "source").and_then(disk_source) else { continue };
                let shareable = child(disk, "shareable").is_some();
                let origin = || {
                    let live = if domain.is_live() { " (live)" } else { "" };
                    format!("/domain/devices/disk[{number}]/source{live}")
                };
                disks.entry(name).or_insert_with(|| (true, origin())).0 &= shareable;
            }
        }
        for (source, (shareable, origin)) in &disks {
            let user = DiskUser { vm, shareable: *shareable, origin: origin.clone() };
            self.disk_users.entry(source.clone()).or_default().push(user);
        }
        self.disks.insert(&vm.uuid, disks.into_keys().collect());
        self.assigned.learn(vm, stored, live);
        self.shares.learn(vm, stored, live);
        if let Some(vsock) = [live, stored].into_iter().flatten().find_map(Vsock::of) {
            if let Some(number) = vsock.context_id {
                self.context_ids.entry(number).or_default().push(vm);
            }
            self.vsocks.insert(&vm.uuid, vsock);
        }
        let process = vm.process.value().and_then(Option::as_ref);
        if let Some(Some(label)) = process.and_then(|process| process.label.value()) {
            self.labels.entry(label).or_default().push(vm);
        }
    }
}

fn unread(vm: &Vm, fact: &Fact<Option<String>>, domain: Option<&Domain>) -> Option<Gap> {
    let reason = match fact {
        Fact::Missing(gap) => gap.reason.as_str(),
        Fact::Known { value: Some(_), .. } if domain.is_none() => "it does not parse",
        Fact::Known { .. } => return None,
    };
    Some(Gap::new(fact.origin(), format!("the definition of {}: {reason}", vm.name)))
}

/// A VM's vsock; it can have one only.
pub struct Vsock {
    /// Fixed by the definition. libvirt chooses a free one where it says `auto`.
    pub context_id: Option<u32>,
    pub evidence: Evidence,
}

impl Vsock {
    fn of(domain: &Domain) -> Option<Self> {
        let node = domain.devices("vsock").next()?;
        let Some(cid) = child(node, "cid") else {
            let evidence = Evidence { origin: domain.path(node), value: "present".to_owned() };
            return Some(Self { context_id: None, evidence });
        };
        if cid.attribute("auto") == Some("yes") {
            return Some(Self { context_id: None, evidence: domain.evidence(cid, "auto") });
        }
        let context_id = cid.attribute("address").and_then(|address| address.parse().ok());
        Some(Self { context_id, evidence: domain.evidence(cid, "address") })
    }
}

fn disk_source(source: roxmltree::Node) -> Option<String> {
    if let Some(path) = ["file", "dev", "dir"].iter().find_map(|name| source.attribute(*name)) {
        return Some(path.to_owned());
    }
    if let (Some(pool), Some(volume)) = (source.attribute("pool"), source.attribute("volume")) {
        return Some(format!("{pool}/{volume}"));
    }
    let (protocol, name) = (source.attribute("protocol")?, source.attribute("name")?);
    Some(format!("{protocol}:{name}"))
}
