// SPDX-License-Identifier: LGPL-2.1-or-later
//! The report, version 1: one JSON document, the same on the channel and from `vm-security audit --format json`.
//!
//! ```json
//! {"version": 1, "generated": "2026-01-31T12:00:00Z", "profile": "server", "privileged": true,
//!  "libvirt": {"state": "connected", "uri": "qemu:///system"},
//!  "host": {"name": "…", "meets": "baseline", "proven": true, "findings": {"host.ksm": F}},
//!  "vms": {"UUID": {"name": "web1", "connection": "system", "state": "running",
//!                   "meets": null, "proven": false, "findings": {"vm.floppy": F}}}}
//! ```
//!
//! `F` is a [`Finding`]. `libvirt.state` is `connected`, `unreachable` or `denied` (then with a `message`), or `not-used` when a
//! definition or a recording is judged. `meets` is the highest profile in which nothing fails, `null` when not even `baseline`
//! is met; `proven` is false while a check that this profile enforces is unknown.

pub mod catalogue;
pub mod patch;
pub mod streamed;
pub mod terminal;

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::checks::{Apply, Evidence, Outcome, Severity};
use crate::facts::Link;
use crate::policy::Profile;

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
}

/// By check id.
pub type Findings = BTreeMap<&'static str, Finding>;

/// A verdict with its check's standing texts; what else there is to read about the check comes from the `checks` view.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    pub verdict: Outcome,
    pub severity: Severity,
    pub message: Cow<'static, str>,
    pub evidence: Vec<Evidence>,
    pub basis: &'static [&'static str],
    pub apply: Apply,
    /// `admin` when the verdict is unknown only for want of administrative access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub needs: Option<&'static str>,
}
