// SPDX-License-Identifier: LGPL-2.1-or-later
//! The program itself: its exit code, and the one line that it leaves on standard error.

use std::process::Command;

use serde_json::json;

use crate::transcript::{End, Transcript};

pub(crate) fn start_silent() -> Transcript {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cockpit-vm-security"));
    Transcript::peer(command.arg("bridge"))
}

fn assert_one_line(end: &End, reason: &str) {
    assert!(!end.ok, "{end:?}");
    let line = end.reason.strip_suffix('\n');
    assert!(line.is_some_and(|line| line.contains(reason) && !line.contains(char::is_control)), "{end:?}");
}

#[test]
fn init_then_the_end() {
    let mut transcript = start_silent();
    assert_eq!(transcript.expect_init(), json!({"command": "init", "version": 1}));
    let end = transcript.hang_up();
    assert!(end.ok, "{end:?}");
    assert_eq!(end.reason, "", "a clean end says nothing");
}

#[test]
fn another_version() {
    let mut transcript = start_silent();
    transcript.expect_init();
    transcript.send(&json!({"command": "init", "version": 2, "host": "localhost"}));
    assert_one_line(&transcript.wait_end(), "protocol version 2");
}

#[test]
fn malformed_input() {
    let table: &[(&[u8], &str)] = &[
        (b"not a frame\n", "malformed frame"),
        (b"16777217\n\n", "over the limit of 16777216 bytes"),
        (b"3\n\n\xff\xff", "not UTF-8"),
        (b"3\n\n[]", "not an object"),
    ];
    for (bytes, reason) in table {
        let mut transcript = start_silent();
        transcript.greet();
        transcript.send_bytes(bytes);
        assert_one_line(&transcript.wait_end(), reason);
    }
    let mut transcript = start_silent();
    transcript.greet();
    transcript.send_bytes(b"20\n\n{\"comm");
    assert_one_line(&transcript.hang_up(), "the input ended inside it");
}

#[test]
fn a_used_channel_id() {
    let mut transcript = start_silent();
    transcript.greet();
    let watch = json!({"view": "audit", "connection": "test:///default", "watch": true});
    transcript.open("1:1", watch.clone());
    transcript.expect_ready("1:1");
    transcript.expect_json("1:1");
    transcript.open("1:1", watch.clone());
    transcript.expect_problem("1:1", "protocol-error");
    transcript.open("1:1", watch);
    transcript.expect_ready("1:1");
    assert!(transcript.hang_up().ok);
}
