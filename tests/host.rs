// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program inside a test bed: a real libvirtd with running QEMU processes, as root and as a limited user, while things
//! go wrong.
//!
//! Needs a bed that is up (tests/testbed/bed up NAME --stage DIR), so `cargo test` leaves it out:
//! `VM_SECURITY_BED=NAME cargo test --test host`. What a test changes in the bed it changes back.

#[path = "host/bed.rs"]
mod bed;
#[path = "host/expected.rs"]
mod expected;
#[path = "host/failures.rs"]
mod failures;
#[path = "watch/followed.rs"]
mod followed;
#[path = "host/secrets.rs"]
mod secrets;
#[path = "host/table.rs"]
mod table;
#[path = "protocol/transcript.rs"]
mod transcript;
#[path = "host/users.rs"]
mod users;
#[path = "host/verdicts.rs"]
mod verdicts;
#[path = "host/waivers.rs"]
mod waivers;
#[path = "host/watch.rs"]
mod watch;
