// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the facts of all VMs say together, gathered in one pass so that the audit stays linear in their number.

use std::collections::BTreeMap;

use super::Domain;
use super::domain::child;
use super::net::Ports;
use crate::facts::{Fact, Gap, Vm};

#[derive(Default)]
pub struct Neighbours<'a> {
    /// Source of a writable disk (a path, or `PROTOCOL:NAME`, or `POOL/VOLUME`) to the VMs that use it.
    pub disk_users: BTreeMap<String, Vec<DiskUser<'a>>>,
    /// UUID to the sources of that VM's writable disks.
    pub disks: BTreeMap<&'a str, Vec<String>>,
    /// SELinux label of a QEMU process to the VMs that run under it.
    pub labels: BTreeMap<&'a str, Vec<&'a Vm>>,
    /// What they are plugged into.
    pub ports: Ports<'a>,
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
    pub fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        if self.unread.is_none() {
            self.unread = unread(vm, &vm.stored, stored).or_else(|| unread(vm, &vm.live, live));
        }
        self.ports.learn(vm, stored, live);
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
