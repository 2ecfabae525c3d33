// SPDX-License-Identifier: LGPL-2.1-or-later
//! The attack picture as text: `vm-security audit VM --picture` and `vm-security explain --vectors`.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::terminal::{Style, paint, wrapped};
use super::{Report, VmReport};
use crate::vectors::{self, Logic, Standing, State, Strength, VECTORS, Vector};

/// What each VM of a report meets, the most open ways first.
pub fn write(out: &mut impl Write, report: &Report, style: Style) -> io::Result<()> {
    let mut vms: Vec<&VmReport> = report.vms.values().collect();
    vms.sort_by(|a, b| a.name.cmp(&b.name));
    for vm in vms {
        wrapped(out, "", &format!("Attack picture of {} ({})", vm.name, vm.state), style.width)?;
        let mut standings: Vec<(&Vector, &Standing)> = known(&vm.vectors).collect();
        standings.sort_by_key(|(_, standing)| std::cmp::Reverse(standing.state));
        for (vector, standing) in standings {
            one(out, vector, standing, style)?;
        }
        writeln!(out)?;
    }
    Ok(())
}

fn known<'a>(standings: &'a BTreeMap<&'static str, Standing>) -> impl Iterator<Item = (&'static Vector, &'a Standing)> {
    VECTORS.iter().filter_map(|vector| Some((vector, standings.get(vector.id)?)))
}

fn one(out: &mut impl Write, vector: &Vector, standing: &Standing, style: Style) -> io::Result<()> {
    let (word, color) = match standing.state {
        State::Open => ("OPEN", "31;1"),
        State::Partly => ("PARTLY BLOCKED", "33"),
        State::Unknown => ("NOT KNOWN", "35"),
        State::Blocked => ("BLOCKED", "32"),
        State::NotApplicable => ("DOES NOT APPLY", "2"),
    };
    let way = format!("{} → {}", vector.from.title(), vector.to.title());
    writeln!(out, "\n  {}  {}", paint(style, color, word), paint(style, "1", &way))?;
    wrapped(out, "    ", &format!("{}.", vector.title), style.width)?;
    if standing.state == State::NotApplicable {
        return Ok(());
    }
    for (barrier, strength) in vector.barriers.iter().zip(&standing.barriers) {
        if *strength != Strength::NotApplicable {
            wrapped(out, "      ", &format!("{}: {}", strength.text(), barrier.title), style.width)?;
        }
    }
    Ok(())
}

/// The table itself: each vector, its barriers, and the checks that prove them.
pub fn explain(out: &mut impl Write, style: Style) -> io::Result<()> {
    for vector in vectors::VECTORS {
        let way = format!("{}: {} → {}", vector.id, vector.from.title(), vector.to.title());
        writeln!(out, "{}", paint(style, "1", &way))?;
        wrapped(out, "  ", &format!("{}. {}", vector.title, vector.what), style.width)?;
        let logic = match vector.logic {
            Logic::Depth => "Barriers, one behind the other:",
            Logic::Every => "Barriers, each before a door of its own:",
        };
        writeln!(out, "  {logic}")?;
        for barrier in vector.barriers {
            wrapped(out, "    ", &format!("{}: {}", barrier.title, barrier.checks.join(", ")), style.width)?;
        }
        writeln!(out)?;
    }
    Ok(())
}
