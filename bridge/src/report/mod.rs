// SPDX-License-Identifier: LGPL-2.1-or-later
//! The report, version 1: one JSON document, the same on the channel and from `vm-security audit --format json`.
//!
//! ```json
//! {"version": 1, "generated": "2026-01-31T12:00:00Z", "profile": "server", "privileged": true,
//!  "libvirt": {"state": "connected", "uri": "qemu:///system"},
//!  "host": {"name": "…", "meets": "baseline", "proven": true, "findings": {"host.ksm": F}},
//!  "vms": {"UUID": {"name": "web1", "connection": "system", "state": "running",
//!                   "meets": null, "proven": false, "findings": {"vm.floppy": F},
//!                   "vectors": {"qemu-host": {"state": "partly", "barriers": ["broken", "holds"]}}}}}
//! ```
//!
//! `F` is a [`Finding`]. `libvirt.state` is `connected`, `unreachable` or `denied` (then with a `message`), or `not-used` when a
//! definition or a recording is judged. `meets` is the highest profile in which nothing fails, `null` when not even `baseline`
//! is met (a failure that is waived does not count); `proven` is false while a check that this profile enforces is unknown. `vectors` tells how each attack vector stands and what each
//! of its barriers is worth, in the order of the table that comes with the checks (`vectors::VECTORS`).

pub mod catalogue;
pub mod html;
pub mod patch;
pub mod picture;
pub mod streamed;
pub mod terminal;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::checks::{Apply, Evidence, Outcome, Severity};
use crate::facts::Link;
use crate::policy::Profile;
use crate::vectors::Standing;

pub const VERSION: u32 = 1;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report<Vms = BTreeMap<String, VmReport>> {
    pub version: u32,
    /// RFC 3339.
    pub generated: String,
    pub profile: Profile,
    pub privileged: bool,
    pub libvirt: LibvirtReport,
    pub host: HostReport,
    /// By UUID.
    pub vms: Vms,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LibvirtReport {
    #[serde(flatten)]
    pub link: Link,
    pub uri: String,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostReport {
    pub name: String,
    pub meets: Option<Profile>,
    pub proven: bool,
    pub findings: Findings,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VmReport {
    pub name: String,
    pub connection: String,
    /// As `virsh domstate` says it; `unknown` when libvirt did not say.
    pub state: String,
    pub meets: Option<Profile>,
    pub proven: bool,
    pub findings: Findings,
    /// How the attack vectors stand, by their ids; left out where only some findings were asked for.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<&'static str, Standing>,
}

/// By check id.
pub type Findings = BTreeMap<&'static str, Finding>;

/// A verdict with its check's standing texts; what else there is to read about the check comes from the `checks` view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub verdict: Outcome,
    /// As the check answered, whatever the profile makes of it.
    #[serde(skip)]
    pub outcome: Outcome,
    pub severity: Severity,
    pub message: Cow<'static, str>,
    pub evidence: Vec<Evidence>,
    pub basis: &'static [&'static str],
    pub apply: Apply,
    /// `admin` when the verdict is unknown only for want of administrative access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<&'static str>,
    /// Somebody decided to live with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub waiver: Option<Box<Waived>>,
}

impl Finding {
    /// Fails or warns, and nobody has accepted that.
    pub fn is_bad(&self) -> bool {
        matches!(self.verdict, Outcome::Fail | Outcome::Warn) && !self.is_waived()
    }

    pub fn is_waived(&self) -> bool {
        self.waiver.as_ref().is_some_and(|waiver| !waiver.expired)
    }
}

/// A waiver as part of a finding.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Waived {
    pub reason: String,
    pub by: String,
    /// RFC 3339.
    pub since: String,
    /// The last day on which it counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// It counts no more, but is still there.
    pub expired: bool,
}
