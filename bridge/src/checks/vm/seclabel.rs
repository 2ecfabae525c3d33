// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the definition says about the VM's confinement.

use roxmltree::Node;

use super::{Tally, is_read};
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::mounts::Mount;
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static NONE: Check = Check {
    id: "vm.seclabel-none",
    title: "The VM is not exempt from confinement",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[
        "best-practices-for-securing-virtual-machines",
        "automatic-features-for-virtual-machine-security",
        "https://libvirt.org/formatdomain.html#security-label",
    ],
    why: "With `<seclabel type='none'>` libvirt starts QEMU without the label or profile that keeps it apart. A guest that \
          breaks out of this one QEMU can then open the disk images of all other VMs.",
    fix: "Run `virsh edit VM`, delete the `<seclabel type='none'/>` element, shut the VM down and start it again.",
    impact: "A VM that used files outside of libvirt's reach is denied them then: label these files (`semanage fcontext`, \
             `restorecon`) or move them into a storage pool.",
    apply: Apply::NextStart,
    needs: "<seclabel> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for label in children(domain.root(), "seclabel").filter(|label| label.attribute("type") == Some("none")) {
            tally.add(Outcome::Fail, || {
                let message = match label.attribute("model") {
                    None => "The definition exempts this VM from confinement.".to_owned(),
                    Some(model) => format!("The definition exempts this VM from confinement by {model}."),
                };
                Verdict::fail(message).because([domain.evidence(label, "type")])
            });
        }
        Ok(tally.finish(|| Verdict::pass("The definition does not exempt this VM from confinement.")))
    }),
};

pub static DAC_ROOT: Check = Check {
    id: "vm.seclabel-dac-root",
    title: "The definition does not run QEMU as root",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[
        "https://libvirt.org/kbase/qemu-passthrough-security.html",
        "https://libvirt.org/formatdomain.html#security-label",
    ],
    why: "A guest that breaks out of its QEMU has what that process has. As root it owns the host: since libvirt 6.0 such a QEMU keeps \
          all capabilities. Another user that the definition names has whatever else belongs to that user.",
    fix: "Run `virsh edit VM`, delete the `<seclabel model='dac'>` element, shut the VM down and start it again. QEMU then runs as the \
          user of qemu.conf.",
    impact: "Files and devices that only root may open are denied to the VM: give them to QEMU's user, or let libvirt do so by naming \
             them in the definition.",
    apply: Apply::NextStart,
    needs: "<seclabel model='dac'> in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(dac_root(domain))),
};

fn dac_root(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    for node in children(domain.root(), "seclabel").filter(|node| node.attribute("model") == Some("dac")) {
        // The label of a running VM that the definition leaves to libvirt is libvirt's own.
        let given = node.attribute("type") == Some("static");
        for (name, given) in [("label", given), ("baselabel", true)] {
            let Some(label) = child(node, name) else { continue };
            let text = label.text().unwrap_or("").trim();
            let user = text.split_once(':').map_or(text, |(user, _)| user);
            if is_root(user) {
                tally.add(Outcome::Fail, || {
                    Verdict::fail(format!("QEMU runs as root: the VM's DAC label is {text}."))
                        .because([domain.text_evidence(label)])
                });
            } else if given && !user.is_empty() {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The definition gives QEMU a user of its own choice: its DAC label is {text}."
                    ))
                    .because([domain.text_evidence(label)])
                });
            }
        }
    }
    tally.finish(|| Verdict::pass("The definition leaves it to libvirt which user QEMU runs as."))
}

/// `root`, `0` or `+0`.
fn is_root(user: &str) -> bool {
    user == "root" || user.strip_prefix('+').unwrap_or(user).parse() == Ok(0_u32)
}

pub static STATIC: Check = Check {
    id: "vm.seclabel-static",
    title: "libvirt makes the VM's label, and no other VM has it",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Confinement,
    basis: &["https://libvirt.org/drvqemu.html", "https://libvirt.org/formatdomain.html#security-label"],
    why: "SELinux and AppArmor keep VMs apart by their labels. libvirt makes each one unique; a label that a person wrote may belong to \
          another VM too, and then each of the two may open the other's disks. libvirt's documentation advises written labels only for \
          network file systems that carry them.",
    fix: "Run `virsh edit VM`, delete the `<seclabel type='static'>` element or set `type='dynamic'` and delete its `<label>`, shut the VM \
          down and start it again.",
    impact: "libvirt labels the VM's files anew at that start. Files that were labelled by hand need nothing any more.",
    apply: Apply::NextStart,
    needs: "<seclabel> in the definitions of all VMs",
    judge: Judge::Vm(seclabel_static),
};

