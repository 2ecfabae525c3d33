// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the guest itself is and says. The guest agent's answers are the guest's claims.

pub mod agent;
pub mod by_hand;
pub mod clock;
pub mod system;

use super::Verdict;
use crate::facts::{Gap, Vm};

/// Nobody answers in a VM that does not run.
fn silent(vm: &Vm) -> Result<Option<Verdict>, Gap> {
    Ok((!vm.is_active()?).then(|| Verdict::not_applicable("The VM does not run, so that its guest says nothing.")))
}
