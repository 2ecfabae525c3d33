// SPDX-License-Identifier: LGPL-2.1-or-later
//! What VMs take from the same processors and the same storage, and whether they are held back.

use std::collections::{BTreeMap, BTreeSet};

use super::domain::{child, children};
use super::{Domain, Evidence};
use crate::facts::Vm;

#[derive(Default)]
pub struct Shares<'a> {
    /// Processors of all VMs that run now.
    pub running_vcpus: u64,
    /// Storage (a pool, or the directory of an image) to how many VMs have disks there.
    pub pools: BTreeMap<String, usize>,
    /// UUID to what that VM takes.
    pub of_vm: BTreeMap<&'a str, Share>,
}

/// One VM's part, by its running definition where it runs.
#[derive(Default)]
pub struct Share {
    /// The quota that bounds its processors.
    pub cpu_quota: Option<Evidence>,
    /// Its weight against others, which bounds nothing while they idle.
    pub cpu_weight: Option<Evidence>,
    /// The first limit on its disks.
    pub disk_limit: Option<Evidence>,
    pub pools: BTreeSet<String>,
}

impl<'a> Shares<'a> {
    pub(super) fn learn(&mut self, vm: &'a Vm, stored: Option<&Domain>, live: Option<&Domain>) {
        let Some(domain) = live.or(stored) else { return };
        if domain.is_live() {
            self.running_vcpus = self.running_vcpus.saturating_add(u64::from(vcpus(domain)));
        }
        let share = Share {
            cpu_quota: ["quota", "global_quota"].iter().find_map(|name| tuned(domain, name)),
            cpu_weight: tuned(domain, "shares"),
            disk_limit: disk_limit(domain),
            pools: domain.devices("disk").filter_map(pool).collect(),
        };
        for pool in &share.pools {
            let count = self.pools.entry(pool.clone()).or_default();
            *count = count.saturating_add(1);
        }
        self.of_vm.insert(&vm.uuid, share);
    }
}

/// Processors that are plugged in.
fn vcpus(domain: &Domain) -> u32 {
    let current = domain.attribute("vcpu", "current").or_else(|| domain.text("vcpu"));
    current.and_then(|number| number.trim().parse().ok()).unwrap_or(1)
}

/// A positive number in `<cputune>`; libvirt takes a negative quota for none.
fn tuned(domain: &Domain, name: &str) -> Option<Evidence> {
    let node = child(domain.find("cputune")?, name)?;
    node.text()?.trim().parse::<i64>().is_ok_and(|number| number > 0).then(|| domain.text_evidence(node))
}

fn disk_limit(domain: &Domain) -> Option<Evidence> {
    let limited = |node: roxmltree::Node| {
        node.descendants()
            .filter(|node| node.is_element() && !node.children().any(|child| child.is_element()))
            .find(|node| node.text().is_some_and(|text| text.trim().parse::<u64>().is_ok_and(|number| number > 0)))
            .map(|node| domain.text_evidence(node))
    };
    let tuned = domain.devices("disk").find_map(|disk| child(disk, "iotune").and_then(limited));
    // A weight alone only orders the queue; the other elements of a device in <blkiotune> bound it.
    let devices = domain.find("blkiotune").into_iter().flat_map(|tune| children(tune, "device"));
    let bounds = devices.flat_map(|device| device.children().filter(|node| node.tag_name().name().ends_with("_sec")));
    tuned.or_else(|| bounds.into_iter().find_map(limited))
}

/// Where a disk lies: its pool, or the directory of its image. A device of its own is shared with nobody.
fn pool(disk: roxmltree::Node) -> Option<String> {
    let source = child(disk, "source")?;
    if let Some(pool) = source.attribute("pool") {
        return Some(pool.to_owned());
    }
    let (directory, _) = source.attribute("file")?.rsplit_once('/')?;
    // Read-only media are read now and then.
    (disk.attribute("device") != Some("cdrom")).then(|| directory.to_owned())
}
