// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may touch the images of a VM: mode, owner, label, and the directories above them.

use super::{File, Role, closed, files};
use crate::checks::process::is_session;
use crate::checks::vm::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::host::SelinuxMode;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const DRIVER: &str = "https://libvirt.org/drvqemu.html";
const NO_IMAGE: &str = "The VM uses no image or device of this host.";

pub static MODE: Check = Check {
    id: "storage.image-mode",
    title: "Other users cannot read or write the VM's images",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[DRIVER],
    why: "Whoever may read an image has a copy of everything in the guest: passwords, keys, data. Whoever may write it decides what the \
          guest runs. The guest's own permissions do not count there.",
    fix: "Run `chmod o-rwx FILE`, and `chgrp` it away from a group that people are in. libvirt needs no permission for others: it changes \
          the owner when the VM starts.",
    impact: "Backup programs that run as an ordinary user cannot read the image any more.",
    apply: Apply::HostNow,
    needs: "stat of each image, the images behind it, and the directories above them",
    judge: Judge::Definition(|facts, _, domain| Ok(mode(facts, domain))),
};

fn mode(facts: &Facts, domain: &Domain) -> Verdict {
    let files = files(facts, domain);
    if files.is_empty() {
        return Verdict::not_applicable(NO_IMAGE);
    }
    let users = facts.host.groups.value().and_then(|groups| groups.iter().find(|group| group.name == "users"));
    let mut tally = Tally::default();
    for file in &files {
        let path = file.path;
        let meta = match file.meta() {
            Ok(meta) => meta,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("Who may read and write {path}"), &gap));
                continue;
            }
        };
        let open = meta.mode & 0o006;
        let does = match open {
            0 => None,
            // A CD image is often everybody's.
            0o004 if file.role == Role::Read => None,
            0o004 => Some("read"),
            _ => Some("write"),
        };
        if let Some(does) = does.filter(|_| closed(facts, path).is_none()) {
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!("Every user of the host may {does} {path} (mode {:04o}).", meta.mode))
                    .and(format!("stat {path}"), meta.shown())
            });
        } else if meta.mode & 0o060 != 0
            && let Some(users) = users.filter(|users| users.gid == meta.gid)
        {
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!(
                    "The group {}, which people are in, may open {path} (mode {:04o}).",
                    users.name, meta.mode
                ))
                .and(format!("stat {path}"), meta.shown())
            });
        }
    }
    tally.finish(|| Verdict::pass("Other users of the host can neither read nor write the VM's images."))
}

pub static OWNER: Check = Check {
    id: "storage.image-owner",
    title: "The VM's images belong to the system",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[DRIVER],
    why: "Who owns an image may read and change it, and give it to others, whatever its mode is. A user who owns a disk of a system VM is root \
          in that VM.",
    fix: "Shut the VM down and run `chown root:root FILE`; libvirt gives it to QEMU's user while the VM runs. Move images out of home directories into \
          a storage pool.",
    impact: "That user can no longer copy or replace the image.",
    apply: Apply::HostNow,
    needs: "stat of each image and the images behind it",
    judge: Judge::Definition(|facts, vm, domain| Ok(owner(facts, vm, domain))),
};

fn owner(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    if is_session(vm) {
        return Verdict::not_applicable("A user runs this VM with his own rights, and its images are his.");
    }
    let files = files(facts, domain);
    if files.is_empty() {
        return Verdict::not_applicable(NO_IMAGE);
    }
    let process = vm.process.value().and_then(Option::as_ref);
    let qemu = process.and_then(|process| process.uids.value()).map(|uids| uids[1]);
    let mut tally = Tally::default();
    for file in &files {
        let path = file.path;
        match file.meta() {
            Err(gap) => tally.add(Outcome::Unknown, || not_known(&format!("The owner of {path}"), &gap)),
            Ok(meta) if crate::checks::is_person(meta.uid) && qemu != Some(meta.uid) => {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "{path} belongs to the user {}, who is neither root nor QEMU's user.",
                        meta.uid
                    ))
                    .and(format!("stat {path}"), meta.shown())
                });
            }
            Ok(_) => {}
        }
    }
    tally.finish(|| Verdict::pass("The VM's images belong to system accounts."))
}

pub static LABEL: Check = Check {
    id: "storage.image-label",
    title: "The VM's images carry the right SELinux label",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[DRIVER, "best-practices-for-securing-virtual-machines"],
    why: "The label on an image is what keeps the QEMU of another VM away from it. An image with another VM's categories can be opened by that VM, \
          and one with a label for home directories or unknown files can be opened by other programs.",
    fix: "For a VM that is shut off run `restorecon -v FILE`. For a directory of your own run `semanage fcontext -a -t virt_image_t 'DIRECTORY(/.*)?'` first. \
          A running VM has to be shut down and started again, so that libvirt labels its images.",
    impact: "None for the VM. Programs that read the image by its wrong label cannot any more.",
    apply: Apply::HostNow,
    needs: "the extended attribute security.selinux of each image, and the label of the QEMU process",
    judge: Judge::Definition(label),
};

/// Types that say nothing about an image.
const WRONG_TYPES: [&str; 7] =
    ["user_home_t", "admin_home_t", "default_t", "unlabeled_t", "file_t", "tmp_t", "user_tmp_t"];

