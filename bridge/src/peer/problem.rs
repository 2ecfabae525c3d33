// SPDX-License-Identifier: LGPL-2.1-or-later
//! Why a channel ended badly: a code that Cockpit's pages know, and a sentence for people.

use std::fmt;

/// Becomes the `problem` and the `message` of a channel's `close`.
///
/// The codes are Cockpit's own (doc/protocol.md, "Problem codes"); pages branch on the code and show the message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub code: &'static str,
    pub message: String,
}

impl Problem {
    fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// What was asked for does not exist, such as a VM's UUID.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new("not-found", message)
    }

    /// It exists, but this user may not see it.
    pub fn access_denied(message: impl Into<String>) -> Self {
        Self::new("access-denied", message)
    }

    /// The service behind the view is not running, or went away.
    pub fn terminated(message: impl Into<String>) -> Self {
        Self::new("terminated", message)
    }

    /// This version does not know such a payload, view or option.
    pub fn not_supported(message: impl Into<String>) -> Self {
        Self::new("not-supported", message)
    }

    /// The message itself was wrong: an option has the wrong type, a channel id is used twice.
    pub fn protocol_error(message: impl Into<String>) -> Self {
        Self::new("protocol-error", message)
    }

    /// A fault of this program.
    pub fn internal_error(message: impl Into<String>) -> Self {
        Self::new("internal-error", message)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Problem {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_cockpits_own() {
        let table = [
            (Problem::not_found("m"), "not-found"),
            (Problem::access_denied("m"), "access-denied"),
            (Problem::terminated("m"), "terminated"),
            (Problem::not_supported("m"), "not-supported"),
            (Problem::protocol_error("m"), "protocol-error"),
            (Problem::internal_error("m"), "internal-error"),
        ];
        for (problem, code) in table {
            assert_eq!(problem.code, code);
            assert_eq!(problem.to_string(), format!("{code}: m"));
        }
    }
}
