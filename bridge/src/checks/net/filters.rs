// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's network filters: whether they still do what their names say.

use std::collections::{BTreeMap, BTreeSet};

use super::list;
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::nwfilters::Filter;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// What keeps a guest to its own addresses: each of these filters, or all those that it consists of.
const PARTS: [(&str, &[&str], &str); 3] = [
    ("no-mac-spoofing", &[], "no-mac-spoofing"),
    ("no-ip-spoofing", &[], "no-ip-spoofing"),
    ("no-arp-spoofing", &["no-arp-mac-spoofing", "no-arp-ip-spoofing"], "no-arp-spoofing"),
];

type Filters = BTreeMap<String, Filter>;

/// What cannot be followed: a filter that does not exist, or one whose content was not read.
pub enum Absent {
    Filter(String),
    Content(String),
}

/// Which of the package's filters against false addresses a filter does not include.
pub fn lacking(filters: &Filters, name: &str) -> Result<Vec<&'static str>, Absent> {
    let mut included = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        if included.insert(name) {
            match filters.get(name) {
                None => return Err(Absent::Filter(name.to_owned())),
                Some(filter) if filter.unread => return Err(Absent::Content(name.to_owned())),
                Some(filter) => open.extend(filter.includes.iter().map(String::as_str)),
            }
        }
    }
    let has = |(whole, parts, _): &(&str, &[&str], &str)| {
        included.contains(whole) || (!parts.is_empty() && parts.iter().all(|part| included.contains(part)))
    };
    Ok(PARTS.iter().filter(|part| !has(part)).map(|(_, _, shown)| *shown).collect())
}

pub static TAMPERED: Check = Check {
    id: "net.nwfilter-tampered",
    title: "libvirt's own network filters are as the package brought them",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Network,
    basis: &["https://libvirt.org/formatnwfilter.html"],
    why: "VMs that name a filter such as clean-traffic rely on what stands in it. One that was changed may let a guest pose as another \
          machine, while each definition still looks right.",
    fix: "Compare with the original: `virsh nwfilter-dumpxml NAME` and /usr/share/libvirt/nwfilter/NAME.xml. Bring it back with \
          `virsh nwfilter-undefine NAME; virsh nwfilter-define /usr/share/libvirt/nwfilter/NAME.xml`, and give rules of your own a filter with another name.",
    impact: "The new rules hold for running VMs at once; traffic that only the changed filter let through stops.",
    apply: Apply::Live,
    needs: "libvirt's network filters, the originals in /usr/share/libvirt/nwfilter, //interface/filterref in the definitions of all VMs",
    judge: Judge::Host(tampered),
};

fn tampered(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let known = &facts.libvirt.nwfilters;
    let filters = known.get()?;
    let originals = facts.host.nwfilter_originals.get()?;
    let changed: Vec<&str> = originals
        .iter()
        .filter(|(name, original)| filters.get(*name).is_some_and(|filter| !filter.unread && filter != *original))
        .map(|(name, _)| name.as_str())
        .collect();
    // Named by a VM or by another filter.
    let by_vms = neighbours.ports.all().filter_map(|port| port.filter.as_deref());
    let by_filters = filters.values().flat_map(|filter| filter.includes.iter().map(String::as_str));
    let missing: BTreeSet<&str> = by_vms.chain(by_filters).filter(|name| !filters.contains_key(*name)).collect();
    if !changed.is_empty() {
        let used = neighbours.ports.all().filter(|port| port.filter.is_some()).count();
        let message = format!(
            "These filters of libvirt differ from what the package brought: {}. Interfaces of VMs that name a filter: {used}.",
            list(changed.iter().copied())
        );
        return Ok(changed.iter().fold(Verdict::warn(message), |verdict, name| {
            verdict
                .and(format!("virsh nwfilter-dumpxml {name}, /usr/share/libvirt/nwfilter/{name}.xml"), "(they differ)")
        }));
    }
    if !missing.is_empty() {
        let message = format!(
            "VMs or filters name network filters that libvirt does not have: {}.",
            list(missing.iter().copied())
        );
        return Ok(Verdict::warn(message).and(known.origin(), "(not there)"));
    }
    if filters.is_empty() {
        return Ok(Verdict::not_applicable("libvirt has no network filters, and no VM names one.")
            .and(known.origin(), "(none)"));
    }
    if originals.is_empty() {
        let origin = facts.host.nwfilter_originals.origin();
        return Err(Gap::new(origin, format!("the package keeps no originals in {origin} to compare with")));
    }
    if !originals.keys().any(|name| filters.contains_key(name)) {
        return Ok(Verdict::not_applicable("libvirt has none of the network filters that the package brings.")
            .and(known.origin(), list(filters.keys().map(String::as_str))));
    }
    if let Some((name, _)) = originals.iter().find(|(name, _)| filters.get(*name).is_some_and(|filter| filter.unread)) {
        return Err(Gap::new(known.origin(), format!("the content of the filter {name} was not read")));
    }
    let verdict = Verdict::pass("libvirt's own network filters are as the package brought them.");
    Ok(verdict.and(known.origin(), format!("{} filters", filters.len())))
}
