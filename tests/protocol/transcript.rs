// SPDX-License-Identifier: LGPL-2.1-or-later
//! The other side of the protocol, for tests that read as a transcript.
//!
//! It plays the one who opens channels: Cockpit's bridge towards a peer, or cockpit-ws towards a bridge. It has a reader of
//! frames of its own, and holds everything that it gets against the law of COCKPIT.md section 2, as the strictest bridge
//! would: a message for a channel that is not open fails the test, whatever the test is about.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

use std::collections::{BTreeMap, VecDeque};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use vm_security::peer::{Channel, Options, PAYLOAD, Problem};

/// Longer than anything takes on a busy machine; only a failing test waits for so long.
const PATIENCE: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Message {
    Control(Value),
    Data(Vec<u8>),
}

/// How the program or the thread ended.
#[derive(Debug)]
pub(crate) struct End {
    pub(crate) ok: bool,
    /// Standard error, or the error of [`vm_security::peer::run`] as main prints it.
    pub(crate) reason: String,
}

enum Other {
    Thread(Receiver<End>),
    Child(Child, Receiver<String>),
}

#[derive(Default)]
struct Seen {
    ready: bool,
    done: bool,
}

pub(crate) struct Transcript {
    other: Other,
    /// `None` after hanging up.
    input: Option<Box<dyn Write + Send>>,
    frames: Receiver<Option<(String, Vec<u8>)>>,
    /// A peer may say nothing without a channel but its init (Python's peer.py). A bridge may.
    is_peer: bool,
    open: BTreeMap<String, Seen>,
    arrived: VecDeque<(String, Message)>,
    ended: bool,
}

impl Transcript {
    /// The library in this process, after both inits.
    pub(crate) fn in_process(view: impl Fn(&Options, &Channel) -> Result<(), Problem> + Send + Sync + 'static) -> Self {
        let mut transcript = Self::in_process_silent(view);
        transcript.greet();
        transcript
    }

    /// As [`Self::in_process`], but nobody has said anything yet.
    pub(crate) fn in_process_silent(
        view: impl Fn(&Options, &Channel) -> Result<(), Problem> + Send + Sync + 'static,
    ) -> Self {
        let (their_input, our_output) = std::io::pipe().expect("a pipe");
        let (our_input, their_output) = std::io::pipe().expect("a pipe");
        let (tell, end) = channel();
        thread::spawn(move || {
            let result = vm_security::peer::run(their_input, their_output, view);
            let reason = result.as_ref().err().map_or_else(String::new, |error| format!("{error:#}"));
            let _ = tell.send(End { ok: result.is_ok(), reason });
        });
        Self::over(Other::Thread(end), our_input, our_output, true)
    }

    /// A peer program, before any init.
    pub(crate) fn peer(command: &mut Command) -> Self {
        Self::child(command, true)
    }

    /// A cockpit-bridge, before any init.
    pub(crate) fn bridge(command: &mut Command) -> Self {
        Self::child(command, false)
    }

