// SPDX-License-Identifier: LGPL-2.1-or-later
//! What must end one channel, what must end the connection, and that neither ends in a panic.

use std::time::Duration;

use serde_json::json;
use vm_security::peer::{Channel, Options, Problem};

use crate::transcript::Transcript;

fn wait(_: &Options, channel: &Channel) -> Result<(), Problem> {
    channel.ready()?;
    while !channel.wait_closed(Duration::from_secs(60)) {}
    Ok(())
}

#[test]
fn wrong_opens_end_their_channel_alone() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("good", json!({}));
    transcript.expect_ready("good");
    let table = [
        (json!({}), "protocol-error", "the attribute \"payload\" is missing"),
        (json!({"payload": null}), "protocol-error", "the attribute \"payload\" is missing"),
        (json!({"payload": 1}), "protocol-error", "the attribute \"payload\" must be a string, not a number"),
        (
            json!({"payload": "vm-security1", "group": {}}),
            "protocol-error",
            "the attribute \"group\" must be a string, not an object",
        ),
        (json!({"payload": "vm-security2"}), "not-supported", "vm-security2"),
        (json!({"payload": "VM-SECURITY1"}), "not-supported", "VM-SECURITY1"),
        (json!({"payload": "stream", "spawn": ["/bin/sh"]}), "not-supported", "stream"),
        (json!({"payload": ""}), "not-supported", "\"\""),
        (json!({"payload": "\u{1b}[31m\n"}), "not-supported", r#""\u{1b}[31m\n""#),
    ];
    for (attributes, code, text) in table {
        transcript.open_exactly("bad", &attributes);
        let message = transcript.expect_problem("bad", code);
        assert!(message.contains(text), "{message}");
    }
    transcript.expect_pong("good");
}

#[test]
fn channel_ids_that_no_frame_can_carry() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("good", json!({}));
    transcript.expect_ready("good");
    for id in ["a\nb", "é", "\u{0}", " "] {
        transcript.open(id, json!({}));
        let message = transcript.expect_problem(id, "protocol-error");
        assert!(message.contains("\"channel\""), "{message}");
    }
    transcript.expect_pong("good");
}

#[test]
fn an_open_without_a_channel_is_nobodys() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("good", json!({}));
    transcript.expect_ready("good");
    for channel in [json!(null), json!(""), json!(4), json!({"id": "4:1"})] {
        transcript.send(&json!({"command": "open", "channel": channel, "payload": "vm-security1"}));
    }
    transcript.send(&json!({"command": "open", "payload": "vm-security1"}));
    transcript.expect_pong("good");
}

#[test]
fn a_used_id_ends_with_one_close_and_is_free_again() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("other", json!({}));
    transcript.expect_ready("other");
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    // Twice open for us, but one entry for a bridge: exactly one close may come.
    transcript.open("4:1", json!({}));
    let message = transcript.expect_problem("4:1", "protocol-error");
    assert!(message.contains("a second time"), "{message}");
    transcript.expect_pong("other");
    // Also when the second open is wrong by itself.
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.open_exactly("4:1", &json!({}));
    transcript.expect_problem("4:1", "protocol-error");
    transcript.expect_pong("other");
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.expect_pong("4:1");
}

/// Sends the bytes in the place of everything after our init; the connection must end with this reason.
fn assert_ends(bytes: &[u8], reason: &str) {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.send_bytes(bytes);
    // Not hung up: the program ends by itself.
    let end = transcript.wait_end();
    assert!(!end.ok, "{:?}", String::from_utf8_lossy(bytes));
    assert!(end.reason.contains(reason), "{:?} ended with {}", String::from_utf8_lossy(bytes), end.reason);
    assert!(!end.reason.contains(char::is_control), "not one line: {:?}", end.reason);
}

fn control(payload: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{}\n\n", payload.len() + 1).into_bytes();
    bytes.extend_from_slice(payload);
    bytes
}

#[test]
fn malformed_frames_end_the_connection() {
    assert_ends(b"hello\n", "malformed frame");
    assert_ends(b"0\n", "its length is zero");
    assert_ends(b"007\n4:1\nabc", "starts with a zero");
    assert_ends(b"16777217\n4:1\n", "over the limit");
    assert_ends(b"99999999999999999999\n", "does not start with a decimal length");
    assert_ends(b"3\nabc", "no newline after the channel");
    assert_ends(b"4\n\xc3\xa9\nx", "not ASCII");
}

#[test]
fn malformed_control_ends_the_connection() {
    assert_ends(&control(b"{\"command\":\"hint\",\"x\":\"\xff\"}"), "it is not UTF-8");
    assert_ends(&control(b"{\"command\":"), "it is not JSON");
    assert_ends(&control(b"[\"command\"]"), "it is an array, not an object");
    assert_ends(&control(b"\"\\u001b[31m\""), "it is a string, not an object");
    assert_ends(&control(b"{\"channel\":\"4:1\"}"), "no \"command\"");
    assert_ends(&control(b"{\"command\":{}}"), "its \"command\" is an object");
    assert_ends(&control("[".repeat(1_000_000).as_bytes()), "it is not JSON");
    assert_ends(&control(b"{\"command\":\"init\",\"version\":2}"), "version 2");
}

#[test]
fn truncated_frames_end_the_connection() {
    for bytes in [&b"1"[..], b"10", b"10\n", b"10\n4:1", b"10\n4:1\n", b"10\n4:1\nabcde"] {
        let mut transcript = Transcript::in_process(wait);
        transcript.send_bytes(bytes);
        let end = transcript.hang_up();
        assert!(!end.ok && end.reason.contains("the input ended inside it"), "{bytes:?}: {end:?}");
    }
}

#[test]
fn another_version_or_no_init_ends_the_connection() {
    let table = [
        (control(br#"{"command":"init","version":2}"#), "protocol version 2"),
        (control(br#"{"command":"init","version":0}"#), "protocol version 0"),
        (control(br#"{"command":"init","version":"1"}"#), "protocol version \"1\""),
        (control(br#"{"command":"init"}"#), "no \"version\""),
        (control(br#"{"command":"init","problem":"authentication-failed"}"#), "authentication-failed"),
        (control(br#"{"command":"open","channel":"4:1","payload":"vm-security1"}"#), "not its init"),
        (control(br#"{"command":"x"}"#), "not its init"),
        (b"6\n4:1\nab".to_vec(), "not its init"),
    ];
    for (bytes, reason) in table {
        let mut transcript = Transcript::in_process_silent(wait);
        transcript.expect_init();
        transcript.send_bytes(&bytes);
        let end = transcript.wait_end();
        assert!(!end.ok && end.reason.contains(reason), "{end:?}");
    }
}

#[test]
fn an_end_without_a_word_is_clean() {
    let mut transcript = Transcript::in_process_silent(wait);
    transcript.expect_init();
    assert!(transcript.hang_up().ok);
}
