// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a QEMU process has in its memory: old code, and what a crash would write down of the guest.

use super::judge;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::host::Process;
use crate::policy::Profile;

/// No more files are named.
const NAMED: usize = 5;

pub static STALE_BINARY: Check = Check {
    id: "proc.stale-binary",
    title: "QEMU runs the program and the libraries that are installed",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &[
        "https://man7.org/linux/man-pages/man5/proc_pid_exe.5.html",
        "https://dnf-plugins-core.readthedocs.io/en/latest/needs_restarting.html",
    ],
    why: "An update replaces files; what runs keeps the old ones. A hole that the update closed stays open in this VM until QEMU is started anew.",
    fix: "Shut the VM down and start it again, or migrate it to a host that is up to date and back. A reboot inside the guest is not enough.",
    impact: "The VM must be started anew, or migrated.",
    apply: Apply::NextStart,
    needs: "/proc/PID/exe and /proc/PID/maps (administrative access)",
    judge: Judge::Vm(|_, vm, _| judge(vm, stale)),
};

fn stale(process: &Process) -> Judged {
    if let Some(exe) = process.exe.value().filter(|exe| exe.ends_with(" (deleted)")) {
        let program = exe.trim_end_matches(" (deleted)");
        let message = format!(
            "QEMU runs a program that is no longer installed: {program} was replaced or removed since the VM was started."
        );
        return Ok(Verdict::warn(message).with(&process.exe));
    }
    process.exe.get()?;
    let files = process.stale.get()?;
    let evidence =
        |file: &String| Evidence { origin: process.stale.origin().to_owned(), value: format!("{file} (deleted)") };
    Ok(match files.first() {
        None => Verdict::pass("QEMU runs the program and the libraries that are installed.").with(&process.exe),
        Some(first) => {
            let more = if files.len() > 1 { format!(" and {} more", files.len() - 1) } else { String::new() };
            let message = format!(
                "QEMU runs with libraries that were replaced or removed since the VM was started: {first}{more}."
            );
            Verdict::warn(message).because(files.iter().take(NAMED).map(evidence))
        }
    })
}

pub static CORE_LIMITS: Check = Check {
    id: "proc.core-limits",
    title: "A crash of QEMU does not write down the guest's memory",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Process,
    basis: &[
        "https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu.conf.in",
        "https://man7.org/linux/man-pages/man5/core.5.html",
    ],
    why: "With dump-guest-core=on the core file of a crashed QEMU holds the guest's whole memory, its keys and passwords too. A guest that can \
          crash QEMU chooses when; whoever may read core files on the host reads it.",
    fix: "Remove dumpCore='on' from <memory> (`virsh edit VM`), and dump_guest_core from /etc/libvirt/qemu.conf; then shut the VM down and start it again.",
    impact: "The VM must be started anew. Who examines crashes of guests makes dumps with `virsh dump --memory-only`.",
    apply: Apply::NextStart,
    needs: "-machine in /proc/PID/cmdline, /proc/PID/coredump_filter, Max core file size in /proc/PID/limits",
    judge: Judge::Vm(|_, vm, _| {
        judge(vm, |process| {
            let core = &process.core;
            let verdict = match core.dump_guest.get()? {
                Some(true) => {
                    Verdict::fail("A crash of QEMU would write down the guest's whole memory (dump-guest-core=on).")
                }
                Some(false) => Verdict::pass("A crash of QEMU would not write down the guest's memory."),
                // QEMU's own default is on; libvirt always says which.
                None => Verdict::warn(
                    "QEMU was not told to keep the guest's memory out of core files, and by default writes it down.",
                ),
            };
            let shown = match core.dump_guest.value() {
                Some(Some(true)) => "dump-guest-core=on",
                Some(Some(false)) => "dump-guest-core=off",
                _ => "dump-guest-core (not given)",
            };
            let mut verdict = verdict.and(core.dump_guest.origin(), shown);
            if let Some(filter) = core.filter.value() {
                verdict = verdict.and(core.filter.origin(), format!("{filter:08x}"));
            }
            if let Some(limit) = core.limit.value() {
                let limit = limit.map_or_else(|| "unlimited".to_owned(), |bytes| format!("{bytes} bytes"));
                verdict = verdict.and(format!("{}: Max core file size", core.limit.origin()), limit);
            }
            Ok(verdict)
        })
    }),
};
