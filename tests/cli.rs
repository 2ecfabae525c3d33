// SPDX-License-Identifier: LGPL-2.1-or-later
//! The command line: the real program, its exit status, and every byte that it writes.
//!
//! libvirt's test driver stands behind it: it lives in the program's own process, needs no daemon, and reads its VMs from a file.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "what fails here is a test, and says where")]

#[path = "cli/audit.rs"]
mod audit;
#[path = "cli/definitions.rs"]
mod definitions;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/recordings.rs"]
mod recordings;
#[path = "cli/terminal.rs"]
mod terminal;
#[path = "cli/texts.rs"]
mod texts;
