// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the guest itself is and says. The guest agent's answers are the guest's claims.

pub mod agent;
pub mod by_hand;
pub mod clock;
pub mod system;

use super::{Domain, Judged, Verdict};
use crate::facts::{Gap, Vm};

/// Nobody answers in a VM that does not run.
fn silent(vm: &Vm) -> Result<Option<Verdict>, Gap> {
    Ok((!vm.is_active()?).then(|| Verdict::not_applicable("The VM does not run, so that its guest says nothing.")))
}

/// A guest that nobody can ask has nothing to be known; one that does not answer has.
fn unheard(domain: &Domain, gap: Gap) -> Judged {
    match agent::channel(domain) {
        None => {
            let message = "The VM has no channel for a guest agent, so that its guest says nothing.";
            Ok(Verdict::not_applicable(message).because([domain.absence("devices/channel")]))
        }
        Some(_) => Err(gap),
    }
}
