// SPDX-License-Identifier: LGPL-2.1-or-later
//! Cockpit VM Security: whether a virtual machine could attack its host or its neighbours, and whether the host would stop it.
//!
//! Data flows one way: sources → facts → checks → report → faces. All input and output lives in `facts`, `peer` and `cli`;
//! `checks` is pure. Only `waivers::store` writes.

mod ahead;
pub mod audit;
pub mod checks;
pub mod cli;
pub mod facts;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
pub mod peer;
pub mod policy;
pub mod report;
pub mod vectors;
pub mod waivers;
