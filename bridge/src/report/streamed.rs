// SPDX-License-Identifier: LGPL-2.1-or-later
//! The VMs of a report, judged while it is written: a thousand of them would be tens of megabytes at once.

use std::cell::Cell;

use serde::ser::{Error, SerializeMap};
use serde::{Serialize, Serializer};
use serde_json::value::{RawValue, to_raw_value};

use super::Findings;
use crate::ahead;
use crate::audit::Audit;
use crate::facts::Vm;

/// A VM's UUID, its report as it will be written, and whether `look` said yes to it.
type Written<'a> = serde_json::Result<(&'a str, Box<RawValue>, bool)>;

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

impl<'a> Serialize for Streamed<'a> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let judge = |vm: &&'a Vm| -> Written<'a> {
            let report = self.audit.vm(vm);
            let found = (self.look)(&report.findings);
            to_raw_value(&report).map(|report| (vm.uuid.as_str(), report, found))
        };
        let mut map = serializer.serialize_map(Some(self.vms.len()))?;
        ahead::each(&self.vms, judge, |written| {
            let (uuid, report, found) = written.map_err(S::Error::custom)?;
            self.found.set(self.found.get() || found);
            map.serialize_entry(uuid, &report)
        })?;
        map.end()
    }
}
