// SPDX-License-Identifier: LGPL-2.1-or-later
//! Cockpit's peer protocol as transcripts, with views that behave and views that do not.

#[path = "protocol/bad_input.rs"]
mod bad_input;
#[path = "protocol/concurrency.rs"]
mod concurrency;
#[path = "protocol/life_cycle.rs"]
mod life_cycle;
#[path = "protocol/transcript.rs"]
mod transcript;
