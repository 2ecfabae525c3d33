// SPDX-License-Identifier: LGPL-2.1-or-later
//! The checks: pure functions from facts to a verdict, with every text that a person reads about them beside the code.

pub mod access;
mod assigned;
pub mod confidential;
pub mod daemon;
pub mod domain;
pub mod guest;
pub mod host;
pub mod ibmz;
mod needs;
mod neighbours;
pub mod net;
pub mod process;
mod registry;
mod shares;
pub mod storage;
mod uses;
pub mod verdict;
pub mod vm;
pub mod windows;

use serde::Serialize;

use crate::facts::{Facts, Vm};
use crate::policy::Profile;
pub use domain::Domain;
pub use needs::{Need, User};
pub use neighbours::Neighbours;
pub use registry::CHECKS;
pub use verdict::{Evidence, Judged, Outcome, Verdict};

/// One row of the catalogue.
#[derive(Serialize)]
pub struct Check {
    /// The catalogue's public, stable id.
    pub id: &'static str,
    /// The good state as a short sentence without a full stop.
    pub title: &'static str,
    pub severity: Severity,
    /// The lowest profile that enforces it.
    pub profile: Profile,
    pub area: Area,
    /// Why the check exists: a section of Red Hat's chapter by its slug, or an address.
    pub basis: &'static [&'static str],
    /// What an attacker gains, in full sentences.
    pub why: &'static str,
    /// What to do.
    pub fix: &'static str,
    /// What the fix costs or breaks.
    pub impact: &'static str,
    pub apply: Apply,
    /// The facts that it looks at, for a person.
    pub needs: &'static str,
    #[serde(skip)]
    pub judge: Judge,
}

/// What a check is judged on.
#[derive(Clone, Copy)]
pub enum Judge {
    /// The host, with what all VMs say together: a setting is judged with the VMs that use it.
    Host(fn(&Facts, &Neighbours) -> Judged),
    /// A VM as a whole: its state, its process, its neighbours.
    Vm(fn(&Facts, &Vm, &Neighbours) -> Judged),
    /// A definition. It is judged on the stored and on the running one; the worse verdict counts.
    Definition(fn(&Facts, &Vm, &Domain) -> Judged),
    /// The differences between the two, see [`Drift`].
    Drift(fn(&Vm, &[Drift]) -> Judged),
}

/// A definition check whose two verdicts differ.
pub struct Drift {
    pub id: &'static str,
    pub stored: Outcome,
    pub live: Outcome,
}

impl Check {
    /// `host` or `vm`.
    pub fn scope(&self) -> &'static str {
        match self.judge {
            Judge::Host(_) => "host",
            _ => "vm",
        }
    }
}

pub fn find(id: &str) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.id == id)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    Info,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    pub fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// Where a finding stands on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Area {
    /// SELinux, AppArmor.
    Mac,
    Kernel,
    Daemon,
    Access,
    Firmware,
    Confinement,
    Console,
    Devices,
    Network,
    Storage,
    Secrets,
    Process,
    /// Protection of a VM from its host: SEV, TDX, Secure Execution.
    Encryption,
    /// What stands in the guest.
    Guest,
    State,
}

/// `1 network`, `2 networks`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}

/// systemd's ranges: people from 1000 and systemd-homed's up to 60513, then ids for services (Debian's libvirt-qemu is
/// 64055), and above 16 bits the people of a domain.
pub(crate) fn is_person(id: u32) -> bool {
    (1000..=60_513).contains(&id) || id > 65_535
}

/// How a fix takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Apply {
    /// Through libvirt, on the running VM.
    Live,
    /// When the VM is started anew; a reboot inside the guest is not enough.
    NextStart,
    /// When libvirt's daemon is restarted; running VMs keep their old process settings.
    DaemonRestart,
    HostNow,
    HostReboot,
    Manual,
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum;

    use super::*;

    #[test]
    fn what_is_written_has_the_names_of_a_report() {
        for severity in Severity::value_variants() {
            assert_eq!(serde_json::to_value(severity).unwrap(), severity.name());
        }
        for outcome in Outcome::ALL {
            assert_eq!(serde_json::to_value(outcome).unwrap(), outcome.name());
            assert_eq!(Outcome::from_name(outcome.name()), Some(outcome));
        }
        assert_eq!(Outcome::from_name("good"), None);
    }
}
