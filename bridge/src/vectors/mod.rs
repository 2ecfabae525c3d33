// SPDX-License-Identifier: LGPL-2.1-or-later
//! The attack picture: who attacks whom along which way, and what stands in the way. Computed from the findings, with no fact of its own.
//!
//! A barrier is as good as its checks as they answered, whatever the profile softens and whatever was waived: a picture of what an
//! attacker meets, not of what somebody demands.

mod table;

use serde::Serialize;

use crate::checks::Outcome;
use crate::report::Findings;
pub use table::VECTORS;

/// Who or what takes part. The order is that of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Node {
    Guest,
    Qemu,
    Host,
    Neighbours,
    Storage,
    Network,
    Consoles,
    Admins,
    Users,
}

impl Node {
    pub fn title(self) -> &'static str {
        match self {
            Self::Guest => "Guest",
            Self::Qemu => "QEMU process",
            Self::Host => "Host kernel",
            Self::Neighbours => "Other VMs",
            Self::Storage => "Storage",
            Self::Network => "Network",
            Self::Consoles => "Consoles",
            Self::Admins => "Administrators",
            Self::Users => "Local users",
        }
    }
}

/// How barriers add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Logic {
    /// One behind the other: an attacker must break all of them.
    Depth,
    /// Side by side, each before a door of its own: an attacker chooses the weakest.
    Every,
}

/// One arrow.
#[derive(Serialize)]
pub struct Vector {
    pub id: &'static str,
    pub from: Node,
    pub to: Node,
    /// The attack as a short sentence without a full stop.
    pub title: &'static str,
    /// What an attacker gains, in full sentences.
    pub what: &'static str,
    pub logic: Logic,
    pub barriers: &'static [Barrier],
}

#[derive(Serialize)]
pub struct Barrier {
    pub id: &'static str,
    pub title: &'static str,
    /// The checks that prove it, of the VM and of the host.
    pub checks: &'static [&'static str],
    /// The way stays open on a host that has no such barrier; of others it does not exist where they do not apply.
    #[serde(skip)]
    pub essential: bool,
}

pub fn find(id: &str) -> Option<&'static Vector> {
    VECTORS.iter().find(|vector| vector.id == id)
}

/// What a barrier is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strength {
    /// There is nothing for it to stop, or no such thing on this host.
    NotApplicable,
    Holds,
    Unknown,
    /// A check warns.
    Weak,
    /// A check fails.
    Broken,
}

/// What becomes of an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    NotApplicable,
    Blocked,
    Unknown,
    Partly,
    Open,
}

impl State {
    pub fn text(self) -> &'static str {
        match self {
            Self::NotApplicable => "does not apply",
            Self::Blocked => "blocked",
            Self::Unknown => "not known",
            Self::Partly => "partly blocked",
            Self::Open => "open",
        }
    }
}

impl Strength {
    pub fn text(self) -> &'static str {
        match self {
            Self::NotApplicable => "does not apply",
            Self::Holds => "holds",
            Self::Unknown => "not known",
            Self::Weak => "weak",
            Self::Broken => "broken",
        }
    }
}

/// A vector as one VM meets it; barriers in the table's order.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Standing {
    pub state: State,
    pub barriers: Vec<Strength>,
}

/// How a vector stands for a VM, given its findings and the host's.
pub fn judge(vector: &Vector, vm: &Findings, host: &Findings) -> Standing {
    let barriers: Vec<Strength> = vector.barriers.iter().map(|barrier| strength(barrier, vm, host)).collect();
    Standing { state: state(vector.logic, &barriers), barriers }
}

fn strength(barrier: &Barrier, vm: &Findings, host: &Findings) -> Strength {
    let found = barrier.checks.iter().filter_map(|id| vm.get(id).or_else(|| host.get(id)));
    // Where nothing was judged, nothing is known either.
    match found.map(|finding| worth(finding.outcome)).max() {
        Some(Strength::NotApplicable) if barrier.essential => Strength::Broken,
        Some(strength) => strength,
        None => Strength::Unknown,
    }
}

fn worth(outcome: Outcome) -> Strength {
    match outcome {
        Outcome::NotApplicable => Strength::NotApplicable,
        Outcome::Pass | Outcome::Info => Strength::Holds,
        Outcome::Unknown => Strength::Unknown,
        Outcome::Warn => Strength::Weak,
        Outcome::Fail => Strength::Broken,
    }
}

