// SPDX-License-Identifier: LGPL-2.1-or-later
//! What there is to read about the checks themselves: `vm-security checks`, `explain`, and the channel's view `checks`.

use std::io::{self, Write};

use serde::Serialize;

use super::terminal::{Style, apply, paint, wrapped};
use crate::checks::{CHECKS, Check};
use crate::vectors::{VECTORS, Vector};

/// `{"version":1,"checks":[…],"vectors":[…]}`: all checks in reading order, with their texts, and the table of attack vectors.
#[derive(Serialize)]
pub struct Catalogue {
    version: u32,
    checks: Vec<Entry>,
    vectors: &'static [Vector],
}

#[derive(Serialize)]
struct Entry {
    scope: &'static str,
    #[serde(flatten)]
    check: &'static Check,
}

impl Catalogue {
    pub fn new() -> Self {
        let checks = CHECKS.iter().map(|check| Entry { scope: check.scope(), check }).collect();
        Self { version: super::VERSION, checks, vectors: VECTORS }
    }
}

impl Default for Catalogue {
    fn default() -> Self {
        Self::new()
    }
}

pub fn list(out: &mut impl Write, style: Style) -> io::Result<()> {
    for check in CHECKS {
        writeln!(
            out,
            "{}  {}, from profile {}",
            paint(style, "1", check.id),
            check.severity.name(),
            check.profile.name()
        )?;
        wrapped(out, "    ", check.title, style.width)?;
    }
    writeln!(out, "\n{} checks. `vm-security explain ID` tells more about one.", CHECKS.len())
}

pub fn explain_all(out: &mut impl Write, style: Style) -> io::Result<()> {
    for check in CHECKS {
        explain(out, check, style)?;
        writeln!(out)?;
    }
    Ok(())
}

pub fn explain(out: &mut impl Write, check: &Check, style: Style) -> io::Result<()> {
    writeln!(out, "{}", paint(style, "1", check.id))?;
    wrapped(out, "", &format!("{}.", check.title), style.width)?;
    writeln!(out, "\nSeverity {}, enforced from profile {}.", check.severity.name(), check.profile.name())?;
    for (heading, text) in [
        ("What it looks at", check.needs),
        ("Why", check.why),
        ("Fix", check.fix),
        ("What the fix costs", check.impact),
        ("When it takes effect", apply(check.apply)),
    ] {
        writeln!(out, "\n{}", paint(style, "1", heading))?;
        wrapped(out, "  ", text, style.width)?;
    }
    writeln!(out, "\n{}", paint(style, "1", "Basis"))?;
    for basis in check.basis {
        let text = if basis.contains("://") {
            (*basis).to_owned()
        } else {
            format!("Red Hat, Securing virtual machines: {basis}")
        };
        wrapped(out, "  ", &text, style.width)?;
    }
    Ok(())
}
