// SPDX-License-Identifier: LGPL-2.1-or-later
//! The programs that work for a VM beside QEMU, and hold a part of what is the guest's.

use super::judge;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::helpers::Helper;
use crate::facts::{Gap, Vm};
use crate::policy::Profile;

pub static SWTPM: Check = Check {
    id: "proc.swtpm",
    title: "The VM's TPM emulator runs without root's rights, under the VM's label",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Process,
    basis: &[
        "https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu.conf.in",
        "https://libvirt.org/formatdomain.html",
    ],
    why: "swtpm reads what the guest sends to its TPM, and holds the keys in it: those of BitLocker or LUKS. As root, or under a label that \
          other VMs share, a mistake in it gives up the host or the other VMs' keys.",
    fix: "Remove swtpm_user and swtpm_group from /etc/libvirt/qemu.conf, so that it runs as tss, and <seclabel> from the VM; restart libvirt's \
          daemon, then shut the VM down and start it again.",
    impact: "The VM must be started anew. Files below /var/lib/libvirt/swtpm must belong to the new user: `chown -R tss:tss /var/lib/libvirt/swtpm/UUID`.",
    apply: Apply::NextStart,
    needs: "Uid in /proc/PID/status and /proc/PID/attr/current of swtpm",
    judge: Judge::Vm(|_, vm, neighbours| swtpm(vm, neighbours)),
};

fn swtpm(vm: &Vm, neighbours: &Neighbours) -> Judged {
    judge(vm, |process| {
        let Some(helper) = vm.helpers.get()?.iter().find(|helper| helper.kind == "swtpm") else {
            return absent(vm, neighbours.ports.has_tpm(vm), "swtpm", "The VM has no TPM that swtpm emulates.");
        };
        let uids = helper.uids.get()?;
        let shown =
            Evidence { origin: helper.uids.origin().to_owned(), value: uids.map(|uid| uid.to_string()).join(" ") };
        if uids.contains(&0) {
            return Ok(Verdict::fail("The VM's TPM emulator (swtpm) runs as root.").because([shown]));
        }
        let (own, qemu) = (helper.label.get()?.as_deref(), process.label.get()?.as_deref());
        let labels = |verdict: Verdict| {
            let text = |label: Option<&str>| label.unwrap_or("(none)").to_owned();
            verdict.and(helper.label.origin(), text(own)).and(process.label.origin(), text(qemu))
        };
        // AppArmor gives it a profile of its own, which names no VM.
        if let Some(wanted) = qemu.and_then(categories)
            && own.and_then(categories) != Some(wanted)
        {
            let message =
                format!("The VM's TPM emulator (swtpm) does not run with the VM's SELinux categories {wanted}.");
            return Ok(labels(Verdict::warn(message).because([shown])));
        }
        Ok(labels(
            Verdict::pass(format!("The VM's TPM emulator (swtpm) runs without root's rights (user id {}).", uids[1]))
                .because([shown]),
        ))
    })
}

/// `c1,c2` of an SELinux label.
fn categories(label: &str) -> Option<&str> {
    let level = label.splitn(4, ':').nth(3)?;
    Some(level.split_once(':')?.1).filter(|categories| categories.starts_with('c'))
}

/// There is no such helper. Where the definition needs one, it was not found.
fn absent(vm: &Vm, needed: bool, kind: &str, none: &'static str) -> Judged {
    if needed {
        return Err(Gap::new(
            vm.helpers.origin(),
            format!("no {kind} process of this VM was found, though its definition needs one"),
        ));
    }
    vm.live.get()?;
    Ok(Verdict::not_applicable(none))
}

pub static VIRTIOFSD: Check = Check {
    id: "proc.virtiofsd",
    title: "The programs that share directories with the VM are locked in",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Process,
    basis: &["https://gitlab.com/virtio-fs/virtiofsd", "https://libvirt.org/kbase/virtiofs.html"],
    why: "The program virtiofsd runs as root and does what the guest asks with the files it shares. Without its own view of the file system and its system \
          call filter, a guest that tricks it (CVE-2021-20263, CVE-2022-0358) has the host's files.",
    fix: "Remove <sandbox mode='…'/> from <binary> of the shared directory (`virsh edit VM`), so that it runs in namespaces of its own, then shut the VM down and start it again.",
    impact: "The VM must be started anew.",
    apply: Apply::NextStart,
    needs: "Seccomp in /proc/PID/status, /proc/PID/ns and the command line of virtiofsd (administrative access)",
    judge: Judge::Vm(|facts, vm, neighbours| {
        judge(vm, |_| {
            let helpers: Vec<&Helper> = vm.helpers.get()?.iter().filter(|helper| helper.kind == "virtiofsd").collect();
            if helpers.is_empty() {
                return absent(
                    vm,
                    neighbours.ports.has_virtiofs(vm),
                    "virtiofsd",
                    "The VM has no directory that virtiofsd shares.",
                );
            }
            // Outside of its sandbox virtiofsd only waits for the process that works inside.
            let waits = |helper: &Helper| helpers.iter().any(|other| other.parent == Some(helper.pid));
            let mut verdicts = Vec::new();
            for helper in helpers.iter().filter(|helper| !waits(helper)) {
                verdicts.push(virtiofsd(helper, facts.host.mount_namespace.get()?)?);
            }
            let worst = verdicts.into_iter().max_by_key(|verdict| verdict.outcome);
            worst.ok_or_else(|| Gap::new(vm.helpers.origin(), "no working virtiofsd process of this VM was found"))
        })
    }),
};

fn virtiofsd(helper: &Helper, host: &str) -> Judged {
    let pid = helper.pid;
    let mode = helper.sandbox.as_deref();
    let place = format!("/proc/{pid}/cmdline");
    let shown = mode.map_or_else(|| "--sandbox (not given)".to_owned(), |mode| format!("--sandbox={mode}"));
    if *helper.seccomp.get()? == 0 {
        return Ok(Verdict::fail(format!("virtiofsd (process {pid}) runs without a system call filter."))
            .with(&helper.seccomp));
    }
    if mode == Some("none") {
        return Ok(Verdict::fail(format!("virtiofsd (process {pid}) runs without a sandbox.")).and(place, shown));
    }
    if mode == Some("chroot") {
        return Ok(Verdict::warn(format!("virtiofsd (process {pid}) is kept in its directory by chroot only."))
            .and(place, shown));
    }
    if helper.mount_namespace.get()? == host {
        let message = format!("virtiofsd (process {pid}) has no mount namespace of its own.");
        return Ok(Verdict::fail(message).with(&helper.mount_namespace));
    }
    Ok(Verdict::pass("virtiofsd runs in namespaces of its own and under a system call filter.")
        .with(&helper.seccomp)
        .with(&helper.mount_namespace))
}
