// SPDX-License-Identifier: LGPL-2.1-or-later
//! What lies on the host after VMs: dumps of their memory, images that none uses.

use crate::checks::vm::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::images::Image;
use crate::facts::{Facts, Gap, Link};
use crate::policy::Profile;

pub static DUMPS: Check = Check {
    id: "storage.dumps",
    title: "No dumps of guests' memory lie around",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[
        "https://libvirt.org/drvqemu.html",
        "https://www.freedesktop.org/software/systemd/man/latest/systemd-coredump.html",
    ],
    why: "A dump is the whole memory of a guest in clear: passwords, keys, data. It stays long after the VM is gone.",
    fix: "Move the dump away or delete it once the crash is understood. `coredumpctl` lists those of systemd.",
    impact: "Without the dump the crash cannot be looked into any more.",
    apply: Apply::HostNow,
    needs: "/var/lib/libvirt/qemu/dump or auto_dump_path of qemu.conf, and /var/lib/systemd/coredump",
    judge: Judge::Host(|facts, _| {
        let storage = &facts.host.storage;
        let mut tally = Tally::default();
        for (fact, what) in [(&storage.dumps, "a guest"), (&storage.core_dumps, "a QEMU process")] {
            let files = match fact.get() {
                Ok(files) => files,
                Err(gap) => {
                    tally.add(Outcome::Unknown, || {
                        not_known(&format!("Whether a memory dump of {what} lies around"), &gap)
                    });
                    continue;
                }
            };
            for (path, meta) in files {
                let (outcome, who) = if meta.mode & 0o004 == 0 {
                    (Outcome::Warn, "")
                } else {
                    (Outcome::Fail, ", and every user may read it")
                };
                tally.add(outcome, || {
                    Verdict::new(outcome, format!("The memory of {what} lies in {path}{who}."))
                        .and(format!("stat {path}"), meta.shown())
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("No dumps of guests' memory lie around.")))
    }),
};

pub static ORPHANS: Check = Check {
    id: "storage.orphans",
    title: "Each image in the storage pools belongs to a VM",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://libvirt.org/storage.html"],
    why: "The disk of a VM that was removed still holds all its data. Nobody looks after it, and the next VM that is given it can read them.",
    fix: "Run `virsh vol-delete --pool POOL VOLUME`, after `virsh vol-wipe` where the storage overwrites in place. Templates and backups may stay.",
    impact: "The data are lost. VMs of other connections and copies that somebody keeps by hand are not known here: ask first.",
    apply: Apply::Live,
    needs: "volumes of the storage pools, and the images of all VMs",
    judge: Judge::Host(|facts, _| orphans(facts)),
};

fn orphans(facts: &Facts) -> Judged {
    let pools = facts.libvirt.pools.get()?;
    if facts.libvirt.link != Link::Connected {
        return Err(Gap::new("libvirt", "the VMs of the host were not read"));
    }
    if !pools.values().any(|pool| pool.has_files() && !pool.volumes.is_empty()) {
        let message = "No active storage pool keeps images in a directory.";
        return Ok(Verdict::not_applicable(message).and(facts.libvirt.pools.origin(), "no such image"));
    }
    let mut tally = Tally::default();
    for (name, pool) in pools.iter().filter(|(_, pool)| pool.has_files()) {
        for path in pool.volumes.values() {
            let image = super::image(facts, path);
            let format = image.as_ref().ok().and_then(|image| Some(image.content.value()?.format.as_str()));
            match image {
                // Installation media wait for their next use.
                Ok(image) if !image.used && format != Some("iso") => tally.add(Outcome::Info, || {
                    Verdict::info(format!("No VM uses {path} in the pool {name}."))
                        .and(format!("virsh vol-list {name}"), path.as_str())
                }),
                Ok(_) => {}
                Err(gap) => tally.add(Outcome::Unknown, || not_known(&format!("Whether a VM uses {path}"), &gap)),
            }
        }
    }
    // What a VM whose definition or images are not known uses looks like nobody's.
    let mut gaps = facts.vms.iter().flat_map(|vm| [&vm.stored, &vm.live]).filter_map(|fact| fact.get().err());
    if let Some(gap) = gaps.next() {
        return Err(gap);
    }
    let reaches = |image: &&Image| image.used && !image.nvram && image.meta.value().is_none_or(Option::is_some);
    let mut unread = facts.host.storage.images.values().filter(reaches);
    if let Some(gap) = unread.find_map(|image| image.content.get().err()) {
        return Err(Gap { reason: format!("what lies behind an image of a VM: {}", gap.reason), ..gap });
    }
    Ok(tally.finish(|| Verdict::pass("A VM uses each image in the storage pools.")))
}
