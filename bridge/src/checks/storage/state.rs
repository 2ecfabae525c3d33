// SPDX-License-Identifier: LGPL-2.1-or-later
//! Files of one VM beside its images: NVRAM, TPM state, saved memory, snapshots.

use super::{DAY, closed, image, now};
use crate::checks::domain::child;
use crate::checks::vm::Tally;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static NVRAM: Check = Check {
    id: "storage.nvram-perms",
    title: "Other users cannot read or write the VM's NVRAM",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Firmware,
    basis: &["https://libvirt.org/kbase/secureboot.html"],
    why: "The NVRAM file holds the Secure Boot keys and the boot order. Whoever may write it enrols keys of his own, and the firmware then starts what he signed.",
    fix: "Run `chmod 600 FILE`. libvirt gives the file to QEMU's user while the VM runs.",
    impact: "None for the VM.",
    apply: Apply::HostNow,
    needs: "<nvram> in the definition, stat of that file and the directories above it",
    judge: Judge::Definition(|facts, vm, domain| {
        let Some(path) = nvram_path(vm, domain) else {
            return Ok(Verdict::not_applicable("The definition names no NVRAM file."));
        };
        let image = image(facts, path)?;
        let Some(meta) = image.meta.get()? else {
            return Ok(Verdict::not_applicable(format!(
                "{path} does not exist yet: libvirt makes it when the VM starts."
            )));
        };
        let shown = |verdict: Verdict| verdict.and(format!("stat {path}"), meta.shown());
        if meta.mode & 0o006 != 0
            && let Some(directory) = closed(facts, path)
        {
            return Ok(shown(Verdict::pass(format!(
                "Other users cannot reach {path}: they cannot enter {directory}."
            ))));
        }
        Ok(shown(match meta.mode & 0o006 {
            0 => Verdict::pass("Other users can neither read nor write the VM's NVRAM."),
            0o004 => {
                Verdict::warn(format!("Every user of the host may read the NVRAM {path} (mode {:04o}).", meta.mode))
            }
            _ => Verdict::fail(format!("Every user of the host may write the NVRAM {path} (mode {:04o}).", meta.mode)),
        }))
    }),
};

/// The file with the firmware's variables: where the definition says, else where libvirt puts it.
pub(in crate::checks) fn nvram_path<'a>(vm: &'a Vm, domain: &'a Domain) -> Option<&'a str> {
    let Some(nvram) = domain.find("os/nvram") else { return vm.left.nvram.as_deref() };
    let path =
        child(nvram, "source").and_then(|source| source.attribute("file")).or_else(|| nvram.text().map(str::trim))?;
    path.starts_with('/').then_some(path)
}

pub static TPM: Check = Check {
    id: "storage.swtpm-state",
    title: "Other users cannot read the state of the VM's TPM",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatdomain.html#tpm-device"],
    why: "The state of the emulated TPM holds the keys that the guest sealed, such as the one that opens its encrypted disk. Whoever has a copy of both opens the disk.",
    fix: "Run `chmod 700 DIRECTORY` on the directory that the evidence names.",
    impact: "None for the VM: libvirt makes this directory for swtpm's user alone.",
    apply: Apply::HostNow,
    needs: "stat of /var/lib/libvirt/swtpm/UUID/tpm2",
    judge: Judge::Vm(|_, vm, _| {
        let state = &vm.left.tpm_state;
        let Some(meta) = state.get()? else {
            return Ok(Verdict::not_applicable("The VM has no emulated TPM, or it has not been started with one yet."));
        };
        let verdict = match meta.mode & 0o077 {
            0 => Verdict::pass("Only swtpm's user can open the state of the VM's TPM."),
            open if open & 0o007 != 0 => Verdict::fail(format!(
                "Every user of the host may open the state of the VM's TPM (mode {:04o}).",
                meta.mode
            )),
            _ => Verdict::fail(format!(
                "The group {} may open the state of the VM's TPM (mode {:04o}).",
                meta.gid, meta.mode
            )),
        };
        Ok(verdict.and(state.origin(), meta.shown()))
    }),
};

pub static MANAGED_SAVE: Check = Check {
    id: "storage.managed-save",
    title: "No old saved memory of the VM lies on the disk",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &["https://libvirt.org/manpages/virsh.html#managedsave"],
    why: "The file holds the whole memory of the guest in clear, with the passwords and keys in it. An old one also takes the guest back to what it was then, without the \
          updates that reached its disk meanwhile.",
    fix: "Start the VM (`virsh start VM`), which uses the file up, or run `virsh managedsave-remove VM`.",
    impact: "Removing it is like cutting the power: what the guest had not written to its disk is lost.",
    apply: Apply::Live,
    needs: "/var/lib/libvirt/qemu/save",
    judge: Judge::Vm(managed_save),
};

const SAVED_FOR: i64 = 30;

fn managed_save(facts: &Facts, vm: &Vm, _: &crate::checks::Neighbours) -> Judged {
    let saved = &vm.left.managed_save;
    let Some(meta) = saved.get()? else {
        return Ok(Verdict::pass("No saved memory of the VM lies on the disk."));
    };
    let days = now(facts)?.saturating_sub(meta.modified) / DAY;
    let verdict = if meta.mode & 0o004 != 0 {
        Verdict::fail(format!("Every user of the host may read the saved memory of the VM (mode {:04o}).", meta.mode))
    } else if days > SAVED_FOR {
        Verdict::warn(format!("The memory of the VM was saved {days} days ago and lies on the disk since."))
    } else {
        Verdict::info("The memory of the VM is saved on the disk, in clear.")
    };
    Ok(verdict.and(saved.origin(), meta.shown()))
}

pub static SNAPSHOTS: Check = Check {
    id: "storage.snapshots-stale",
    title: "The VM has no old snapshots",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://libvirt.org/formatsnapshot.html"],
    why: "A snapshot keeps what was deleted or replaced since, such as old passwords, and one with memory keeps keys in clear. Going back to it takes away \
          all security updates that came later.",
    fix: "Run `virsh snapshot-list VM` and `virsh snapshot-delete VM NAME` for each that nobody needs.",
    impact: "The VM can no longer go back to that moment. A snapshot is no backup; make one before.",
    apply: Apply::Live,
    needs: "/var/lib/libvirt/qemu/snapshot",
    judge: Judge::Vm(|facts, vm, _| {
        let snapshots = vm.left.snapshots.get()?;
        if snapshots.is_empty() {
            return Ok(Verdict::pass("The VM has no snapshots."));
        }
        let now = now(facts)?;
        let mut tally = Tally::default();
        for snapshot in snapshots {
            let days = now.saturating_sub(snapshot.created) / DAY;
            let (limit, what) = if snapshot.memory { (30, " and holds its memory") } else { (90, "") };
            if days > limit {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!("The snapshot {} of the VM is {days} days old{what}.", snapshot.name))
                        .and(vm.left.snapshots.origin(), format!("{}: {days} days", snapshot.name))
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("The VM has no old snapshots.")))
    }),
};
