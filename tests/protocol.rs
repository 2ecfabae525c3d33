// SPDX-License-Identifier: LGPL-2.1-or-later
//! Cockpit's peer protocol as transcripts: the library with views that behave and views that do not, then the program.

#[path = "protocol/bad_input.rs"]
mod bad_input;
#[path = "protocol/concurrency.rs"]
mod concurrency;
#[path = "protocol/life_cycle.rs"]
mod life_cycle;
#[path = "protocol/program.rs"]
mod program;
#[path = "protocol/transcript.rs"]
mod transcript;
#[path = "protocol/views.rs"]
mod views;

/// What `views` speak to here: the program.
fn start() -> transcript::Transcript {
    let mut transcript = program::start_silent();
    transcript.greet();
    transcript
}