/// No more of the VMs with one label are named.
const NAMED: usize = 5;

fn seclabel_static(_: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    let mut tally = Tally::default();
    for own in neighbours.static_labels.get(vm.uuid.as_str()).map_or(&[][..], Vec::as_slice) {
        if own.label.contains("c0.c1023") {
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!(
                    "The written label {} covers every category, so the VM may open the files of all VMs.",
                    own.label
                ))
                .and(own.origin.as_str(), own.label.as_str())
            });
        }
        let users = neighbours.static_users.get(&own.key).map_or(&[][..], Vec::as_slice);
        for other in users.iter().filter(|other| other.uuid != vm.uuid).take(NAMED) {
            tally.add(Outcome::Fail, || {
                Verdict::fail(format!(
                    "The written label {} does not keep this VM apart from {}.",
                    own.label, other.name
                ))
                .and(own.origin.as_str(), own.label.as_str())
            });
        }
        let (outcome, files) = if own.relabel {
            (Outcome::Info, "libvirt labels its files")
        } else {
            (Outcome::Warn, "its files must be labelled by hand")
        };
        tally.add(outcome, || {
            Verdict::new(outcome, format!("The VM's label {} is written in its definition; {files}.", own.label))
                .and(own.origin.as_str(), own.label.as_str())
        });
    }
    if let Some(found) = tally.found() {
        return Ok(found);
    }
    is_read(vm)?;
    Ok(Verdict::pass("The definition has no written label of SELinux or AppArmor."))
}

pub static DISK_NORELABEL: Check = Check {
    id: "vm.seclabel-disk-norelabel",
    title: "libvirt labels all files of the VM",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &["https://libvirt.org/formatdomain.html#security-label"],
    why: "With `relabel='no'` libvirt leaves a file's label as it is. For the VM to open it, that label must be one that other VMs \
          may open too, so that nothing keeps them from it.",
    fix: "Run `virsh edit VM` and delete the `<seclabel relabel='no'/>` element below `<source>`. A file on NFS, which has no labels, may \
          keep it: it is reported for information there.",
    impact: "libvirt changes the file's owner and label when the VM starts, and back when it stops: another program that \
             uses the file meanwhile may lose access to it.",
    apply: Apply::NextStart,
    needs: "//source/seclabel in the definition, and /proc/1/mountinfo for where the files lie",
    judge: Judge::Definition(|facts, vm, domain| Ok(norelabel(facts, vm, domain))),
};

fn norelabel(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let devices = domain.find("devices").into_iter().flat_map(|devices| devices.children());
    for device in devices.filter(roxmltree::Node::is_element) {
        for source in children(device, "source") {
            for label in children(source, "seclabel").filter(|label| label.attribute("relabel") == Some("no")) {
                let path = ["file", "dev", "path", "dir", "name"].iter().find_map(|name| source.attribute(*name));
                // What lies on another host has no label of this one.
                let network = device.attribute("type") == Some("network");
                let unlabelled = path.and_then(|path| unlabelled(facts, vm, label, path));
                let outcome = if network || unlabelled.is_some() { Outcome::Info } else { Outcome::Warn };
                tally.add(outcome, || {
                    let by = label.attribute("model").map_or_else(String::new, |model| format!(" for {model}"));
                    let path = path.unwrap_or("a file");
                    let message = match unlabelled {
                        Some(mount) => format!(
                            "libvirt does not label {path}{by}, which lies on a file system without labels ({}).",
                            mount.fs_type
                        ),
                        None => format!("libvirt does not label {path}{by}."),
                    };
                    let mounts = facts.host.mounts.origin();
                    let mount = unlabelled.map(|mount| Evidence {
                        origin: format!("{mounts}: {}", mount.point),
                        value: format!("{} {}", mount.fs_type, mount.options),
                    });
                    Verdict::new(outcome, message).because([domain.evidence(label, "relabel")]).because(mount)
                });
            }
        }
    }
    tally.finish(|| Verdict::pass("The definition exempts no file from its label."))
}

/// The mount of a file, where nothing could label it. Owners (the model dac) do have a meaning on NFS.
fn unlabelled<'a>(facts: &'a Facts, vm: &Vm, label: Node, path: &str) -> Option<&'a Mount> {
    let here = matches!(vm.connection.as_str(), "system" | "session" | "file");
    let mounts = facts.host.mounts.value().filter(|_| here && label.attribute("model") != Some("dac"))?;
    mounts.for_path(path).filter(|mount| mount.is_remote() && !mount.is_labelled())
}
