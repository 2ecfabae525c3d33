// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the facts of all VMs say together, gathered in one pass so that the audit stays linear in their number.

use std::collections::BTreeMap;

use super::assigned::Assigned;
use super::daemon::asked_system;
use super::domain::{child, children};
use super::needs::Needs;
use super::net::Ports;
use super::shares::Shares;
use super::storage::{chain, declared, image};
use super::uses::Uses;
use super::{Domain, Evidence};
use crate::facts::mounts::Mounts;
use crate::facts::{Fact, Facts, Gap, Link, Vm};

#[derive(Default)]
pub struct Neighbours<'a> {
    /// Where file systems are mounted; nothing is learnt of them without it.
    pub mounts: Option<&'a Mounts>,
    /// What the host must offer because a VM uses it.
    pub needs: Needs<'a>,
    /// Source of a writable disk, or of an image behind one, to the VMs that use it: the file's identity, else a path, or
    /// `PROTOCOL:NAME`, or `POOL/VOLUME`.
    pub disk_users: BTreeMap<String, Vec<DiskUser<'a>>>,
    /// UUID to the sources of that VM's writable disks and of the images behind them.
    pub disks: BTreeMap<&'a str, Vec<String>>,
    /// UUID to why the images behind that VM's disks are not known.
    pub chains: BTreeMap<&'a str, Gap>,
    /// SELinux label of a QEMU process to the VMs that run under it.
    pub labels: BTreeMap<&'a str, Vec<&'a Vm>>,
    /// UUID to the labels that the VM's definition writes itself, those of user and group (`dac`) aside.
    pub static_labels: BTreeMap<&'a str, Vec<StaticLabel>>,
    /// What of such a label keeps VMs apart to the VMs that have it.
    pub static_users: BTreeMap<String, Vec<&'a Vm>>,
    /// What the VMs use of libvirt's daemons.
    pub uses: Uses<'a>,
    /// Devices of the host that VMs are given.
    pub assigned: Assigned<'a>,
    /// What VMs take from the same processors and pools.
    pub shares: Shares<'a>,
    /// Context id to the VMs whose definition fixes it for their vsock.
    pub context_ids: BTreeMap<u32, Vec<&'a Vm>>,
    /// UUID to the vsock of that VM.
    pub vsocks: BTreeMap<&'a str, Vsock>,
    /// What they are plugged into.
    pub ports: Ports<'a>,
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

pub struct StaticLabel {
    pub label: String,
    /// Of SELinux the categories, sorted; of AppArmor the profile.
    pub key: String,
    /// libvirt labels the VM's files.
    pub relabel: bool,
    /// `XPath` of the label.
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

    pub fn learn(&mut self, facts: &'a Facts, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        if self.unread.is_none() {
            self.unread = unread(vm, &vm.stored, stored).or_else(|| unread(vm, &vm.live, live));
        }
        self.ports.learn(vm, stored, live);
        let mut disks: BTreeMap<String, DiskUser> = BTreeMap::new();
        for domain in [stored, live].into_iter().flatten() {
            self.uses.learn(facts, vm, domain);
            self.needs.learn(vm, domain, self.mounts);
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
        self.needs.count(vm);
        self.disks.insert(&vm.uuid, disks.keys().cloned().collect());
        for (source, user) in disks {
            self.disk_users.entry(source).or_default().push(user);
        }
        self.learn_labels(vm, stored, live);
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

    fn learn_labels(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        let mut labels: BTreeMap<&str, StaticLabel> = BTreeMap::new();
        for domain in [stored, live].into_iter().flatten() {
            for node in children(domain.root(), "seclabel") {
                if node.attribute("type") != Some("static") || node.attribute("model") == Some("dac") {
                    continue;
                }
                let Some(text) = child(node, "label").and_then(|label| label.text()).map(str::trim) else { continue };
                labels.entry(text).or_insert_with(|| StaticLabel {
                    label: text.to_owned(),
                    key: separating(text),
                    relabel: node.attribute("relabel") == Some("yes"),
                    origin: domain.path(node),
                });
            }
        }
        for label in labels.values() {
            let users = self.static_users.entry(label.key.clone()).or_default();
            // VMs come one after the other.
            if users.last().is_none_or(|last| last.uuid != vm.uuid) {
                users.push(vm);
            }
        }
        if !labels.is_empty() {
            self.static_labels.insert(&vm.uuid, labels.into_values().collect());
        }
    }
}

/// The part of a label that differs from VM to VM. `system_u:system_r:svirt_t:s0:c9,c2` gives `s0:c2,c9`.
fn separating(label: &str) -> String {
    let Some(level) = label.splitn(4, ':').nth(3) else { return label.to_owned() };
    // Of a range the upper end decides.
    let level = level.rsplit('-').next().unwrap_or(level);
    let (sensitivity, categories) = level.split_once(':').unwrap_or((level, ""));
    let mut categories: Vec<&str> = categories.split(',').collect();
    categories.sort_unstable();
    format!("{sensitivity}:{}", categories.join(","))
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

#[cfg(test)]
mod tests {
    use super::separating;

    #[test]
    fn what_separates_vms_is_the_categories_or_the_profile() {
        for (label, key) in [
            ("system_u:system_r:svirt_t:s0:c9,c2", "s0:c2,c9"),
            ("unconfined_u:system_r:svirt_tcg_t:s0-s0:c2,c9", "s0:c2,c9"),
            ("system_u:system_r:svirt_t:s0", "s0:"),
            ("system_u:system_r:svirt_t", "system_u:system_r:svirt_t"),
            ("libvirt-1b9b", "libvirt-1b9b"),
            ("", ""),
        ] {
            assert_eq!(separating(label), key, "{label}");
        }
    }
}
