// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a disk is read as, and what it is.

use super::disks::target;
use super::{Tally, not_known};
use crate::checks::storage::{declared, image, source_path};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static FORMAT: Check = Check {
    id: "vm.disk-format-explicit",
    title: "Each image is what the definition says it is",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &["https://libvirt.org/secureusage.html"],
    why: "A guest can write a qcow2 header into its raw disk that names a file of the host. It does nothing while the disk is opened as raw, but whoever imports the image \
          later, or lets a program guess its format, gives the guest that file.",
    fix: "Keep `<driver type='raw'/>`; never change the type to what the header says. Look at the image only inside a VM that you can throw away.",
    impact: "None: the guest sees its disk as before.",
    apply: Apply::Manual,
    needs: "//disk/driver/@type in the definition, and the first bytes of each image",
    judge: Judge::Definition(|facts, _, domain| Ok(format(facts, domain))),
};

fn format(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut any = false;
    for disk in domain.devices("disk") {
        let Some(path) = source_path(facts, disk) else { continue };
        any = true;
        let name = target(disk);
        let said = declared(disk);
        let content = path.and_then(|path| Ok((path, image(facts, path)?.content.get()?)));
        let (path, content) = match content {
            Ok(content) => content,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("The format of the disk {name}"), &gap));
                continue;
            }
        };
        // These hold data for the guest like any other bytes.
        let found = match content.format.as_str() {
            "iso" | "luks" => "raw",
            format => format,
        };
        let found_verdict = match (said.unwrap_or("raw"), found) {
            (said, found) if said == found => None,
            ("raw", _) => Some(Verdict::fail(format!(
                "{path} (disk {name}) is opened as raw, but it begins like a {found} image, which the guest may have written."
            ))),
            // Its fixed kind has no header, and others have none that is known here.
            ("vpc" | "dmg" | "cloop" | "ploop" | "dir" | "fat" | "iso" | "luks", _) => None,
            (said, found) => Some(Verdict::warn(format!(
                "{path} (disk {name}) is declared as {said}, but it begins like a {found} image."
            ))),
        };
        if let Some(found) = found_verdict {
            tally.add(found.outcome, || {
                found
                    .and(format!("the first bytes of {path}"), content.format.as_str())
                    .and(format!("{}/driver/@type", domain.path(disk)), said.unwrap_or("(not set)"))
            });
        } else if said.is_none() {
            tally.add(Outcome::Info, || {
                Verdict::info(format!(
                    "The definition does not say the format of the disk {name}; libvirt takes it as raw, which it is."
                ))
                .and(format!("{}/driver/@type", domain.path(disk)), "(not set)")
            });
        }
    }
    if !any {
        return Verdict::not_applicable("The VM uses no image or device of this host.");
    }
    tally.finish(|| Verdict::pass("Each image begins as the definition says."))
}
