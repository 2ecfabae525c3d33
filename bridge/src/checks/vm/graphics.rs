// SPDX-License-Identifier: LGPL-2.1-or-later
//! Consoles: VNC, SPICE, RDP.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::policy::Profile;

pub static LISTEN: Check = Check {
    id: "vm.graphics-listen",
    title: "The console is not reachable from the network",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#graphical-framebuffers"],
    why: "x.",
    fix: "x.",
    impact: "x.",
    apply: Apply::NextStart,
    needs: "//graphics in the definition",
    judge: Judge::Definition(|_, _, domain| {
        Ok(match domain.devices("graphics").next() {
            None => Verdict::pass("It has no console."),
            Some(node) => Verdict::warn("It has one.").because([domain.evidence(node, "listen")]),
        })
    }),
};
