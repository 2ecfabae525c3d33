// SPDX-License-Identifier: LGPL-2.1-or-later
//! A channel from `open` to its one `close`.

use std::collections::BTreeMap;
use std::sync::mpsc::channel;
use std::time::Duration;

use serde_json::{Value, json};
use vm_security::peer::{Channel, Options, Problem};

use crate::transcript::{Message, Transcript};

/// Repeats its option `say`, then ends.
fn echo(options: &Options, channel: &Channel) -> Result<(), Problem> {
    channel.send(&json!({"said": options.require_str("say")?}))
}

/// Ready, then nothing until it is closed.
fn wait(_: &Options, channel: &Channel) -> Result<(), Problem> {
    channel.ready()?;
    while !channel.wait_closed(Duration::from_secs(60)) {}
    Ok(())
}

#[test]
fn init_comes_first_and_unasked() {
    let mut transcript = Transcript::in_process_silent(echo);
    assert_eq!(transcript.expect_init(), json!({"command": "init", "version": 1}));
    let end = transcript.hang_up();
    assert!(end.ok, "{end:?}");
}

#[test]
fn a_view_that_returns() {
    let mut transcript = Transcript::in_process(echo);
    transcript.open("4:1", json!({"say": "ünï\ncode"}));
    transcript.expect_ready("4:1");
    assert_eq!(transcript.expect_json("4:1"), json!({"said": "ünï\ncode"}));
    transcript.expect_done("4:1");
    transcript.expect_close("4:1");
    assert!(transcript.hang_up().ok);
}

#[test]
fn a_view_that_says_nothing() {
    let mut transcript = Transcript::in_process(|_, _| Ok(()));
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.expect_done("4:1");
    transcript.expect_close("4:1");
}

#[test]
fn refused_options_never_become_ready() {
    let mut transcript = Transcript::in_process(echo);
    transcript.open("4:1", json!({"say": 5}));
    let message = transcript.expect_problem("4:1", "protocol-error");
    assert_eq!(message, "the attribute \"say\" must be a string, not a number");
    transcript.open("4:2", json!({}));
    assert_eq!(transcript.expect_problem("4:2", "protocol-error"), "the attribute \"say\" is missing");
}

#[test]
fn a_problem_after_ready() {
    let mut transcript = Transcript::in_process(|_, channel| {
        channel.ready()?;
        channel.ready()?;
        channel.send(&1)?;
        Err(Problem::terminated("libvirt went away"))
    });
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    assert_eq!(transcript.expect_json("4:1"), json!(1));
    assert_eq!(transcript.expect_problem("4:1", "terminated"), "libvirt went away");
}

#[test]
fn an_endless_message_still_closes() {
    let mut transcript = Transcript::in_process(|_, _| Err(Problem::not_found("\u{1}".repeat(40_000_000))));
    transcript.open("4:1", json!({}));
    assert_eq!(transcript.expect_problem("4:1", "not-found").len(), 4096);
}

#[test]
fn a_close_is_answered_once() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.open("4:2", json!({}));
    transcript.expect_ready("4:1");
    transcript.close("4:1");
    transcript.expect_close("4:1");
    // What crossed our close on its way: about a channel that is gone.
    transcript.close("4:1");
    transcript.send(&json!({"command": "close", "channel": "4:1", "problem": "disconnected"}));
    transcript.send(&json!({"command": "ping", "channel": "4:1"}));
    transcript.send(&json!({"command": "options", "channel": "4:1"}));
    transcript.send_frame("4:1", b"data");
    transcript.expect_ready("4:2");
    transcript.expect_pong("4:2");
}

#[test]
fn a_close_for_what_was_never_open() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.close("never");
    transcript.expect_pong("4:1");
}

#[test]
fn a_closed_view_is_told_and_cannot_send() {
    let (tell, told) = channel();
    let mut transcript = Transcript::in_process(move |_, channel| {
        channel.ready()?;
        assert!(channel.wait_closed(Duration::from_secs(60)));
        assert!(channel.is_closed());
        let late = (channel.ready().is_err(), channel.send(&"late").is_err());
        channel.on_close({
            let tell = tell.clone();
            move || tell.send(late).unwrap()
        });
        Err(Problem::internal_error("nobody sees this"))
    });
    transcript.open("4:1", json!({}));
    transcript.open("4:2", json!({}));
    transcript.expect_ready("4:1");
    transcript.expect_ready("4:2");
    transcript.close("4:1");
    transcript.expect_close("4:1");
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok((true, true)));
    transcript.expect_pong("4:2");
}

#[test]
fn ping_is_answered_with_all_its_fields() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.expect_pong("4:1");
    // Not for us, or for nobody.
    transcript.send(&json!({"command": "ping"}));
    transcript.send(&json!({"command": "ping", "channel": "4:9"}));
    transcript.expect_pong("4:1");
}

