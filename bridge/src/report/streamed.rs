// SPDX-License-Identifier: LGPL-2.1-or-later
//! The VMs of a report, judged while it is written: a thousand of them would be tens of megabytes at once.

use std::cell::Cell;
use std::num::NonZero;
use std::sync::mpsc::{self, Receiver};

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::Findings;
use crate::audit::Audit;
use crate::facts::Vm;

/// Reports that may wait to be written, so that whoever judges is neither held up nor far ahead.
const AHEAD: usize = 32;

/// A VM's report as it will be written, and whether `look` said yes to it.
type Written = serde_json::Result<(Box<RawValue>, bool)>;

/// Stands for `vms` in a report. It can be written once or more; what it writes is the same.
pub struct Streamed<'a> {
    audit: &'a Audit<'a>,
    vms: Vec<&'a Vm>,
    /// Asked of each VM's findings as they pass.
    look: &'a (dyn Fn(&Findings) -> bool + Sync),
    found: Cell<bool>,
}

impl<'a> Streamed<'a> {
    pub fn new(audit: &'a Audit<'a>, vms: Vec<&'a Vm>, look: &'a (dyn Fn(&Findings) -> bool + Sync)) -> Self {
        Self { audit, vms, look, found: Cell::new(false) }
    }

    /// Whether `look` said yes to the findings of any VM that was written.
    pub fn found(&self) -> bool {
        self.found.get()
    }
}

impl Serialize for Streamed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let workers = std::thread::available_parallelism().map_or(1, NonZero::get).min(self.vms.len()).max(1);
        std::thread::scope(|scope| {
            // Each worker has every so manieth VM, and they are taken from the workers in turn: in order, without waiting for all.
            let turns: Vec<Receiver<Written>> = (0..workers)
                .map(|first| {
                    let (sender, receiver) = mpsc::sync_channel(AHEAD);
                    let (audit, look, vms) = (self.audit, self.look, self.vms.iter().skip(first).step_by(workers));
                    scope.spawn(move || {
                        for vm in vms {
                            let report = audit.vm(vm);
                            let found = look(&report.findings);
                            // Nobody listens any more once the writing has failed.
                            if sender.send(to_raw_value(&report).map(|report| (report, found))).is_err() {
                                break;
                            }
                        }
                    });
                    receiver
                })
                .collect();
            let mut map = serializer.serialize_map(Some(self.vms.len()))?;
            for (vm, turn) in self.vms.iter().zip(turns.iter().cycle()) {
                let Ok(written) = turn.recv() else { return Err(S::Error::custom("judging a VM failed unexpectedly")) };
                let (report, found) = written.map_err(S::Error::custom)?;
                self.found.set(self.found.get() || found);
                map.serialize_entry(&vm.uuid, &report)?;
            }
            map.end()
        })
    }
}
