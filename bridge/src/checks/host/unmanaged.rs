// SPDX-License-Identifier: LGPL-2.1-or-later
//! QEMU processes that libvirt knows nothing of.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::Gap;
use crate::facts::host::Process;
use crate::policy::Profile;

pub static QEMU: Check = Check {
    id: "host.unmanaged-qemu",
    title: "Every QEMU runs under libvirt",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "A QEMU that was started by hand has no sVirt label of its own, no system call filter, no device list and no mount \
          namespace: a guest that breaks out of it has all rights of whoever started it.",
    fix: "Shut the guest down, and make it a libvirt VM with `virt-install --import --disk FILE …`. Red Hat's chapter says not to use \
          `qemu-kvm` and its like directly.",
    impact: "The guest is down in between, and its devices may change their names.",
    apply: Apply::Manual,
    needs: "/proc/PID/cmdline and cgroup of all QEMU processes",
    judge: Judge::Host(|facts, _| {
        let processes = &facts.host.qemu_processes;
        let known = |pid| facts.vms.iter().any(|vm| matches!(vm.process.value(), Some(Some(own)) if own.pid == pid));
        let mut strangers = Vec::new();
        let mut gap: Option<Gap> = None;
        for process in processes.get()? {
            if known(process.pid) {
                continue;
            }
            match process.cgroup.get() {
                Ok(cgroup) if belongs_to_libvirt(cgroup, process) => {}
                Ok(_) => strangers.push(process),
                Err(missing) => gap = gap.or(Some(missing)),
            }
        }
        if let [first, rest @ ..] = strangers.as_slice() {
            let more = if rest.is_empty() { String::new() } else { format!(", and {} more", rest.len()) };
            let message = format!("QEMU runs outside libvirt: process {} ({}){more}.", first.pid, first.program);
            return Ok(strangers.iter().fold(Verdict::warn(message), |verdict, process| {
                verdict.and(format!("/proc/{}/cmdline", process.pid), &process.program).with(&process.cgroup)
            }));
        }
        if let Some(gap) = gap {
            return Err(gap);
        }
        let count = processes.get()?.len();
        Ok(match count {
            0 => Verdict::pass("No QEMU runs on this host."),
            1 => Verdict::pass("The one QEMU on this host was started by libvirt."),
            _ => Verdict::pass(format!("All {count} QEMU processes on this host were started by libvirt.")),
        }
        .and(processes.origin(), format!("{count} processes")))
    }),
};

fn belongs_to_libvirt(cgroup: &str, process: &Process) -> bool {
    let own = |step: &str| {
        // Under systemd-machined, under libvirt's own cgroups, and QEMU as libvirt's daemon starts it to ask what it can.
        step.strip_suffix(".scope").is_some_and(|scope| scope.starts_with("machine-qemu"))
            || step.ends_with(".libvirt-qemu")
            || ["libvirtd.service", "virtqemud.service"].contains(&step)
    };
    // A user's session daemon leaves its VMs in the user's slice; libvirt gives each a name with `guest=`.
    let session = cgroup.contains("/user.slice/") && process.guest.is_some() && process.uuid.is_some();
    session || cgroup.split(['/', '\n']).any(own)
}
