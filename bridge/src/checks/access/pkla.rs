// SPDX-License-Identifier: LGPL-2.1-or-later
//! polkit's authority files (polkit before 0.106, and Debian's and Ubuntu's compatibility package): sections of keys, not rules in JavaScript.

use std::path::Path;

use crate::facts::host::RulesFile;

/// A section that answers yes to somebody.
pub(super) struct Grant<'t> {
    identities: &'t str,
    actions: &'t str,
}

impl<'t> Grant<'t> {
    /// Whom it is for: `unix-user:NAME`, `unix-group:NAME`, `unix-netgroup:NAME`.
    pub(super) fn identities(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        list(self.identities)
    }

    /// Patterns of the names of actions.
    pub(super) fn actions(&self) -> impl Iterator<Item = &'t str> + use<'t> {
        list(self.actions)
    }

    pub(super) fn covers(&self, action: &str) -> bool {
        self.actions().any(|pattern| matches(pattern, action))
    }
}

/// The user or group of an identity; `None` for a pattern, which may be everybody.
pub(super) fn one(identity: &str) -> Option<(&str, &str)> {
    identity.split_once(':').filter(|(_, name)| !name.contains('*'))
}

pub(super) fn is_pkla(file: &RulesFile) -> bool {
    Path::new(&file.path).extension().is_some_and(|extension| extension == "pkla")
}

pub(super) fn grants(text: &str) -> Vec<Grant<'_>> {
    let mut found = Vec::new();
    let (mut identities, mut actions, mut yes) = ("", "", false);
    for line in text.lines().map(str::trim).chain(["[end]"]) {
        if line.starts_with('[') {
            if yes {
                found.push(Grant { identities, actions });
            }
            (identities, actions, yes) = ("", "", false);
        } else if let Some((key, value)) = line.split_once('=').filter(|_| !line.starts_with('#')) {
            let value = value.trim();
            match key.trim() {
                "Identity" => identities = value,
                "Action" => actions = value,
                "ResultAny" | "ResultInactive" | "ResultActive" => yes |= value == "yes",
                _ => {}
            }
        }
    }
    found
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').map(str::trim).filter(|one| !one.is_empty())
}

/// A glob with stars.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}
