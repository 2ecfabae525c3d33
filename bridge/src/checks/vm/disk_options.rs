// SPDX-License-Identifier: LGPL-2.1-or-later
//! How QEMU treats a disk: its errors, its cache, whether writes last.

use roxmltree::Node;

use super::disks::target;
use super::{Tally, not_known};
use crate::checks::domain::child;
use crate::checks::storage::{DAY, image, now, source_path};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms";

pub static ERROR_POLICY: Check = Check {
    id: "vm.disk-error-policy",
    title: "Errors of the storage reach the guest or stop it",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://github.com/ComplianceAsCode/content", FORMAT],
    why: "With `ignore` QEMU tells the guest that a failed write succeeded. The guest goes on with data that are not on its disk, and logs and databases are silently wrong.",
    fix: "Run `virt-xml VM --edit target=TARGET --disk driver.error_policy=stop`, and the same for rerror_policy.",
    impact: "The VM stops when its storage fails or is full, until somebody resumes it.",
    apply: Apply::NextStart,
    needs: "//disk/driver in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for disk in domain.devices("disk") {
            let Some(driver) = child(disk, "driver") else { continue };
            for name in ["error_policy", "rerror_policy"] {
                if driver.attribute(name) == Some("ignore") {
                    tally.add(Outcome::Fail, || {
                        Verdict::fail(format!("Errors of the disk {} are ignored ({name}).", target(disk)))
                            .because([domain.evidence(driver, name)])
                    });
                }
            }
        }
        Ok(tally.finish(|| Verdict::pass("No disk's errors are ignored.")))
    }),
};

pub static CACHE: Check = Check {
    id: "vm.disk-cache-unsafe",
    title: "No disk has an unsafe cache",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &[FORMAT],
    why: "With cache='unsafe' QEMU ignores the guest's demand that data be on the disk. When the host crashes, the guest's file systems and databases may be damaged, and the last lines \
          of its logs are missing.",
    fix: "Run `virt-xml VM --edit target=TARGET --disk cache=none`.",
    impact: "Writing becomes slower.",
    apply: Apply::NextStart,
    needs: "//disk/driver in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for disk in domain.devices("disk") {
            if let Some(driver) = child(disk, "driver").filter(|driver| driver.attribute("cache") == Some("unsafe")) {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The disk {} has an unsafe cache: what the guest wrote may be lost.",
                        target(disk)
                    ))
                    .because([domain.evidence(driver, "cache")])
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("No disk has an unsafe cache.")))
    }),
};

pub static TRANSIENT: Check = Check {
    id: "vm.disk-nonpersistent",
    title: "What the guest writes lasts",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://github.com/vmware/vcf-security-and-compliance-guidelines", FORMAT],
    why: "What is written to a disk with `<transient/>` is gone when the VM stops. So are an attacker's traces, logs and security updates. For a VM that shall be \
          fresh at each start this is right.",
    fix: "Run `virsh edit VM` and delete `<transient/>`, or send the guest's logs to another machine.",
    impact: "The VM keeps its changes, wanted or not.",
    apply: Apply::NextStart,
    needs: "//disk in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for disk in domain.devices("disk") {
            if let Some(transient) = child(disk, "transient") {
                tally.add(Outcome::Info, || {
                    Verdict::info(format!(
                        "What the guest writes to the disk {} is gone when the VM stops.",
                        target(disk)
                    ))
                    .and(domain.path(transient), "present")
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("What the guest writes to its disks lasts.")))
    }),
};

pub static MEDIA: Check = Check {
    id: "vm.cdrom-media",
    title: "No medium is left in a CD drive",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://github.com/vmware/vcf-security-and-compliance-guidelines", FORMAT],
    why: "Everybody in the guest can read the medium, and whoever can restart the guest may start from it. The seed of an automatic installation often holds passwords and keys.",
    fix: "Run `virsh change-media VM TARGET --eject --live --config`.",
    impact: "The guest can no longer read the medium. Some images with cloud-init look for their seed at each start.",
    apply: Apply::Live,
    needs: "//disk[@device='cdrom'] in the definition, the first bytes of the medium, and when the VM was started",
    judge: Judge::Definition(|facts, vm, domain| Ok(media(facts, vm, domain))),
};

fn media(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    for disk in domain.devices("disk").filter(|disk| disk.attribute("device") == Some("cdrom")) {
        let Some(source) = child(disk, "source") else { continue };
        let Some(medium) = medium(facts, disk, source) else { continue };
        let name = target(disk);
        let seed = if medium.seed { ", which looks like the seed of an automatic installation" } else { "" };
        match is_new(facts, vm) {
            Ok(true) => tally.add(Outcome::Info, || {
                Verdict::info(format!(
                    "{} is in the drive {name}{seed}; the VM was started less than a day ago.",
                    medium.name
                ))
                .and(domain.path(source), medium.name.as_str())
            }),
            Ok(false) => tally.add(Outcome::Warn, || {
                Verdict::warn(format!("{} is still in the drive {name}{seed}.", medium.name))
                    .and(domain.path(source), medium.name.as_str())
            }),
            Err(gap) => tally.add(Outcome::Unknown, || {
                not_known(&format!("How long {} has been in the drive {name}", medium.name), &gap)
            }),
        }
    }
    tally.finish(|| Verdict::pass("No medium is in a CD drive."))
}

struct Medium {
    name: String,
    seed: bool,
}

/// Parts of the names, and the volume labels, that installers and cloud-init look for.
const SEED_NAMES: [&str; 6] = ["cidata", "cloud-init", "cloudinit", "seed", "unattend", "kickstart"];
const SEED_VOLUMES: [&str; 3] = ["cidata", "config-2", "oemdrv"];

fn medium(facts: &Facts, disk: Node, source: Node) -> Option<Medium> {
    let path = source_path(facts, disk).and_then(Result::ok);
    let name = match path {
        Some(path) => path.to_owned(),
        None => match (source.attribute("protocol"), source.attribute("name")) {
            (Some(protocol), Some(name)) => format!("{protocol}:{name}"),
            _ => source.attribute("volume")?.to_owned(),
        },
    };
    let lower = name.to_lowercase();
    let volume =
        path.and_then(|path| image(facts, path).ok()?.content.value()?.volume.as_deref()).map(str::to_lowercase);
    let file = lower.rsplit('/').next().unwrap_or_default();
    let seed = SEED_NAMES.iter().any(|part| file.contains(part))
        || std::path::Path::new(file).extension().is_some_and(|extension| extension == "ks")
        || volume.is_some_and(|volume| SEED_VOLUMES.contains(&volume.as_str()));
    Some(Medium { name, seed })
}

/// A VM that was started a short time ago may still be installed from its medium.
fn is_new(facts: &Facts, vm: &Vm) -> Result<bool, Gap> {
    if !vm.is_active()? {
        return Ok(false);
    }
    let started = vm.left.started.get()?;
    let now = now(facts)?;
    Ok(started.is_some_and(|started| now.saturating_sub(started) < DAY))
}
