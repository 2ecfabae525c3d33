// SPDX-License-Identifier: LGPL-2.1-or-later
//! The security label of a QEMU process: what sVirt is in practice.

use super::{AUTOMATIC, DRIVER, judge};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::host::{Process, SelinuxMode};
use crate::facts::{Fact, Facts, Vm};
use crate::policy::Profile;

pub static SELINUX_LABEL: Check = Check {
    id: "proc.selinux-label",
    title: "QEMU is confined by sVirt",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &["best-practices-for-securing-virtual-machines", AUTOMATIC, DRIVER],
    why: "The label is what the kernel goes by. A QEMU without the type svirt_t and two categories of its own may touch what its user \
          may: the disks of the other VMs, and with a type such as unconfined_t everything else.",
    fix: "Remove <seclabel> from the VM (`virsh edit`), so that libvirt chooses a label, remove security_driver from /etc/libvirt/qemu.conf, \
          then shut the VM down and start it again. Where SELinux is only permissive, the VM needs no change: `setenforce 1` takes effect at once, and \
          host.selinux-enforcing tells how to keep it.",
    impact: "The VM must be started anew, and its disks are given a label that keeps other VMs away. `setenforce 1` needs no new start, but refuses at \
             once what the policy does not allow.",
    // Of what is about the VM itself; the host's mode is judged, with its own class, by host.selinux-enforcing.
    apply: Apply::NextStart,
    needs: "/proc/PID/attr/current, and /sys/fs/selinux/enforce where SELinux labels",
    judge: Judge::Vm(|facts, vm, _| {
        judge(vm, |process| {
            let Some(text) = process.label.get()?.as_deref() else {
                return Ok(Verdict::not_applicable(
                    "No security module labels processes on this host; host.selinux-enforcing judges that.",
                ));
            };
            let shown = |verdict: Verdict| verdict.and(process.label.origin(), text);
            match Label::parse(text) {
                None => Ok(shown(apparmor(vm, text))),
                Some(label) => match selinux(&label) {
                    Ok(()) => enforced(&label, &facts.host.selinux.mode, shown),
                    Err(verdict) => Ok(shown(verdict)),
                },
            }
        })
    }),
};

/// The parts of an SELinux label that separate VMs.
struct Label<'a> {
    kind: &'a str,
    /// `c148,c407`; empty when the level has none.
    categories: &'a str,
    /// `svirt_t:s0:c148,c407`: equal labels differ in user and role only.
    separating: &'a str,
}

impl<'a> Label<'a> {
    /// `USER:ROLE:TYPE:LEVEL`, where the level may be a range `LOW-HIGH`. AppArmor's labels are not of this form.
    fn parse(label: &'a str) -> Option<Self> {
        let (_, rest) = label.split_once(':')?;
        let (_, separating) = rest.split_once(':')?;
        let (kind, level) = separating.split_once(':').unwrap_or((separating, ""));
        let high = level.rsplit_once('-').map_or(level, |(_, high)| high);
        let categories = high.split_once(':').map_or("", |(_, categories)| categories);
        Some(Self { kind, categories, separating })
    }
}

/// What libvirt gives: two single categories. One would lie within other VMs' pairs, a range contains such pairs.
fn is_pair(categories: &str) -> bool {
    let single = |name: &str| name.strip_prefix('c').is_some_and(|digits| digits.parse::<u16>().is_ok());
    categories.split_once(',').is_some_and(|(one, two)| single(one) && single(two) && one != two)
}

/// What is wrong with a label, if anything is.
fn selinux(label: &Label) -> Result<(), Verdict> {
    let (kind, categories) = (label.kind, label.categories);
    // The types of users, of init, of libvirt's daemons and of privileged containers: none is meant to hold an attacker.
    let open = kind.starts_with("unconfined")
        || ["virtd_t", "virtqemud_t", "initrc_t", "init_t", "kernel_t", "spc_t"].contains(&kind);
    if open {
        Err(Verdict::fail(format!("QEMU runs as {kind}, which does not confine it.")))
    } else if categories.is_empty() {
        Err(Verdict::fail(format!("QEMU runs as {kind} without categories, so that nothing keeps it from other VMs.")))
    } else if !is_pair(categories) {
        Err(Verdict::fail(format!(
            "QEMU runs as {kind} with the categories {categories}, which are not a pair of its own."
        )))
    } else if ["svirt_t", "svirt_tcg_t"].contains(&kind) {
        Ok(())
    } else {
        Err(Verdict::warn(format!("QEMU runs as {kind}, which is not one of sVirt's types (svirt_t, svirt_tcg_t).")))
    }
}

