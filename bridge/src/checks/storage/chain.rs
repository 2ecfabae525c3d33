// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images behind an image: what a header, which a stranger may have written, makes QEMU open.

use super::{chain, declared, source_path};
use crate::checks::vm::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::image_header::Content;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const SECURE: &str = "https://libvirt.org/secureusage.html";
const CHAINS: &str = "https://libvirt.org/kbase/backing_chains.html";
/// A chain that is longer slows the guest down, and nobody knows any more what lies in it.
const DEPTH: usize = 10;

pub static BACKING: Check = Check {
    id: "storage.backing-chain",
    title: "The images behind the VM's images lie in known storage",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[SECURE, CHAINS],
    why: "A qcow2 image names in its header the file behind it. Whoever made the image can name any file of the host or an address on the network; \
          the guest then reads what QEMU may read there, such as another VM's disk.",
    fix: "If you know the file behind it, put it into a storage pool of its own (`virsh pool-define-as`). Otherwise throw the image away and import it anew. `virsh blockpull VM TARGET --wait` \
          copies what lies behind into the image and ends the chain, for an image that you trust.",
    impact: "Copying takes the space of the whole image. VMs that share one base image each get a copy of it.",
    apply: Apply::Manual,
    needs: "the header of each qcow2 image, and the storage pools",
    judge: Judge::Definition(|facts, _, domain| {
        Ok(each(
            facts,
            domain,
            "No image of the VM has another one behind it that lies outside known storage.",
            |tally, known, path, content, depth| {
                let Some(parent) = &content.backing else { return };
                let header = || {
                    (
                        format!("the header of {path}"),
                        parent.path.clone().or_else(|| parent.protocol.clone()).unwrap_or_default(),
                    )
                };
                let found = match (&parent.path, &parent.protocol) {
                    (Some(file), _) => match known.contains(file) {
                        Ok(true) if depth == DEPTH => Some(Verdict::warn(format!(
                            "More than {DEPTH} images lie behind one another; {path} is one of them."
                        ))),
                        Ok(true) => None,
                        Ok(false) => Some(Verdict::fail(format!(
                            "{path} makes QEMU read {file}, which lies neither in a storage pool nor beside an image of the VM."
                        ))),
                        Err(gap) => {
                            Some(not_known(&format!("Whether {file} behind {path} lies in a storage pool"), &gap))
                        }
                    },
                    (None, protocol) => Some(Verdict::fail(format!(
                        "{path} makes QEMU read its data over {}, which stands in the image and not in the VM's definition.",
                        protocol.as_deref().unwrap_or("a protocol")
                    ))),
                };
                if let Some(found) = found {
                    let (origin, value) = header();
                    tally.add(found.outcome, || found.and(origin, value));
                }
            },
        ))
    }),
};

pub static FORMAT: Check = Check {
    id: "storage.backing-format",
    title: "Each image says which format the one behind it has",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[SECURE, CHAINS],
    why: "Without a recorded format a program guesses it from the first bytes. A guest that once wrote a raw image can have put a qcow2 header there, \
          which makes QEMU open a file of the guest's choice.",
    fix: "With the VM shut off, record the format that you know, by `virsh vol-create-as POOL NEW SIZE --format qcow2 --backing-vol BASE --backing-vol-format FORMAT` for a new \
          overlay. libvirt refuses to start a VM whose image lacks it, unless it finds raw.",
    impact: "The new overlay starts empty; what the guest wrote into the old one must be copied or merged first.",
    apply: Apply::Manual,
    needs: "the header of each qcow2 image",
    judge: Judge::Definition(|facts, _, domain| {
        Ok(each(
            facts,
            domain,
            "No image of the VM leaves the format of the one behind it to guessing.",
            |tally, _, path, content, _| {
                if let Some(parent) = content.backing.as_ref().filter(|parent| parent.format.is_none()) {
                    let behind = parent.path.as_deref().or(parent.protocol.as_deref()).unwrap_or_default();
                    tally.add(Outcome::Fail, || {
                        Verdict::fail(format!("{path} does not say which format {behind} behind it has."))
                            .and(format!("the header of {path}: backing format"), "(not set)")
                    });
                }
            },
        ))
    }),
};