fn label(facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    if *facts.host.selinux.mode.get()? == SelinuxMode::Disabled {
        return Ok(Verdict::not_applicable("SELinux is not active on this host."));
    }
    let files = files(facts, domain);
    if files.is_empty() {
        return Ok(Verdict::not_applicable(NO_IMAGE));
    }
    let mut tally = Tally::default();
    for file in &files {
        let path = file.path;
        // A file system without labels shows one for all its files.
        let mount = facts.host.mounts.value().and_then(|mounts| mounts.for_path(path));
        if mount.is_some_and(|mount| !mount.has("seclabel")) {
            continue;
        }
        let known = file.image.as_ref().map_err(Clone::clone).and_then(|image| image.label.get());
        match known.map(Option::as_deref) {
            Err(gap) => tally.add(Outcome::Unknown, || not_known(&format!("The label of {path}"), &gap)),
            Ok(None) => {}
            Ok(Some(text)) => {
                if let Some(bad) = of_label(vm, domain, file, text) {
                    let bad =
                        bad.unwrap_or_else(|gap| not_known(&format!("Whether {path} has the VM's categories"), &gap));
                    tally.add(bad.outcome, || bad.and(format!("ls -Z {path}"), text));
                }
            }
        }
    }
    Ok(tally.finish(|| Verdict::pass("The VM's images carry labels that keep other programs and VMs away.")))
}

/// What is wrong with the label of one image, if anything.
fn of_label(vm: &Vm, domain: &Domain, file: &File, text: &str) -> Option<Judged> {
    let path = file.path;
    let (kind, level) = parts(text)?;
    if WRONG_TYPES.contains(&kind) {
        return Some(Ok(Verdict::warn(format!("{path} is labelled {kind}, which is not for images of VMs."))));
    }
    // While a VM runs, its writable images are its alone.
    if !domain.is_live() || file.role != Role::Written || file.shareable || kind != "svirt_image_t" {
        return None;
    }
    let process = match process_level(vm) {
        Ok(level) => level?,
        Err(gap) => return Some(Err(gap)),
    };
    (process != level).then(|| {
        Ok(Verdict::fail(format!(
            "{path} has the categories of another VM: it is labelled {level}, and QEMU runs as {process}."
        )))
    })
}

/// Type and level of `USER:ROLE:TYPE:LEVEL`.
fn parts(label: &str) -> Option<(&str, &str)> {
    let mut parts = label.splitn(4, ':').skip(2);
    Some((parts.next()?, parts.next().unwrap_or("")))
}

fn process_level(vm: &Vm) -> Result<Option<&str>, Gap> {
    let Some(process) = vm.process.get()? else { return Ok(None) };
    Ok(process.label.get()?.as_deref().and_then(parts).map(|(_, level)| level))
}

pub static DIRECTORIES: Check = Check {
    id: "storage.dir-perms",
    title: "Other users cannot replace the VM's images",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[DRIVER],
    why: "Who may write a directory can rename an image in it and put another in its place, whatever the image's own mode is. The VM then starts what that user made.",
    fix: "Run `chmod o-w DIRECTORY`, or move the image into a storage pool such as /var/lib/libvirt/images and change the VM with `virsh edit VM`. \
          QEMU needs no more than permission to enter the directories (o+x).",
    impact: "Users who put images there themselves need another way, such as `virsh vol-upload`.",
    apply: Apply::HostNow,
    needs: "stat of the directories above each image",
    judge: Judge::Definition(|facts, vm, domain| Ok(directories(facts, vm, domain))),
};

/// Places where users and cleaners come by.
const SHARED_PLACES: [&str; 4] = ["/tmp", "/var/tmp", "/home", "/dev/shm"];

fn directories(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let files = files(facts, domain);
    if files.is_empty() {
        return Verdict::not_applicable(NO_IMAGE);
    }
    let mut tally = Tally::default();
    let mut seen: Vec<&str> = Vec::new();
    for path in files.iter().map(|file| file.path) {
        let shared =
            SHARED_PLACES.iter().find(|place| path.strip_prefix(**place).is_some_and(|rest| rest.starts_with('/')));
        // Device nodes are udev's.
        if path.starts_with("/dev/") && shared.is_none() || !path.starts_with('/') {
            continue;
        }
        if let Some(place) = shared.filter(|_| !is_session(vm)) {
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!("{path} lies below {place}, where users and programs that tidy up come by."))
                    .and(format!("stat {path}"), "image of the VM")
            });
        }
        for (place, _) in path.match_indices('/') {
            let directory = if place == 0 { "/" } else { path.get(..place).unwrap_or("/") };
            let known = facts.host.storage.directories.get(directory);
            let meta = match known.map(|fact| fact.get()) {
                Some(Ok(Some(meta))) => meta,
                other => {
                    if !seen.contains(&directory) {
                        seen.push(directory);
                        let gap = match other {
                            Some(Err(gap)) => gap,
                            _ => Gap::new(directory, "it was not read or does not exist"),
                        };
                        tally.add(Outcome::Unknown, || not_known(&format!("Who may write {directory}"), &gap));
                    }
                    break;
                }
            };
            // Others come no further.
            if meta.mode & 0o001 == 0 {
                break;
            }
            if meta.mode & 0o1002 == 0o002 && !seen.contains(&directory) {
                seen.push(directory);
                tally.add(Outcome::Fail, || {
                    Verdict::fail(format!(
                        "Every user of the host may replace files in {directory} (mode {:04o}), such as {path}.",
                        meta.mode
                    ))
                    .and(format!("stat {directory}"), meta.shown())
                });
            }
        }
    }
    tally.finish(|| Verdict::pass("No directory above the VM's images can be written by other users."))
}
