// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program inside a whole host under SELinux, with two paused VMs (tests/selinux-host).
//!
//! Needs that host to be up, so `cargo test` leaves it out; `make check-host` runs it. From the environment:
//! `VM_SECURITY_SSH_CONFIG`, an ssh configuration in which `host` is root there and `viewer` a limited user, and
//! `VM_SECURITY_ENFORCING`, `1` or `0` as the host was booted. What a test changes there it changes back.

#[path = "host/bed.rs"]
mod bed;
#[path = "watch/followed.rs"]
mod followed;
#[path = "selinux_host/modes.rs"]
mod modes;
#[path = "host/secrets.rs"]
mod secrets;
#[path = "selinux_host/subjects.rs"]
mod subjects;
#[path = "host/table.rs"]
mod table;
#[path = "protocol/transcript.rs"]
mod transcript;
#[path = "selinux_host/verdicts.rs"]
mod verdicts;
#[path = "selinux_host/viewer.rs"]
mod viewer;
