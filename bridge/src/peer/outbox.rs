// SPDX-License-Identifier: LGPL-2.1-or-later
//! What waits to be written, and the one thread that writes it.
//!
//! The thread that reads must never block on writing: if the other side does the same, neither ever reads again. So
//! everything goes through a queue. Short answers are always taken; who sends reports waits for room first.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Past this many waiting bytes, [`Outbox::wait_for_room`] waits. Cockpit's own window of flow control has this size.
const ROOM: usize = 2 * 1024 * 1024;

#[derive(Default)]
struct State {
    queue: VecDeque<Vec<u8>>,
    /// Bytes in the queue and in the write under way.
    waiting: usize,
    /// Nothing more will come: write what is there, then let go of the output.
    ending: bool,
    /// The writer has let go of the output.
    ended: bool,
    broken: Option<io::Error>,
}

pub(super) struct Outbox {
    state: Mutex<State>,
    /// Something happened that the writer or somebody waiting for room or for the end may want to know.
    changed: Condvar,
}

impl Outbox {
    /// Starts the thread that writes: each frame with one write, then a flush.
    pub(super) fn start(output: impl Write + Send + 'static) -> io::Result<Arc<Self>> {
        let outbox = Arc::new(Self { state: Mutex::default(), changed: Condvar::new() });
        let writer = Arc::clone(&outbox);
        thread::Builder::new().name("writer".into()).spawn(move || writer.write_all(output))?;
        Ok(outbox)
    }

    /// Queues one frame; never blocks. After a failed write, or after [`Self::end`], frames are dropped.
    pub(super) fn push(&self, frame: Vec<u8>) {
        let mut state = self.lock();
        if !state.ending && state.broken.is_none() {
            state.waiting += frame.len();
            state.queue.push_back(frame);
            self.changed.notify_all();
        }
    }

    /// Blocks while too much is waiting, until `given_up` says that the caller has nothing to send any more.
    /// Whoever makes `given_up` true calls [`Self::nudge`] afterwards.
    pub(super) fn wait_for_room(&self, given_up: impl Fn() -> bool) {
        let mut state = self.lock();
        while state.waiting > ROOM && state.broken.is_none() && !state.ending && !given_up() {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Makes everybody in [`Self::wait_for_room`] look again.
    pub(super) fn nudge(&self) {
        let _state = self.lock();
        self.changed.notify_all();
    }

    /// Why nothing can be written any more; told once.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        let mut state = self.lock();
        let error = state.broken.take()?;
        state.ending = true;
        Some(error)
    }

    /// Writes what is queued, for at most `patience`, and lets go of the output.
    pub(super) fn end(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        let mut state = self.lock();
        state.ending = true;
        self.changed.notify_all();
        while !state.ended {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn write_all(&self, mut output: impl Write) {
        while let Some(frame) = self.next() {
            let result = output.write_all(&frame).and_then(|()| output.flush());
            let mut state = self.lock();
            state.waiting -= frame.len();
            if let Err(error) = result {
                state.queue.clear();
                state.waiting = 0;
                state.broken = Some(error);
            }
            self.changed.notify_all();
        }
        // The other side sees the end of the file before anybody is told that this is the end.
        drop(output);
        self.lock().ended = true;
        self.changed.notify_all();
    }

    /// The next frame to write; `None` when there will be none.
    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.lock();
        loop {
            if state.broken.is_some() {
                return None;
            }
            if let Some(frame) = state.queue.pop_front() {
                return Some(frame);
            }
            if state.ending {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No foreign code runs under this lock, so a poisoned one still holds a sound state.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
