// SPDX-License-Identifier: LGPL-2.1-or-later
//! One thing read from one source, with the place where a person can read it by hand.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::io;
use std::marker::PhantomData;

use serde::de::{Error, IgnoredAny, MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

/// A value and where it was read, or why there is none. Serialised as `{"value":…,"origin":…}` or `{"missing":…,"origin":…}`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Fact<T> {
    Missing(Gap),
    Known { value: T, origin: String },
}

/// Written out because serde's own way for such an enum keeps a copy of each fact, and code for that copy, of every type there is.
impl<'de, T: Deserialize<'de>> Deserialize<'de> for Fact<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(FactVisitor(PhantomData))
    }
}

struct FactVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for FactVisitor<T> {
    type Value = Fact<T>;

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a fact with its value, or with the reason why it is missing")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fact<T>, A::Error> {
        // Absent is not null: of an optional value null is one that is known.
        let (mut value, mut reason, mut origin, mut admin) = (None, None, String::new(), false);
        while let Some(key) = map.next_key::<Cow<str>>()? {
            match &*key {
                "value" => value = Some(map.next_value()?),
                "missing" => reason = Some(map.next_value()?),
                "origin" => origin = map.next_value()?,
                "admin" => admin = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        match (reason, value) {
            (Some(reason), _) => Ok(Fact::Missing(Gap { reason, admin, origin })),
            (None, Some(value)) => Ok(Fact::Known { value, origin }),
            (None, None) => Err(A::Error::missing_field("value")),
        }
    }
}

/// Why a fact is missing. A check that needs the fact answers `unknown` with this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// A clause that completes "… is not known: ".
    #[serde(rename = "missing")]
    pub reason: String,
    /// Administrative access would make it known.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub admin: bool,
    #[serde(default)]
    pub origin: String,
}

impl Gap {
    pub fn new(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), admin: false, origin: origin.into() }
    }

    pub fn needs_admin(origin: impl Into<String>) -> Self {
        Self { reason: "administrative access is required".to_owned(), admin: true, origin: origin.into() }
    }

    /// A failed read: what is refused could be read with administrative access, unless we have it already.
    pub fn from_io(origin: impl Into<String>, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::PermissionDenied && !rustix::process::geteuid().is_root() {
            Self::needs_admin(origin)
        } else {
            let origin = origin.into();
            Self { reason: format!("{origin} could not be read ({error})"), admin: false, origin }
        }
    }
}

impl<T> Fact<T> {
    pub fn known(origin: impl Into<String>, value: T) -> Self {
        Self::Known { value, origin: origin.into() }
    }

    pub fn missing(origin: impl Into<String>, reason: impl Into<String>) -> Self {
        Self::Missing(Gap::new(origin, reason))
    }

    /// The value, or the gap, so that a judge can use `?`.
    pub fn get(&self) -> Result<&T, Gap> {
        match self {
            Self::Known { value, .. } => Ok(value),
            Self::Missing(gap) => Err(gap.clone()),
        }
    }

    /// The value, where a check works without it.
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Known { value, .. } => Some(value),
            Self::Missing(_) => None,
        }
    }

    pub fn origin(&self) -> &str {
        match self {
            Self::Known { origin, .. } => origin,
            Self::Missing(gap) => &gap.origin,
        }
    }

    /// The same fact with another value made from it.
    pub fn map<U>(self, f: impl FnOnce(T) -> U) -> Fact<U> {
        match self {
            Self::Known { value, origin } => Fact::Known { value: f(value), origin },
            Self::Missing(gap) => Fact::Missing(gap),
        }
    }

    /// As `map`, where the value may turn out not to be readable: the error text says why.
    pub fn and_then<U>(self, f: impl FnOnce(T) -> Result<U, String>) -> Fact<U> {
        match self {
            Self::Known { value, origin } => match f(value) {
                Ok(value) => Fact::Known { value, origin },
                Err(reason) => Fact::Missing(Gap { reason, admin: false, origin }),
            },
            Self::Missing(gap) => Fact::Missing(gap),
        }
    }
}

impl<T: Display> Fact<T> {
    /// What a person sees of this fact: the value, or why there is none.
    pub fn shown(&self) -> String {
        match self {
            Self::Known { value, .. } => value.to_string(),
            Self::Missing(gap) => format!("not known: {}", gap.reason),
        }
    }
}

impl<T> Default for Fact<T> {
    fn default() -> Self {
        Self::missing("", "it was not read")
    }
}

impl<T> From<Gap> for Fact<T> {
    fn from(gap: Gap) -> Self {
        Self::Missing(gap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_optional_value_stays_missing_when_replayed() {
        let gap: Fact<Option<String>> = Fact::missing("/etc/x", "gone");
        let text = serde_json::to_string(&gap).unwrap();
        assert_eq!(text, r#"{"missing":"gone","origin":"/etc/x"}"#);
        assert_eq!(serde_json::from_str::<Fact<Option<String>>>(&text).unwrap(), gap);
        let none: Fact<Option<String>> = Fact::known("/etc/x", None);
        let text = serde_json::to_string(&none).unwrap();
        assert_eq!(serde_json::from_str::<Fact<Option<String>>>(&text).unwrap(), none);
        let numbered: Fact<std::collections::BTreeMap<u32, bool>> = Fact::known("/x", [(7, true)].into());
        let text = serde_json::to_string(&numbered).unwrap();
        assert_eq!(serde_json::from_str::<Fact<std::collections::BTreeMap<u32, bool>>>(&text).unwrap(), numbered);
        assert_eq!(serde_json::from_str::<Fact<bool>>(r#"{"later":[1],"value":true}"#).unwrap(), Fact::known("", true));
        for wrong in ["{}", r#"{"origin":"/x"}"#, "true", r#"{"value":1}"#, r#"{"missing":1}"#] {
            assert!(serde_json::from_str::<Fact<bool>>(wrong).is_err(), "{wrong}");
        }
    }
}
