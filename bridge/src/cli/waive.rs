// SPDX-License-Identifier: LGPL-2.1-or-later
//! `waive`, `unwaive` and `waivers`.

use std::io::{self, Write};

use anyhow::bail;
use clap::Args;

use crate::audit::Audit;
use crate::facts::libvirt::Target;
use crate::report::Finding;
use crate::report::terminal::{Style, waived, wrapped};
use crate::waivers::Waiver;
use crate::waivers::store::{self, Action, Change};

#[derive(Args)]
pub(super) struct SubjectArgs {
    /// The check's id, as in `vm.floppy`
    check: String,
    /// Name or UUID of the VM; left out for a check of the host
    #[arg(long)]
    vm: Option<String>,
    /// libvirt connection: system, session, or a URI
    #[arg(short, long, value_name = "URI", default_value = "system")]
    connect: String,
}

#[derive(Args)]
pub(super) struct WaiveArgs {
    #[command(flatten)]
    subject: SubjectArgs,
    /// Why the finding is accepted
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The last day on which it counts, as 2026-12-31; for ever when left out
    #[arg(long, value_name = "DAY")]
    until: Option<String>,
}

pub(super) fn waive(args: &WaiveArgs) -> anyhow::Result<Waiver> {
    let (reason, until) = (args.reason.clone(), args.until.clone());
    apply(&args.subject, Action::Waive { reason, until, seen: None })
}

pub(super) fn unwaive(args: &SubjectArgs) -> anyhow::Result<Waiver> {
    apply(args, Action::Unwaive)
}

fn apply(subject: &SubjectArgs, action: Action) -> anyhow::Result<Waiver> {
    let target = Target::new(&subject.connect);
    let change = Change { target, vm: subject.vm.clone(), check: subject.check.clone(), action };
    match store::apply(&change) {
        Ok(waiver) => Ok(waiver),
        Err(refusal) => bail!("{}", refusal.message()),
    }
}

/// What somebody accepted, for each subject, with what the check says now.
pub(super) fn list(out: &mut impl Write, audit: &Audit, style: Style) -> io::Result<()> {
    let mut any = false;
    let host = audit.report(());
    let title = format!("Host {}", host.host.name);
    let of_host = std::iter::once((title, host.host.findings));
    for (title, findings) in of_host.chain(audit.vms().map(|vm| (format!("VM {}", vm.name), audit.vm(vm).findings))) {
        let accepted: Vec<(&str, &Finding)> = findings
            .iter()
            .filter(|(_, finding)| finding.waiver.is_some())
            .map(|(id, finding)| (*id, finding))
            .collect();
        if accepted.is_empty() {
            continue;
        }
        any = true;
        wrapped(out, "", &title, style.width)?;
        for (id, finding) in accepted {
            wrapped(out, "  ", &format!("{id}, now {}: {}", finding.outcome.name(), finding.message), style.width)?;
            if let Some(waiver) = &finding.waiver {
                wrapped(out, "    ", &waived(waiver), style.width)?;
            }
        }
    }
    if !any {
        writeln!(out, "Nothing is waived.")?;
    }
    Ok(())
}