fn state(logic: Logic, barriers: &[Strength]) -> State {
    let any = |strength| barriers.contains(&strength);
    let (weak, broken) = (any(Strength::Weak), any(Strength::Broken));
    match logic {
        _ if barriers.iter().all(|strength| *strength == Strength::NotApplicable) => State::NotApplicable,
        _ if !weak && !broken && !any(Strength::Unknown) => State::Blocked,
        // One door that is open is enough.
        Logic::Every if broken => State::Open,
        Logic::Every if weak => State::Partly,
        Logic::Depth if weak || broken && any(Strength::Holds) => State::Partly,
        // A barrier that is not known may be the one that stops the attack.
        Logic::Depth if !any(Strength::Unknown) => State::Open,
        Logic::Every | Logic::Depth => State::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::checks;

    #[test]
    fn barriers_add_up() {
        use Strength::{Broken, Holds, NotApplicable, Unknown, Weak};
        for (logic, barriers, expected) in [
            (Logic::Depth, &[][..], State::NotApplicable),
            (Logic::Every, &[NotApplicable, NotApplicable], State::NotApplicable),
            (Logic::Depth, &[NotApplicable, Holds], State::Blocked),
            (Logic::Every, &[Holds, Holds], State::Blocked),
            (Logic::Depth, &[Broken, Broken, NotApplicable], State::Open),
            (Logic::Depth, &[Broken, Holds], State::Partly),
            (Logic::Depth, &[Weak, Broken], State::Partly),
            (Logic::Depth, &[Weak], State::Partly),
            (Logic::Depth, &[Unknown, Holds], State::Unknown),
            // A barrier that is not known may still be the one that stops the attack.
            (Logic::Depth, &[Unknown, Broken], State::Unknown),
            (Logic::Depth, &[Unknown, Broken, Holds], State::Partly),
            (Logic::Every, &[Broken, Holds, Unknown], State::Open),
            (Logic::Every, &[Weak, Unknown], State::Partly),
            (Logic::Every, &[Holds, Unknown], State::Unknown),
            (Logic::Every, &[Unknown], State::Unknown),
        ] {
            assert_eq!(state(logic, barriers), expected, "{logic:?} {barriers:?}");
        }
    }

    #[test]
    fn every_barrier_is_proven_by_checks_that_there_are() {
        let mut ids = std::collections::BTreeSet::new();
        for vector in VECTORS {
            assert!(ids.insert(vector.id), "two vectors are named {}", vector.id);
            assert!(!vector.title.ends_with('.') && vector.what.ends_with('.'), "{}", vector.id);
            let mut barriers = std::collections::BTreeSet::new();
            for barrier in vector.barriers {
                assert!(barriers.insert(barrier.id), "{}: two barriers are named {}", vector.id, barrier.id);
                for id in barrier.checks {
                    assert!(checks::find(id).is_some(), "{}: {}: there is no check {id}", vector.id, barrier.id);
                }
                assert!(!barrier.checks.is_empty(), "{}: {} is proven by nothing", vector.id, barrier.id);
            }
        }
    }

    #[test]
    fn memory_that_no_processor_can_encrypt_is_open_to_the_hosts_root() {
        let facts = crate::facts::Facts::default();
        let report = crate::audit::audit(&facts, crate::policy::Profile::Server, &crate::audit::Scope::All);
        let mut finding = report.host.findings["host.ksm"].clone();
        finding.outcome = Outcome::NotApplicable;
        let vm: Findings = ["cc.launch-security", "z.launch-security", "cc.attestation", "cc.sev-policy-debug"]
            .into_iter()
            .map(|id| (id, finding.clone()))
            .collect();
        let vector = find("admins-memory").unwrap();
        let standing = judge(vector, &vm, &Findings::new());
        assert_eq!((standing.state, standing.barriers[0]), (State::Open, Strength::Broken));
    }

    #[test]
    fn without_findings_nothing_is_blocked() {
        let none = Findings::new();
        for vector in VECTORS {
            assert_eq!(judge(vector, &none, &none).state, State::Unknown, "{}", vector.id);
        }
    }
}
