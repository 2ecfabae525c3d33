// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the facts of all VMs say together, gathered in one pass so that the audit stays linear in their number.

use std::collections::BTreeMap;

use super::Domain;
use super::domain::child;
use crate::facts::Vm;

#[derive(Default)]
pub struct Neighbours<'a> {
    /// Source of a writable disk (a path, or `PROTOCOL:NAME`, or `POOL/VOLUME`) to the VMs that use it.
    pub disk_users: BTreeMap<String, Vec<&'a Vm>>,
    /// UUID to the writable disks of that VM.
    pub disks: BTreeMap<&'a str, Vec<WritableDisk>>,
    /// SELinux label of a QEMU process to the VMs that run under it.
    pub labels: BTreeMap<&'a str, Vec<&'a Vm>>,
}

pub struct WritableDisk {
    pub source: String,
    /// `<shareable/>`: the administrator means several VMs to write it.
    pub shareable: bool,
    /// `XPath` of the source.
    pub origin: String,
}

impl<'a> Neighbours<'a> {
    pub fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        let mut disks: Vec<WritableDisk> = Vec::new();
        for domain in [stored, live].into_iter().flatten() {
            for disk in domain.devices("disk").filter(|disk| child(*disk, "readonly").is_none()) {
                let Some(source) = child(disk, "source") else { continue };
                let Some(name) = disk_source(source) else { continue };
                if disks.iter().all(|known| known.source != name) {
                    let shareable = child(disk, "shareable").is_some();
                    disks.push(WritableDisk { source: name, shareable, origin: domain.path(source) });
                }
            }
        }
        for disk in &disks {
            self.disk_users.entry(disk.source.clone()).or_default().push(vm);
        }
        self.disks.insert(&vm.uuid, disks);
        let process = vm.process.value().and_then(Option::as_ref);
        if let Some(Some(label)) = process.and_then(|process| process.label.value()) {
            self.labels.entry(label).or_default().push(vm);
        }
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