/// A good label confines only while SELinux enforces. That it does not is the host's fault (host.selinux-enforcing), not the VM's.
fn enforced(label: &Label, mode: &Fact<SelinuxMode>, shown: impl Fn(Verdict) -> Verdict) -> Judged {
    let (kind, categories) = (label.kind, label.categories);
    let verdict = match mode.get()? {
        SelinuxMode::Enforcing => {
            Verdict::pass(format!("QEMU is confined as {kind} with the categories {categories}."))
        }
        mode => Verdict::warn(format!(
            "QEMU has the type {kind} and the categories {categories}, but SELinux is {mode}, so that they do not confine it."
        )),
    };
    Ok(shown(verdict).with(mode))
}

/// libvirt makes a profile for each VM and names it by UUID.
fn apparmor(vm: &Vm, label: &str) -> Verdict {
    let (profile, mode) =
        label.split_once(" (").map_or((label, ""), |(profile, mode)| (profile, mode.trim_end_matches(')')));
    if profile == "unconfined" {
        Verdict::fail("QEMU runs unconfined by AppArmor.")
    } else if profile != format!("libvirt-{}", vm.uuid) {
        Verdict::fail(format!("QEMU runs under the AppArmor profile {profile}, which is not the one of this VM."))
    } else if mode == "enforce" {
        Verdict::pass("QEMU is confined by the AppArmor profile of this VM.")
    } else {
        Verdict::fail(format!("The AppArmor profile of this VM does not confine it: its mode is {mode}."))
    }
}

pub static MCS_UNIQUE: Check = Check {
    id: "proc.mcs-unique",
    title: "No other VM has the same SELinux categories",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[AUTOMATIC, DRIVER],
    why: "The two categories are all that separates two VMs for SELinux. Two with the same ones can read and write each other's memory \
          and disks once one of them has broken out of QEMU.",
    fix: "Remove the static <seclabel> from one of them (`virsh edit`), so that libvirt chooses its categories, then shut it down and start it again.",
    impact: "That VM must be started anew. Two VMs that share a file on purpose need <shareable/> on that disk.",
    apply: Apply::NextStart,
    needs: "/proc/PID/attr/current of all QEMU processes",
    judge: Judge::Vm(|facts, vm, neighbours| {
        judge(vm, |process| {
            let Some(text) = process.label.get()? else {
                return Ok(Verdict::not_applicable("No security module labels processes on this host."));
            };
            let verdict = match Label::parse(text) {
                None => Verdict::not_applicable("AppArmor separates VMs by their profiles; it knows no categories."),
                Some(label) => match sharer(facts, vm, process, neighbours, text, &label) {
                    Some(other) => {
                        Verdict::fail(format!("{other} runs under the same type and categories: {}.", label.separating))
                    }
                    None => Verdict::pass(format!("No other VM runs as {}.", label.separating)),
                },
            };
            Ok(verdict.and(process.label.origin(), text))
        })
    }),
};

/// Who shares the label: another VM of this audit, or any other QEMU of the host, such as one of a user's session.
fn sharer(
    facts: &Facts,
    vm: &Vm,
    process: &Process,
    neighbours: &Neighbours,
    text: &str,
    label: &Label,
) -> Option<String> {
    let same = neighbours.labels.get(text).into_iter().flatten().find(|other| other.uuid != vm.uuid);
    if let Some(other) = same {
        return Some(format!("The VM {}", other.name));
    }
    let others = facts.host.qemu_processes.value()?;
    let other = others.iter().filter(|other| other.pid != process.pid).find(|other| {
        let text = other.label.value().and_then(Option::as_deref);
        text.and_then(Label::parse).is_some_and(|other| other.separating == label.separating)
    })?;
    let name = other.guest.as_deref().unwrap_or(&other.program);
    Some(format!("Process {} ({name})", other.pid))
}
