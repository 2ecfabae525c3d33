// SPDX-License-Identifier: LGPL-2.1-or-later
//! `vm_security::mutant`, which only the mutated copy of the sources has: the switch by which one program is all mutants.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{LazyLock, Mutex};

use crate::checks::{CHECKS, Check, Judge};

/// No function's, and no mutant's, number.
const NONE: usize = 0;
const FUNCTIONS: usize = 8192;

/// From the environment, so that any test runs with one.
static ACTIVE: LazyLock<AtomicUsize> = LazyLock::new(|| {
    let number = std::env::var("VM_SECURITY_MUTANT").ok().and_then(|number| number.parse().ok());
    AtomicUsize::new(number.unwrap_or(NONE))
});
static REACHED: [AtomicBool; FUNCTIONS] = [const { AtomicBool::new(false) }; FUNCTIONS];
static UNDER_TEST: Mutex<Option<&'static Check>> = Mutex::new(None);

/// What each function with mutants asks first: which of its bodies is to run.
pub fn at(function: usize) -> usize {
    REACHED[function].store(true, Relaxed);
    ACTIVE.load(Relaxed)
}

pub fn activate(mutant: Option<usize>) {
    ACTIVE.store(mutant.unwrap_or(NONE), Relaxed);
}

/// The functions that were asked since the last time.
pub fn take_reached() -> Vec<usize> {
    (0..FUNCTIONS).filter(|function| REACHED[*function].swap(false, Relaxed)).collect()
}

/// An audit judges this check only, with all others where their differences are what it looks at.
pub fn test_only(check: &'static Check) {
    *UNDER_TEST.lock().unwrap() = (!matches!(check.judge, Judge::Drift(_))).then_some(check);
}

/// Stands for `CHECKS` in an audit.
pub fn under_test() -> Vec<&'static Check> {
    let only = *UNDER_TEST.lock().unwrap();
    CHECKS.iter().copied().filter(|check| only.is_none_or(|only| only.id == check.id)).collect()
}