    fn child(command: &mut Command, is_peer: bool) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let input = child.stdin.take().expect("stdin");
        let output = child.stdout.take().expect("stdout");
        let mut stderr = child.stderr.take().expect("stderr");
        let (tell, log) = channel();
        thread::spawn(move || {
            let mut text = Vec::new();
            let _ = stderr.read_to_end(&mut text);
            let _ = tell.send(String::from_utf8_lossy(&text).into_owned());
        });
        Self::over(Other::Child(child, log), output, input, is_peer)
    }

    fn over(
        other: Other,
        output: impl Read + Send + 'static,
        input: impl Write + Send + 'static,
        is_peer: bool,
    ) -> Self {
        let (tell, frames) = channel();
        thread::spawn(move || {
            let mut output = BufReader::new(output);
            while let Some(frame) = read_frame(&mut output) {
                if tell.send(Some(frame)).is_err() {
                    return;
                }
            }
            let _ = tell.send(None);
        });
        let input: Box<dyn Write + Send> = Box::new(input);
        Self {
            other,
            input: Some(input),
            frames,
            is_peer,
            open: BTreeMap::new(),
            arrived: VecDeque::new(),
            ended: false,
        }
    }

    /// Gets the other side's init, which comes first and unasked, and answers it.
    pub(crate) fn greet(&mut self) -> Value {
        let init = self.expect_init();
        let mut answer = json!({"command": "init", "version": 1, "host": "localhost"});
        if !self.is_peer {
            // cockpit-ws says this when the user has not asked for administrative access.
            answer["superuser"] = json!(false);
        }
        self.send(&answer);
        init
    }

    pub(crate) fn expect_init(&mut self) -> Value {
        let frame = self.frames.recv_timeout(PATIENCE).expect("an init in time").expect("an init before the end");
        assert_eq!(frame.0, "", "the first message is control");
        let init: Value = serde_json::from_slice(&frame.1).expect("an init in JSON");
        assert_eq!((&init["command"], &init["version"]), (&json!("init"), &json!(1)));
        init
    }

    // What we say.

    pub(crate) fn send(&mut self, control: &Value) {
        self.send_frame("", control.to_string().as_bytes());
    }

    pub(crate) fn send_frame(&mut self, channel: &str, payload: &[u8]) {
        let mut bytes = format!("{}\n{channel}\n", channel.len() + 1 + payload.len()).into_bytes();
        bytes.extend_from_slice(payload);
        self.send_bytes(&bytes);
    }

    /// Bytes as they are. A side that has ended does not take them, which the end will tell.
    pub(crate) fn send_bytes(&mut self, bytes: &[u8]) {
        let input = self.input.as_mut().expect("not hung up");
        let _ = input.write_all(bytes).and_then(|()| input.flush());
    }

    /// Opens a channel with our payload, as the page's library does it, and these options.
    pub(crate) fn open(&mut self, channel: &str, options: Value) {
        // cockpit.js adds both of these to each open.
        let mut open = json!({"payload": PAYLOAD, "host": "localhost", "flow-control": true});
        let fields = open.as_object_mut().expect("an object");
        let Value::Object(options) = options else { panic!("options are an object") };
        fields.extend(options);
        self.open_exactly(channel, &open);
    }

    /// Opens a channel with these attributes and no others.
    pub(crate) fn open_exactly(&mut self, channel: &str, attributes: &Value) {
        let mut open = attributes.clone();
        open["command"] = json!("open");
        open["channel"] = json!(channel);
        self.open.insert(channel.to_owned(), Seen::default());
        self.send(&open);
    }

    pub(crate) fn close(&mut self, channel: &str) {
        self.send(&json!({"command": "close", "channel": channel}));
    }

    // What we must get. Channels are independent: each of these looks at the next message of its own channel.

    pub(crate) fn next(&mut self, channel: &str) -> Message {
        self.next_within(channel, PATIENCE).unwrap_or_else(|| panic!("nothing on {channel} in time"))
    }

    pub(crate) fn expect_control(&mut self, channel: &str, command: &str) -> Value {
        match self.next(channel) {
            Message::Control(control) if control["command"] == command => control,
            other => panic!("wanted {command} on {channel}, got {other:?}"),
        }
    }

    pub(crate) fn expect_ready(&mut self, channel: &str) {
        self.expect_control(channel, "ready");
    }

    pub(crate) fn expect_json(&mut self, channel: &str) -> Value {
        match self.next(channel) {
            Message::Data(payload) => serde_json::from_slice(&payload).expect("a message in JSON"),
            other @ Message::Control(_) => panic!("wanted data on {channel}, got {other:?}"),
        }
    }

    pub(crate) fn expect_done(&mut self, channel: &str) {
        self.expect_control(channel, "done");
    }

    /// A close without a problem.
    pub(crate) fn expect_close(&mut self, channel: &str) {
        let close = self.expect_control(channel, "close");
        assert_eq!(close.get("problem"), None, "{close}");
    }

    /// A close with this problem; gives its message.
    pub(crate) fn expect_problem(&mut self, channel: &str, code: &str) -> String {
        let close = self.expect_control(channel, "close");
        assert_eq!(close["problem"], code, "{close}");
        close["message"].as_str().unwrap_or_default().to_owned()
    }

    /// The other side is alive and has dealt with all that it was sent: it answers a ping on this open channel.
    pub(crate) fn expect_pong(&mut self, channel: &str) {
        let ping = json!({"command": "ping", "channel": channel, "sequence": 16384, "extra": {"a": [1, "b"]}});
        self.send(&ping);
        let mut answer = self.expect_control(channel, "pong");
        answer["command"] = json!("ping");
        assert_eq!(answer, ping);
    }

    pub(crate) fn is_open(&self, channel: &str) -> bool {
        self.open.contains_key(channel)
    }

    /// Closes the input and waits for the end, which must come soon whatever is still at work.
    pub(crate) fn hang_up(mut self) -> End {
        self.hang_up_input();
        self.wait_end()
    }

    /// Closes the input, but goes on listening.
    pub(crate) fn hang_up_input(&mut self) {
        self.input = None;
    }

    /// Waits for an end that comes although we have not hung up.
    pub(crate) fn wait_end(&mut self) -> End {
        while !self.ended {
            self.receive(Instant::now() + PATIENCE).expect("the end of the output in time");
        }
        match &mut self.other {
            Other::Thread(end) => end.recv_timeout(PATIENCE).expect("the end in time"),
            Other::Child(child, log) => {
                let deadline = Instant::now() + PATIENCE;
                let status = loop {
                    if let Some(status) = child.try_wait().expect("a child to wait for") {
                        break status;
                    }
                    assert!(Instant::now() < deadline, "the program does not end");
                    thread::sleep(Duration::from_millis(5));
                };
                // Its own children may hold standard error open for longer.
                let reason = log.recv_timeout(Duration::from_secs(2)).unwrap_or_default();
                End { ok: status.success(), reason }
            }
        }
    }

    fn next_within(&mut self, channel: &str, patience: Duration) -> Option<Message> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(index) = self.arrived.iter().position(|(id, _)| id == channel) {
                return self.arrived.remove(index).map(|(_, message)| message);
            }
            assert!(!self.ended, "the other side ended, wanted a message on {channel}");
            self.receive(deadline)?;
        }
    }

    /// Takes one frame, or the end, into account; `None` when none comes before the deadline.
    fn receive(&mut self, deadline: Instant) -> Option<()> {
        match self.frames.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
            Ok(Some((channel, payload))) => self.judge(channel, payload),
            Ok(None) | Err(RecvTimeoutError::Disconnected) => self.ended = true,
            Err(RecvTimeoutError::Timeout) => return None,
        }
        Some(())
    }

    /// The law: nothing about a channel that is not open, exactly one close, ready and done at most once.
    fn judge(&mut self, channel: String, payload: Vec<u8>) {
        if !channel.is_empty() {
            let seen = self.open.get(&channel).unwrap_or_else(|| panic!("data on {channel:?}, which is not open"));
            assert!(seen.ready && !seen.done, "data on {channel} before ready or after done");
            self.arrived.push_back((channel, Message::Data(payload)));
            return;
        }
        let control: Value = serde_json::from_slice(&payload).expect("control in JSON");
        let command = control["command"].as_str().expect("a command").to_owned();
        let Some(channel) = control["channel"].as_str().map(str::to_owned) else {
            assert!(!self.is_peer, "a peer says nothing without a channel: {control}");
            return;
        };
        let seen = self.open.get_mut(&channel);
        let seen = seen.unwrap_or_else(|| panic!("about {channel:?}, which is not open: {control}"));
        match command.as_str() {
            "ready" => assert!(!std::mem::replace(&mut seen.ready, true), "ready twice"),
            "done" => {
                assert!(seen.ready, "done before ready");
                assert!(!std::mem::replace(&mut seen.done, true), "done twice");
            }
            "close" => {
                self.open.remove(&channel);
            }
            "pong" => {}
            other => panic!("not for a page: {other}"),
        }
        self.arrived.push_back((channel, Message::Control(control)));
    }
}

impl Drop for Transcript {
    fn drop(&mut self) {
        // What still comes is held against the law too, until the end that each test has.
        if !thread::panicking() && !self.ended {
            self.hang_up_input();
            self.wait_end();
        }
        // A failed test must leave no process behind.
        if let Other::Child(child, _) = &mut self.other {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// One frame, or `None` at the end of the input.
fn read_frame(input: &mut impl BufRead) -> Option<(String, Vec<u8>)> {
    let mut line = String::new();
    if input.read_line(&mut line).expect("a length line") == 0 {
        return None;
    }
    let length = line.strip_suffix('\n').and_then(|digits| digits.parse().ok()).expect("a length");
    let mut body = vec![0; length];
    input.read_exact(&mut body).expect("a whole frame");
    let newline = body.iter().position(|&byte| byte == b'\n').expect("a channel line");
    let payload = body.split_off(newline + 1);
    body.pop();
    Some((String::from_utf8(body).expect("a channel in ASCII"), payload))
}
