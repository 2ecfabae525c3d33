// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a check answers.

use std::borrow::Cow;
use std::fmt::Display;

use serde::{Deserialize, Serialize};

use crate::facts::{Fact, Gap};

/// From good to bad, as the worse of two verdicts counts: what is not known is worse than a pass, better than a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    NotApplicable,
    Pass,
    Info,
    Unknown,
    Warn,
    Fail,
}

impl Outcome {
    pub const ALL: [Self; 6] = [Self::NotApplicable, Self::Pass, Self::Info, Self::Unknown, Self::Warn, Self::Fail];

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.name() == name)
    }

    pub fn name(self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Pass => "pass",
            Self::Info => "info",
            Self::Unknown => "unknown",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One fact that a verdict rests on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Evidence {
    pub origin: String,
    pub value: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub outcome: Outcome,
    /// A full sentence that names the thing, the value and the place.
    pub message: Cow<'static, str>,
    pub evidence: Vec<Evidence>,
    /// Unknown only for want of administrative access.
    pub needs_admin: bool,
}

/// A judge leaves with `?` at the first fact that it needs and does not have; that gap becomes `unknown`.
pub type Judged = Result<Verdict, Gap>;

impl Verdict {
    pub fn new(outcome: Outcome, message: impl Into<Cow<'static, str>>) -> Self {
        Self { outcome, message: message.into(), evidence: Vec::new(), needs_admin: false }
    }

    pub fn pass(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Pass, message)
    }

    pub fn info(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Info, message)
    }

    pub fn warn(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Warn, message)
    }

    pub fn fail(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Fail, message)
    }

    pub fn not_applicable(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::NotApplicable, message)
    }

    pub fn unknown(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Outcome::Unknown, message)
    }

    /// Adds a fact to the evidence, as it would be shown to a person.
    #[must_use]
    pub fn with<T: Display>(mut self, fact: &Fact<T>) -> Self {
        self.evidence.push(Evidence { origin: fact.origin().to_owned(), value: fact.shown() });
        self
    }

    #[must_use]
    pub fn and(mut self, origin: impl Into<String>, value: impl Into<String>) -> Self {
        self.evidence.push(Evidence { origin: origin.into(), value: value.into() });
        self
    }

    #[must_use]
    pub fn because(mut self, evidence: impl IntoIterator<Item = Evidence>) -> Self {
        self.evidence.extend(evidence);
        self
    }
}

impl From<Gap> for Verdict {
    fn from(gap: Gap) -> Self {
        let mut message = format!("This is not known: {}.", gap.reason);
        if gap.admin {
            message = format!("This is not known: administrative access is required to read {}.", gap.origin);
        }
        let evidence = vec![Evidence { origin: gap.origin, value: format!("not known: {}", gap.reason) }];
        Self { outcome: Outcome::Unknown, message: message.into(), evidence, needs_admin: gap.admin }
    }
}
