// SPDX-License-Identifier: LGPL-2.1-or-later
//! The habit of starting QEMU's programs by hand.

use crate::checks::{Apply, Area, Check, Evidence, Judge, Severity, Verdict};
use crate::policy::Profile;

/// No more lines are shown.
const SHOWN: usize = 8;

pub static HABIT: Check = Check {
    id: "access.qemu-tools-habit",
    title: "No crontab or unit starts QEMU's programs past libvirt",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "Red Hat's chapter tells not to use `qemu-…` commands. What starts QEMU directly has none of libvirt's confinement; what opens an image as \
          root trusts what the guest wrote into it, such as the names of other files.",
    fix: "Use `virsh`, `virt-install` and `virt-xml` instead: `virsh vol-clone`, `virsh blockcopy` and `virsh backup-begin` for `qemu-img`.",
    impact: "The scripts must be rewritten.",
    apply: Apply::Manual,
    needs: "/etc/crontab, /etc/cron.*, /var/spool/cron and units in /etc/systemd (administrative access)",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.access.qemu_commands;
        let found = fact.get()?;
        let Some(first) = found.first() else {
            return Ok(Verdict::pass("No crontab and no unit of the administrator's starts QEMU's programs.")
                .and(fact.origin(), "(none)"));
        };
        let more = if found.len() > 1 { format!(" (and {} more lines)", found.len() - 1) } else { String::new() };
        let verdict = Verdict::info(format!("{} starts {} past libvirt{more}.", first.place, first.program));
        Ok(verdict.because(
            found.iter().take(SHOWN).map(|one| Evidence { origin: one.place.clone(), value: one.program.clone() }),
        ))
    }),
};