#[test]
fn new_options_are_refused() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.send(&json!({"command": "options", "channel": "4:1", "watch": true}));
    transcript.expect_problem("4:1", "not-supported");
}

#[test]
fn what_a_peer_may_ignore() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({"superuser": "try", "binary": "raw", "send-acks": "bytes", "x-new": [1]}));
    transcript.expect_ready("4:1");
    transcript.send_frame("4:1", b"data \xff");
    transcript.send_frame("4:1", b"");
    transcript.send(&json!({"command": "done", "channel": "4:1"}));
    for command in ["hint", "authorize", "logout", "ready", "pong", "x-from-the-future", ""] {
        transcript.send(&json!({"command": command}));
        transcript.send(&json!({"command": command, "channel": "4:1"}));
        transcript.send(&json!({"command": command, "channel": ["not", "a", "string"]}));
    }
    // cockpit-ws repeats nothing, but a second init does no harm.
    transcript.send(&json!({"command": "init", "version": 1}));
    transcript.expect_pong("4:1");
    transcript.close("4:1");
    transcript.expect_close("4:1");
}

#[test]
fn kill_closes_a_group() {
    let mut transcript = Transcript::in_process(wait);
    for (id, group) in [("1", json!("a")), ("2", json!("a")), ("3", json!("b")), ("4", Value::Null)] {
        transcript.open(id, json!({"group": group}));
        transcript.expect_ready(id);
    }
    transcript.send(&json!({"command": "kill", "group": "none such"}));
    transcript.send(&json!({"command": "kill", "group": ["b"]}));
    transcript.send(&json!({"command": "kill", "group": "a", "host": "elsewhere"}));
    transcript.send(&json!({"command": "kill", "host": "elsewhere"}));
    for id in ["1", "2", "3", "4"] {
        transcript.expect_pong(id);
    }
    transcript.send(&json!({"command": "kill", "group": "a"}));
    transcript.expect_problem("1", "terminated");
    transcript.expect_problem("2", "terminated");
    // A page that goes away sends both (COCKPIT.md section 2, trap 5).
    transcript.send(&json!({"command": "close", "channel": "1", "problem": "disconnected"}));
    transcript.expect_pong("3");
    transcript.expect_pong("4");
    transcript.send(&json!({"command": "kill"}));
    transcript.expect_problem("3", "terminated");
    transcript.expect_problem("4", "terminated");
    assert!(transcript.hang_up().ok);
}

#[test]
fn an_id_may_be_used_again_after_its_close() {
    let mut transcript = Transcript::in_process(echo);
    for _ in 0..100 {
        transcript.open("4:1", json!({"say": "x"}));
        transcript.expect_ready("4:1");
        transcript.expect_json("4:1");
        transcript.expect_done("4:1");
        transcript.expect_close("4:1");
    }
}

#[test]
fn a_large_message_arrives_whole() {
    let mut transcript = Transcript::in_process(|_, channel| channel.send(&"x".repeat(17_000_000)));
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    let Message::Data(payload) = transcript.next("4:1") else { panic!("not data") };
    assert_eq!(payload.len(), 17_000_002);
    transcript.expect_done("4:1");
    transcript.expect_close("4:1");
}

/// JSON has no such keys. What is too large for a frame takes the same way out (see frame.rs).
#[test]
fn a_message_that_cannot_be_said_is_a_problem() {
    let mut transcript = Transcript::in_process(|_, channel| channel.send(&BTreeMap::from([((1, 2), 3)])));
    transcript.open("4:1", json!({}));
    let message = transcript.expect_problem("4:1", "internal-error");
    assert!(message.contains("cannot write a message as JSON"), "{message}");
}

#[test]
fn the_end_of_the_input_is_the_end() {
    let (tell, told) = channel();
    let mut transcript = Transcript::in_process(move |_, channel| {
        channel.ready()?;
        let tell = tell.clone();
        channel.on_close(move || tell.send(()).unwrap());
        // Long past the test: whoever waits for this view fails.
        std::thread::sleep(Duration::from_secs(3600));
        Ok(())
    });
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    let end = transcript.hang_up();
    assert!(end.ok, "{end:?}");
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(()));
}

#[test]
fn answers_to_the_last_messages_leave_before_the_end() {
    let mut transcript = Transcript::in_process(wait);
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    transcript.close("4:1");
    transcript.send(&json!({"command": "ping", "channel": "4:1"}));
    transcript.open_exactly("4:2", &json!({"payload": "other"}));
    transcript.hang_up_input();
    transcript.expect_close("4:1");
    transcript.expect_problem("4:2", "not-supported");
    assert!(transcript.wait_end().ok);
}
