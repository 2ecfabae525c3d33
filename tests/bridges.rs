// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program's views through a real cockpit-bridge, spoken to as cockpit-ws does.
//!
//! Needs a bridge that finds our Cockpit package, so `cargo test` leaves it out; `make check` runs it once for each
//! generation of Cockpit: `VM_SECURITY_BRIDGE_CMD='…' cargo test --test bridges`. The value is a shell command.

use std::process::Command;

use serde_json::json;

#[path = "protocol/transcript.rs"]
mod transcript;
#[path = "protocol/views.rs"]
mod views;

use transcript::{Message, Transcript};

fn start() -> Transcript {
    let mut transcript = start_silent();
    transcript.greet();
    transcript
}

#[allow(clippy::expect_used, reason = "without it there is nothing to test, which must not look like success")]
fn start_silent() -> Transcript {
    let command = std::env::var("VM_SECURITY_BRIDGE_CMD")
        .expect("VM_SECURITY_BRIDGE_CMD must hold the shell command that starts a cockpit-bridge");
    let mut shell = Command::new("/bin/sh");
    // exec: the transcript ends exactly the process that it started.
    shell.arg("-c").arg(format!("exec {command}"));
    // With these a bridge starts no session bus and no SSH agent, which the C bridge was seen to leave behind.
    // Nothing here uses either.
    shell.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent").env("SSH_AUTH_SOCK", "/nonexistent");
    Transcript::bridge(&mut shell)
}

/// Without this the other transcripts would fail for a reason that they do not tell.
#[test]
fn the_bridge_lists_our_package() {
    let mut transcript = start_silent();
    let init = transcript.greet();
    assert!(init["packages"].get("vm-security").is_some(), "{init}");
}

/// A peer's payload never reaches a privileged bridge, and only a bridge of root ignores `superuser` (COCKPIT.md section
/// 1). So whoever requires it gets no report from a process without it.
#[test]
fn superuser_is_never_answered_by_a_limited_user() {
    let mut transcript = start();
    let audit = json!({"view": "audit", "connection": "test:///default", "superuser": "require"});
    transcript.open("1:1", audit);
    match transcript.next("1:1") {
        Message::Control(ready) if ready["command"] == "ready" => {
            assert_eq!(transcript.expect_json("1:1")["privileged"], true);
        }
        Message::Control(close) => {
            let problem = close["problem"].as_str();
            assert!(matches!(problem, Some("access-denied" | "not-supported")), "{close}");
        }
        Message::Data(_) => unreachable!("the transcript lets no data through before ready"),
    }
}