pub static DATA_FILE: Check = Check {
    id: "storage.external-data-file",
    title: "No image keeps its data in a file that its header names",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[SECURE, "https://www.qemu.org/docs/master/interop/qcow2.html"],
    why: "A qcow2 header can say that the data lie in another file, which QEMU then reads and writes. In an image from a stranger that is any file of the host; \
          programs that only look at such an image open it too (CVE-2024-4467).",
    fix: "Do not run `qemu-img` on it. Copy the data inside a guest that you can throw away, into an image without such a file, and delete this one.",
    impact: "The VM is down while its disk is copied.",
    apply: Apply::Manual,
    needs: "the header of each qcow2 image, and the storage pools",
    judge: Judge::Definition(|facts, _, domain| {
        Ok(each(facts, domain, "All images of the VM hold their data themselves.", |tally, known, path, content, _| {
            let Some(data) = &content.data_file else { return };
            let found = match &data.path {
                Some(file) => match known.contains(file) {
                    Ok(true) => Verdict::warn(format!("{path} keeps its data in {file}.")),
                    Ok(false) => Verdict::fail(format!(
                        "{path} keeps its data in {file}, which lies neither in a storage pool nor beside an image of the VM."
                    )),
                    Err(gap) => Verdict::warn(format!(
                        "{path} keeps its data in {file}. Whether that lies in a storage pool is not known: {}.",
                        gap.reason
                    )),
                },
                None if data.protocol.is_some() => {
                    Verdict::fail(format!("{path} keeps its data somewhere that QEMU reaches over a protocol."))
                }
                None => {
                    Verdict::warn(format!("{path} keeps its data in another file, which its header does not name."))
                }
            };
            let value = data.path.clone().or_else(|| data.protocol.clone()).unwrap_or_else(|| "(not named)".to_owned());
            tally.add(found.outcome, || found.and(format!("the header of {path}: data file"), value));
        }))
    }),
};

/// Looks at each image whose header QEMU goes by, with the number of images before it in its chain.
fn each(
    facts: &Facts,
    domain: &Domain,
    good: &'static str,
    look: impl Fn(&mut Tally, &Known, &str, &Content, usize),
) -> Verdict {
    let mut tally = Tally::default();
    let known = Known { facts, domain };
    let mut any = false;
    for disk in domain.devices("disk") {
        // What is opened as raw has no header for QEMU.
        if declared(disk).is_none_or(|format| format == "raw") {
            continue;
        }
        let links = match source_path(facts, disk) {
            None => continue,
            Some(Err(gap)) => {
                any = true;
                tally.add(Outcome::Unknown, || not_known("The header of an image", &gap));
                continue;
            }
            Some(Ok(path)) => chain(facts, path),
        };
        for (depth, link) in links.iter().enumerate() {
            any = true;
            match &link.content {
                Ok(content) => look(&mut tally, &known, link.path, content, depth),
                Err(gap) => tally.add(Outcome::Unknown, || not_known(&format!("The header of {}", link.path), gap)),
            }
        }
    }
    if !any {
        return Verdict::not_applicable("The VM has no image with a header that QEMU goes by.");
    }
    tally.finish(|| Verdict::pass(good))
}

/// Storage that the administrator knows of.
struct Known<'a> {
    facts: &'a Facts,
    domain: &'a Domain<'a>,
}

impl Known<'_> {
    /// Whether a file lies in a storage pool, or in the directory of an image that the definition itself names.
    fn contains(&self, path: &str) -> Result<bool, Gap> {
        let parent = |path: &str| path.rsplit_once('/').map(|(parent, _)| parent.to_owned());
        let directory = parent(path);
        let mut own =
            self.domain.devices("disk").filter_map(|disk| source_path(self.facts, disk)?.ok().and_then(parent));
        if own.any(|own| Some(own) == directory) {
            return Ok(true);
        }
        let pools = self.facts.libvirt.pools.get()?;
        let inside =
            |pool: &str| path.strip_prefix(pool.trim_end_matches('/')).is_some_and(|rest| rest.starts_with('/'));
        Ok(pools.values().filter_map(|pool| pool.path.as_deref()).any(inside))
    }
}
