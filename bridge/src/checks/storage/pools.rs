// SPDX-License-Identifier: LGPL-2.1-or-later
//! Storage pools.

use std::collections::BTreeMap;

use crate::checks::vm::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::meta::Meta;
use crate::facts::pools::Pool;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const STORAGE: &str = "https://libvirt.org/storage.html";

pub static PERMISSIONS: Check = Check {
    id: "storage.pool-perms",
    title: "Other users can neither write nor list the storage pools",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[STORAGE, "https://libvirt.org/formatstorage.html"],
    why: "Who may write a pool's directory can put a volume there or replace one. Who may list it knows the names of all images, and with them which to try.",
    fix: "Run `chmod 0711 DIRECTORY`. QEMU needs no more than permission to enter it.",
    impact: "Ordinary users no longer see what images there are; whoever manages VMs through libvirt still does.",
    apply: Apply::HostNow,
    needs: "libvirt's storage pools, and stat of their directories",
    judge: Judge::Host(|facts, _| permissions(facts)),
};

fn permissions(facts: &Facts) -> Judged {
    let pools = facts.libvirt.pools.get()?;
    let mut directories = pools.iter().filter(|(_, pool)| pool.has_files()).peekable();
    if directories.peek().is_none() {
        return Ok(Verdict::not_applicable("No storage pool keeps files in a directory.")
            .and(facts.libvirt.pools.origin(), "no such pool"));
    }
    let mut tally = Tally::default();
    for (name, pool) in directories {
        let path = pool.path.as_deref().unwrap_or_default();
        let meta = match directory(facts, path) {
            Ok(Some(meta)) => meta,
            // A pool that is not active may not be mounted.
            Ok(None) => continue,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("Who may use the pool {name}"), &gap));
                continue;
            }
        };
        let (outcome, what) = match meta.mode & 0o1006 {
            0 | 0o1000 => continue,
            0o1002 | 0o1006 => (Outcome::Warn, format!("put files into {path}")),
            2 | 6 => (Outcome::Fail, format!("write {path}")),
            _ => (Outcome::Warn, format!("list {path}")),
        };
        tally.add(outcome, || {
            Verdict::new(
                outcome,
                format!(
                    "Every user of the host may {what}, the directory of the pool {name} (mode {:04o}).",
                    meta.mode
                ),
            )
            .and(format!("stat {path}"), meta.shown())
        });
    }
    Ok(tally.finish(|| Verdict::pass("Other users can neither write nor list the directories of the storage pools.")))
}

fn directory<'a>(facts: &'a Facts, path: &str) -> Result<Option<&'a Meta>, Gap> {
    let fact = facts.host.storage.directories.get(path).ok_or_else(|| Gap::new(path, "it was not read"))?;
    fact.get().map(Option::as_ref)
}

pub static AUTHENTICATION: Check = Check {
    id: "storage.pool-auth",
    title: "Network pools ask for authentication",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[STORAGE, "https://libvirt.org/formatstorage.html"],
    why: "A target that serves disks to whoever asks serves them to every machine and every guest that reaches the storage network.",
    fix: "Set up CHAP on the iSCSI target or a Ceph user with rights on this pool only, store the password with `virsh secret-define` and `virsh secret-set-value`, and name the \
          secret in `<source><auth>` of the pool (`virsh pool-edit POOL`).",
    impact: "The pool must be stopped and started, and with it the VMs that use it.",
    apply: Apply::Manual,
    needs: "libvirt's storage pools",
    judge: Judge::Host(|facts, _| {
        let pools = facts.libvirt.pools.get()?;
        let wants = |pool: &&Pool| matches!(pool.kind.as_str(), "iscsi" | "iscsi-direct" | "rbd");
        if !pools.values().any(|pool| wants(&pool)) {
            return Ok(Verdict::not_applicable("No storage pool is of a kind that authenticates (iSCSI, RBD)."));
        }
        let mut tally = Tally::default();
        for (name, pool) in pools.iter().filter(|(_, pool)| wants(pool) && pool.auth.is_none()) {
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!("The pool {name} of the type {} names no authentication.", pool.kind))
                    .and(format!("virsh pool-dumpxml {name}: /pool/source/auth"), "(not set)")
            });
        }
        Ok(tally.finish(|| Verdict::pass("All network pools name how to authenticate.")))
    }),
};

pub static SIZE: Check = Check {
    id: "storage.virtual-size",
    title: "Guests cannot fill the storage pools",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://libvirt.org/secureusage.html"],
    why: "Images that grow let a guest write until the pool is full. Then all VMs whose images lie there stop.",
    fix: "Move images to a larger pool, make them smaller with `virsh vol-resize --shrink` after the guest's file system, or watch the pool's free space \
          with `virsh pool-info POOL`.",
    impact: "Shrinking an image whose file system was not made smaller first destroys its data.",
    apply: Apply::Manual,
    needs: "capacities of the storage pools, and the header of each image in them",
    judge: Judge::Host(|facts, _| size(facts)),
};

/// More than the pool holds, in per cent, that images may promise together, and times that one alone may.
const TOGETHER: u128 = 200;
const ALONE: u128 = 10;

fn size(facts: &Facts) -> Judged {
    let pools = facts.libvirt.pools.get()?;
    let mut tally = Tally::default();
    let mut any = false;
    for (name, pool) in
        pools.iter().filter(|(_, pool)| pool.has_files() && pool.capacity > 0 && !pool.volumes.is_empty())
    {
        any = true;
        let capacity = u128::from(pool.capacity);
        let (sizes, gap) = sizes(facts, pool);
        let mut bad = false;
        for (path, size) in sizes.iter().filter(|(_, size)| **size > capacity.saturating_mul(ALONE)) {
            bad = true;
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!(
                    "{path} promises its guest {}, more than {ALONE} times what the pool {name} holds ({}).",
                    gib(*size),
                    gib(capacity)
                ))
                .and(format!("the header of {path}: virtual size"), size.to_string())
            });
        }
        let sum: u128 = sizes.values().sum();
        if sum.saturating_mul(100) > capacity.saturating_mul(TOGETHER) {
            bad = true;
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!(
                    "The images in the pool {name} promise their guests {}, and the pool holds {}.",
                    gib(sum),
                    gib(capacity)
                ))
                .and(format!("virsh pool-dumpxml {name}: /pool/capacity"), capacity.to_string())
            });
        }
        if let Some(gap) = gap.filter(|_| !bad) {
            tally.add(Outcome::Unknown, || not_known(&format!("How much the images in the pool {name} promise"), &gap));
        }
    }
    if !any {
        return Ok(Verdict::not_applicable("No active storage pool keeps images in a directory."));
    }
    Ok(tally.finish(|| Verdict::pass("No storage pool promises more than twice what it holds.")))
}

/// Path to virtual size of a pool's images, and why one is not known.
fn sizes<'a>(facts: &'a Facts, pool: &'a Pool) -> (BTreeMap<&'a str, u128>, Option<Gap>) {
    let mut sizes = BTreeMap::new();
    let mut missing = None;
    for path in pool.volumes.values() {
        match super::image(facts, path).and_then(|image| image.content.get()) {
            Ok(content) => drop(content.virtual_size.map(|size| sizes.insert(path.as_str(), u128::from(size)))),
            Err(gap) => missing = missing.or(Some(gap)),
        }
    }
    (sizes, missing)
}

fn gib(bytes: u128) -> String {
    let tenths = bytes.saturating_mul(10) >> 30;
    format!("{}.{} GiB", tenths / 10, tenths % 10)
}
