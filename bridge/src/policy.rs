// SPDX-License-Identifier: LGPL-2.1-or-later
//! How strict the judge is. A profile changes severity and threshold only, never a fact.

use serde::{Deserialize, Serialize};

use crate::checks::{Check, Outcome};

/// From the mildest to the strictest; each includes what the ones before it demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// A lab or a home: Red Hat's chapter, and what is critical or high.
    Baseline,
    /// A host that others depend on.
    #[default]
    Server,
    /// VMs of owners who do not trust each other.
    MultiTenant,
    /// Owners who do not trust the host's administrator either.
    Confidential,
}

impl Profile {
    pub const ALL: [Self; 4] = [Self::Baseline, Self::Server, Self::MultiTenant, Self::Confidential];

    pub fn name(self) -> &'static str {
        match self {
            Self::Baseline => "baseline",
            Self::Server => "server",
            Self::MultiTenant => "multi-tenant",
            Self::Confidential => "confidential",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.name() == name)
    }
}

/// What a person sees: below the profile that enforces a check, its warning or failure is for information.
pub fn shown(profile: Profile, check: &Check, outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Warn | Outcome::Fail if profile < check.profile => Outcome::Info,
        other => other,
    }
}

/// The profiles that one subject meets, gathered over its findings as the checks gave them.
#[derive(Debug)]
pub struct Standing {
    /// The lowest profile in which a check failed.
    failed: Option<Profile>,
    /// The lowest profile in which a check could not answer.
    unproven: Option<Profile>,
}

impl Standing {
    pub fn new() -> Self {
        Self { failed: None, unproven: None }
    }

    pub fn add(&mut self, check: &Check, outcome: Outcome) {
        let lowest = match outcome {
            Outcome::Fail => &mut self.failed,
            Outcome::Unknown => &mut self.unproven,
            _ => return,
        };
        *lowest = Some(lowest.map_or(check.profile, |found| found.min(check.profile)));
    }

    /// The highest profile without a failure, and whether nothing that it enforces is unknown.
    pub fn meets(&self) -> (Option<Profile>, bool) {
        let meets = match self.failed {
            None => Some(Profile::Confidential),
            Some(failed) => Profile::ALL.into_iter().rfind(|profile| *profile < failed),
        };
        let proven = match (meets, self.unproven) {
            (_, None) => true,
            (Some(meets), Some(unproven)) => meets < unproven,
            (None, Some(_)) => false,
        };
        (meets, proven)
    }
}

impl Default for Standing {
    fn default() -> Self {
        Self::new()
    }
}
