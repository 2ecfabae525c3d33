// SPDX-License-Identifier: LGPL-2.1-or-later
//! The VMs of a report, judged while it is written: a thousand of them would be tens of megabytes at once.

use std::cell::Cell;
use std::sync::mpsc;

use serde::{Serialize, Serializer};

use super::Findings;
use crate::audit::Audit;
use crate::facts::Vm;

/// Reports that may wait to be written, so that whoever judges is neither held up nor far ahead.
const AHEAD: usize = 32;

/// Stands for `vms` in a report. It can be written once or more; what it writes is the same.
pub struct Streamed<'a> {
    audit: &'a Audit<'a>,
    vms: Vec<&'a Vm>,
    /// Asked of each VM's findings as they pass.
    look: &'a dyn Fn(&Findings) -> bool,
    found: Cell<bool>,
}

impl<'a> Streamed<'a> {
    pub fn new(audit: &'a Audit<'a>, vms: Vec<&'a Vm>, look: &'a dyn Fn(&Findings) -> bool) -> Self {
        Self { audit, vms, look, found: Cell::new(false) }
    }

    /// Whether `look` said yes to the findings of any VM that was written.
    pub fn found(&self) -> bool {
        self.found.get()
    }
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let (audit, vms) = (self.audit, &self.vms);
        std::thread::scope(|scope| {
            scope.spawn(move || {
                for vm in vms {
                    // Nobody listens any more once the writing has failed.
                    if sender.send((&vm.uuid, audit.vm(vm))).is_err() {
                        break;
                    }
                }
            });
            let judged = receiver.into_iter().inspect(|(_, vm)| {
                if (self.look)(&vm.findings) {
                    self.found.set(true);
                }
            });
            serializer.collect_map(judged)
        })
    }
}
