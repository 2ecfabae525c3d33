// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the facts of all VMs say together, gathered in one pass so that the audit stays linear in their number.

use std::collections::BTreeMap;

use super::Domain;
use super::domain::child;
use super::storage::{chain, declared, image};
use crate::facts::{Fact, Facts, Gap, Vm};

#[derive(Default)]
pub struct Neighbours<'a> {
    /// Source of a writable disk, or of an image behind one, to the VMs that use it: the file's identity, else a path, or
    /// `PROTOCOL:NAME`, or `POOL/VOLUME`.
    pub disk_users: BTreeMap<String, Vec<DiskUser<'a>>>,
    /// UUID to the sources of that VM's writable disks and of the images behind them.
    pub disks: BTreeMap<&'a str, Vec<String>>,
    /// UUID to why the images behind that VM's disks are not known.
    pub chains: BTreeMap<&'a str, Gap>,
    /// SELinux label of a QEMU process to the VMs that run under it.
    pub labels: BTreeMap<&'a str, Vec<&'a Vm>>,
    /// The first VM of which a definition could not be read: what it shares with others is not known.
    pub unread: Option<Gap>,
}

pub struct DiskUser<'a> {
    pub vm: &'a Vm,
    /// `<shareable/>`, wherever this VM names the source: the administrator means several VMs to write it.
    pub shareable: bool,
    /// The image only lies behind a disk, so that this VM does not write it.
    pub behind: bool,
    /// The source as a person writes it.
    pub path: String,
    /// `XPath` of the source.
    pub origin: String,
}

impl<'a> Neighbours<'a> {
    pub fn learn(&mut self, facts: &'a Facts, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        if self.unread.is_none() {
            self.unread = unread(vm, &vm.stored, stored).or_else(|| unread(vm, &vm.live, live));
        }
        let mut disks: BTreeMap<String, DiskUser> = BTreeMap::new();
        for domain in [stored, live].into_iter().flatten() {
            for (number, disk) in (1..).zip(domain.devices("disk")) {
                if child(disk, "readonly").is_some() {
                    continue;
                }
                let Some(name) = child(disk, "source").and_then(|source| disk_source(facts, source)) else { continue };
                let shareable = child(disk, "shareable").is_some();
                let live = if domain.is_live() { " (live)" } else { "" };
                let origin = || format!("/domain/devices/disk[{number}]/source{live}");
                if declared(disk).is_some_and(|format| format != "raw") {
                    self.learn_chain(facts, vm, &name, &mut disks);
                }
                let key = identity(facts, &name);
                let user = disks.entry(key).or_insert_with(|| DiskUser {
                    vm,
                    shareable: true,
                    behind: true,
                    path: name,
                    origin: origin(),
                });
                if user.behind {
                    (user.behind, user.origin) = (false, origin());
                }
                user.shareable &= shareable;
            }
        }
        self.disks.insert(&vm.uuid, disks.keys().cloned().collect());
        for (source, user) in disks {
            self.disk_users.entry(source).or_default().push(user);
        }
        let process = vm.process.value().and_then(Option::as_ref);
        if let Some(Some(label)) = process.and_then(|process| process.label.value()) {
            self.labels.entry(label).or_default().push(vm);
        }
    }
}

impl<'a> Neighbours<'a> {
    /// The images behind one.
    fn learn_chain(&mut self, facts: &Facts, vm: &'a Vm, path: &str, disks: &mut BTreeMap<String, DiskUser<'a>>) {
        for (depth, link) in chain(facts, path).into_iter().enumerate() {
            if let Err(gap) = &link.content {
                // Without any reading of images there is only what the definitions say. Nothing lies behind what does not exist.
                let exists = image(facts, link.path).is_ok_and(|image| image.meta.value() != Some(&None));
                if exists && !facts.host.storage.images.is_empty() {
                    let gap = Gap { reason: format!("the images behind {path}: {}", gap.reason), ..gap.clone() };
                    self.chains.entry(&vm.uuid).or_insert(gap);
                }
            }
            if depth > 0 {
                let origin = format!("the header of {path}");
                let user = DiskUser { vm, shareable: false, behind: true, path: link.path.to_owned(), origin };
                disks.entry(identity(facts, link.path)).or_insert(user);
            }
        }
    }
}

/// One file may have several names.
fn identity(facts: &Facts, path: &str) -> String {
    let meta = image(facts, path).ok().and_then(|image| image.meta.value()?.as_ref());
    meta.map_or_else(|| path.to_owned(), |meta| meta.identity.clone())
}

fn unread(vm: &Vm, fact: &Fact<Option<String>>, domain: Option<&Domain>) -> Option<Gap> {
    let reason = match fact {
        Fact::Missing(gap) => gap.reason.as_str(),
        Fact::Known { value: Some(_), .. } if domain.is_none() => "it does not parse",
        Fact::Known { .. } => return None,
    };
    Some(Gap::new(fact.origin(), format!("the definition of {}: {reason}", vm.name)))
}

fn disk_source(facts: &Facts, source: roxmltree::Node) -> Option<String> {
    if let Some(path) = ["file", "dev", "dir"].iter().find_map(|name| source.attribute(*name)) {
        return Some(path.to_owned());
    }
    if let (Some(pool), Some(volume)) = (source.attribute("pool"), source.attribute("volume")) {
        return Some(facts.libvirt.volume(pool, volume).map_or_else(|_| format!("{pool}/{volume}"), str::to_owned));
    }
    let (protocol, name) = (source.attribute("protocol")?, source.attribute("name")?);
    Some(format!("{protocol}:{name}"))
}
