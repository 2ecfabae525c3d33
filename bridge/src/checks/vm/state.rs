// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt says about the running VM, and what its next start will change.

use std::fmt::Write;

use super::Tally;
use crate::checks::{Apply, Area, Check, Drift, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::Vm;
use crate::policy::Profile;

pub static TAINTS: Check = Check {
    id: "vm.taints",
    title: "libvirt does not call the running VM tainted",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::State,
    basis: &[
        "https://libvirt.org/drvqemu.html",
        "https://gitlab.com/libvirt/libvirt/-/blob/master/src/conf/domain_conf.c",
    ],
    why: "libvirt marks a VM as tainted when it runs in a way that libvirt's developers call unsafe or cannot account for: with the \
          rights of root, with raw arguments, after commands that went past libvirt to QEMU's monitor.",
    fix: "Remove the cause that the message names, shut the VM down and start it again: a taint stays until then. `virsh dominfo VM` \
          shows the taints.",
    impact: "The VM must be shut down once.",
    apply: Apply::NextStart,
    needs: "libvirt's messages about the running VM",
    judge: Judge::Vm(|_, vm, _| taints(vm)),
};

fn taints(vm: &Vm) -> Judged {
    if !vm.is_active()? {
        return Ok(Verdict::not_applicable("The VM does not run."));
    }
    let messages = vm.taints.get()?;
    let mut tally = Tally::default();
    for message in messages {
        let (outcome, taint) = weigh(message);
        tally.add(outcome, || {
            let text = match taint {
                Some(taint) => format!("libvirt calls the running VM tainted ({taint}): {}.", cause(message)),
                None => format!("libvirt says about the running VM: {}.", message.trim_end_matches('.')),
            };
            Verdict::new(outcome, text).and(vm.taints.origin(), message.as_str())
        });
    }
    Ok(tally.finish(|| Verdict::pass("libvirt has no complaint about the running VM.").and(vm.taints.origin(), "none")))
}

/// The message without `tainted: `.
fn cause(message: &str) -> &str {
    message.split_once(": ").map_or(message, |(_, cause)| cause)
}

/// How bad a taint is, and libvirt's short name for it. The texts are those of libvirt's `virDomainTaintMessage`; one
/// that is not among them, because libvirt is newer or speaks another language, is at least a warning.
fn weigh(message: &str) -> (Outcome, Option<&'static str>) {
    let (outcome, name) = match cause(message) {
        "running with undesirable elevated privileges" => (Outcome::Fail, "high-privileges"),
        "custom configuration parameters specified" => (Outcome::Warn, "custom-argv"),
        "custom monitor control commands issued" => (Outcome::Warn, "custom-monitor"),
        "network configuration using opaque shell scripts" => (Outcome::Warn, "shell-scripts"),
        "potentially unsafe disk format probing" => (Outcome::Warn, "disk-probing"),
        "managing externally launched configuration" => (Outcome::Warn, "external-launch"),
        "configuration potentially modified by hook script" => (Outcome::Warn, "hook-script"),
        "use of host cdrom passthrough" => (Outcome::Warn, "cdrom-passthrough"),
        "custom device tree blob used" => (Outcome::Warn, "custom-dtb"),
        "hypervisor feature autodetection override" => (Outcome::Warn, "custom-hypervisor-feature"),
        "custom device configuration" => (Outcome::Warn, "custom-device"),
        "potentially unsafe use of host CPU passthrough" => (Outcome::Info, "host-cpu"),
        "custom guest agent control commands issued" => (Outcome::Info, "custom-ga-command"),
        "use of deprecated configuration settings" => (Outcome::Info, "deprecated-config"),
        "nbdkit restart failed" => (Outcome::Info, "nbdkit-restart"),
        _ => return (Outcome::Warn, None),
    };
    (outcome, Some(name))
}

pub static CONFIG_DRIFT: Check = Check {
    id: "vm.config-drift",
    title: "The running VM is as secure as its stored definition",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::State,
    basis: &["https://libvirt.org/formatdomain.html"],
    why: "A change of the stored definition takes effect when the VM is started anew; a reboot inside the guest is not enough. Until \
          then a weakness that seems to be fixed can still be used. The other way round, a weakness in the stored definition waits for \
          the next start.",
    fix: "Shut the VM down and start it again: `virsh shutdown VM`, then `virsh start VM`. Where the stored definition is the worse one, \
          correct it first with `virsh edit VM`.",
    impact: "The VM is down for the time of one start.",
    apply: Apply::NextStart,
    needs: "the stored and the running definition",
    judge: Judge::Drift(config_drift),
};

fn config_drift(vm: &Vm, drifts: &[Drift]) -> Judged {
    if !vm.is_active()? {
        return Ok(Verdict::not_applicable("The VM does not run, so its stored definition is the only one."));
    }
    vm.live.get()?;
    if vm.stored.get()?.is_none() {
        return Ok(Verdict::not_applicable("The VM is transient: it has no stored definition."));
    }
    let known = |drift: &&Drift| drift.stored != Outcome::Unknown && drift.live != Outcome::Unknown;
    let list = |chosen: &dyn Fn(&Drift) -> bool| {
        drifts.iter().filter(|drift| chosen(drift)).map(|drift| drift.id).collect::<Vec<_>>().join(", ")
    };
    let pending = list(&|drift| known(&drift) && drift.live > drift.stored);
    let worse = list(&|drift| known(&drift) && drift.live < drift.stored);
    let mut message = String::new();
    if !pending.is_empty() {
        let _ =
            write!(message, "The running VM is weaker than its stored definition until it is started anew: {pending}.");
    }
    if !worse.is_empty() {
        let gap = if message.is_empty() { "" } else { " " };
        let _ = write!(
            message,
            "{gap}The stored definition is weaker than the running VM, and takes effect at the next start: {worse}."
        );
    }
    let verdict = if !message.is_empty() {
        Verdict::warn(message)
    } else if drifts.is_empty() {
        return Ok(Verdict::pass(
            "Every check of the definition answers the same for the running VM and for the stored definition.",
        ));
    } else {
        Verdict::unknown(format!("The two definitions cannot be compared for: {}.", list(&|_| true)))
    };
    let evidence = |drift: &Drift| format!("running: {}, stored: {}", drift.live.name(), drift.stored.name());
    Ok(drifts.iter().fold(verdict, |verdict, drift| verdict.and(drift.id, evidence(drift))))
}
