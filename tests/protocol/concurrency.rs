// SPDX-License-Identifier: LGPL-2.1-or-later
//! Channels at the same time, and views that misbehave: none of it may reach another channel.

use std::io::{Read, Write};
use std::sync::mpsc::{self, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vm_security::peer::{Channel, Options, Problem};

use crate::transcript::{Message, Transcript};

/// A catalogue of misbehaviour, by the option `do`.
#[allow(clippy::panic, reason = "panics are what it is for")]
fn misbehave(options: &Options, channel: &Channel) -> Result<(), Problem> {
    match options.require_str("do")? {
        "answer" => channel.send(&"answer"),
        "wait" => {
            channel.ready()?;
            while !channel.wait_closed(Duration::from_secs(60)) {}
            Ok(())
        }
        // Like a hung call into libvirt: it does not look at its channel at all.
        "hang" => {
            channel.ready()?;
            thread::sleep(Duration::from_secs(3600));
            Ok(())
        }
        "panic" => panic!("on purpose"),
        "panic late" => {
            channel.send(&"before")?;
            panic!("on purpose, with a\nnewline")
        }
        "panic on close" => {
            channel.on_close(|| panic!("on purpose, in a callback"));
            channel.ready()?;
            channel.wait_closed(Duration::from_secs(60));
            Ok(())
        }
        "flood" => loop {
            channel.send(&"x".repeat(10_000))?;
        },
        other => Err(Problem::not_found(other)),
    }
}

fn open(transcript: &mut Transcript, id: &str, what: &str) {
    transcript.open(id, json!({"do": what}));
}

fn expect_answer(transcript: &mut Transcript, id: &str) {
    open(transcript, id, "answer");
    transcript.expect_ready(id);
    assert_eq!(transcript.expect_json(id), json!("answer"));
    transcript.expect_done(id);
    transcript.expect_close(id);
}

#[test]
fn a_hung_view_delays_nobody() {
    let mut transcript = Transcript::in_process(misbehave);
    for id in ["hung:1", "hung:2", "hung:3"] {
        open(&mut transcript, id, "hang");
        transcript.expect_ready(id);
    }
    let start = Instant::now();
    expect_answer(&mut transcript, "4:1");
    transcript.expect_pong("hung:1");
    // Its close does not wait for it either, and its id is free although its thread still hangs.
    transcript.close("hung:1");
    transcript.expect_close("hung:1");
    expect_answer(&mut transcript, "hung:1");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(transcript.hang_up().ok);
}

#[test]
fn a_panic_ends_its_own_channel() {
    let mut transcript = Transcript::in_process(misbehave);
    open(&mut transcript, "other", "wait");
    transcript.expect_ready("other");
    for _ in 0..10 {
        open(&mut transcript, "4:1", "panic");
        let message = transcript.expect_problem("4:1", "internal-error");
        assert!(!message.contains("on purpose"), "a page has no use for it: {message}");
        open(&mut transcript, "4:2", "panic late");
        transcript.expect_ready("4:2");
        assert_eq!(transcript.expect_json("4:2"), json!("before"));
        transcript.expect_problem("4:2", "internal-error");
    }
    transcript.expect_pong("other");
    expect_answer(&mut transcript, "4:1");
    assert!(transcript.hang_up().ok);
}

#[test]
fn a_panic_in_a_callback_ends_nothing() {
    let mut transcript = Transcript::in_process(misbehave);
    open(&mut transcript, "other", "wait");
    transcript.expect_ready("other");
    open(&mut transcript, "4:1", "panic on close");
    transcript.expect_ready("4:1");
    transcript.close("4:1");
    transcript.expect_close("4:1");
    transcript.expect_pong("other");
}

#[test]
fn a_flood_lets_others_through_and_ends_when_closed() {
    let mut transcript = Transcript::in_process(misbehave);
    open(&mut transcript, "flood", "flood");
    transcript.expect_ready("flood");
    expect_answer(&mut transcript, "4:1");
    transcript.close("flood");
    while let Message::Data(_) = transcript.next("flood") {}
    assert!(!transcript.is_open("flood"));
    expect_answer(&mut transcript, "4:2");
}

#[test]
fn many_at_once() {
    let mut transcript = Transcript::in_process(misbehave);
    let ids: Vec<String> = (0..200).map(|number| format!("4:{number}")).collect();
    let what = ["answer", "panic", "none such", "wait"];
    for (id, what) in ids.iter().zip(what.iter().cycle()) {
        open(&mut transcript, id, what);
    }
    // Each ends as if it were alone; the waiting ones with the kill, and none of them twice (the transcript sees to it).
    for (id, what) in ids.iter().zip(what.iter().cycle()) {
        match *what {
            "answer" => {
                transcript.expect_ready(id);
                transcript.expect_json(id);
                transcript.expect_done(id);
                transcript.expect_close(id);
            }
            "panic" => drop(transcript.expect_problem(id, "internal-error")),
            "none such" => drop(transcript.expect_problem(id, "not-found")),
            _ => transcript.expect_ready(id),
        }
    }
    transcript.send(&json!({"command": "kill"}));
    for id in ids.iter().skip(3).step_by(4) {
        transcript.expect_problem(id, "terminated");
    }
    assert!(transcript.hang_up().ok);
}

/// A page's close and the view's own end meet again and again; there is one close each time.
#[test]
fn closes_that_race() {
    let mut transcript = Transcript::in_process(|_, channel| {
        channel.ready()?;
        Err(Problem::terminated("at once"))
    });
    for _ in 0..500 {
        transcript.open("4:1", json!({}));
        transcript.expect_ready("4:1");
        transcript.close("4:1");
        transcript.expect_control("4:1", "close");
    }
    assert!(transcript.hang_up().ok);
}

/// How a view watches: it waits for events and for its close at once.
#[test]
fn a_watching_view_wakes_for_events_and_for_its_close() {
    enum Wake {
        Event(u32),
        Closed,
    }
    let mut transcript = Transcript::in_process(|_, channel| {
        let (wake, wakes) = mpsc::channel();
        let close = wake.clone();
        channel.on_close(move || drop(close.send(Wake::Closed)));
        let token = channel.close_token();
        let source = thread::spawn(move || {
            let mut number = 0;
            while !token.wait_closed(Duration::from_millis(1)) && wake.send(Wake::Event(number)).is_ok() {
                number += 1;
            }
        });
        for wake in wakes {
            match wake {
                Wake::Event(number) => channel.send(&number)?,
                Wake::Closed => break,
            }
        }
        source.join().map_err(|_| Problem::internal_error("the source panicked"))
    });
    transcript.open("4:1", json!({}));
    transcript.expect_ready("4:1");
    for number in 0..20 {
        assert_eq!(transcript.expect_json("4:1"), json!(number));
    }
    transcript.close("4:1");
    while let Message::Data(_) = transcript.next("4:1") {}
    assert!(!transcript.is_open("4:1"));
}

/// The other side writes a lot before it reads anything, as nothing in the protocol forbids. With a peer that blocks on
/// writing, both would wait for ever.
#[test]
fn neither_side_waits_for_the_other() {
    const PINGS: u32 = 20_000;
    let (their_input, mut our_output) = std::io::pipe().unwrap();
    let (mut our_input, their_output) = std::io::pipe().unwrap();
    let peer = thread::spawn(move || vm_security::peer::run(their_input, their_output, misbehave));
    let frame = |control: Value| {
        let text = control.to_string();
        format!("{}\n\n{text}", text.len() + 1).into_bytes()
    };
    let (tell, told) = channel();
    let writer = thread::spawn(move || {
        our_output.write_all(&frame(json!({"command": "init", "version": 1}))).unwrap();
        let open = json!({"command": "open", "channel": "4:1", "payload": "vm-security1", "do": "flood"});
        our_output.write_all(&frame(open)).unwrap();
        for sequence in 0..PINGS {
            let ping = json!({"command": "ping", "channel": "4:1", "sequence": sequence});
            our_output.write_all(&frame(ping)).unwrap();
        }
        our_output.write_all(&frame(json!({"command": "close", "channel": "4:1"}))).unwrap();
        tell.send(our_output).unwrap();
    });
    // Keeps the input open until all was written, then reads.
    let our_output = told.recv_timeout(Duration::from_secs(60)).expect("the peer stopped reading");
    writer.join().unwrap();
    let reader = thread::spawn(move || {
        let mut bytes = Vec::new();
        our_input.read_to_end(&mut bytes).unwrap();
        bytes
    });
    drop(our_output);
    peer.join().unwrap().unwrap();
    let bytes = reader.join().unwrap();
    let pongs = memchr::memmem::find_iter(&bytes, b"\"pong\"").count();
    assert_eq!(pongs, PINGS as usize);
}

/// When nobody takes our output any more, the connection ends with a reason.
#[test]
fn a_broken_output_is_told() {
    let (their_input, mut our_output) = std::io::pipe().unwrap();
    let (our_input, their_output) = std::io::pipe().unwrap();
    drop(our_input);
    let peer = thread::spawn(move || vm_security::peer::run(their_input, their_output, misbehave));
    let text = r#"{"command":"init","version":1}"#;
    let frame = format!("{}\n\n{text}", text.len() + 1);
    let deadline = Instant::now() + Duration::from_secs(20);
    while !peer.is_finished() {
        assert!(Instant::now() < deadline, "the peer goes on");
        // Fails once the peer is gone.
        let _ = our_output.write_all(frame.as_bytes());
        thread::sleep(Duration::from_millis(1));
    }
    let error = format!("{:#}", peer.join().unwrap().unwrap_err());
    assert!(error.starts_with("cannot write: "), "{error}");
}
