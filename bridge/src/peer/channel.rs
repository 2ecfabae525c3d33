// SPDX-License-Identifier: LGPL-2.1-or-later
//! The open channels, and what a view may do with its own.
//!
//! Cockpit's Python bridge hangs for the rest of the session when it gets a `close` for a channel that it does not have
//! open (COCKPIT.md section 2, trap 1). So there is one map of open channels under one lock; a `close` is sent only by
//! whoever takes the entry out of the map, and nothing about a channel is sent but under that lock and with the entry in it.

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value, json};

use super::frame;
use super::outbox::Outbox;
use super::problem::Problem;

/// Characters of a problem's message that are sent.
const MAX_MESSAGE: usize = 4096;

struct Entry {
    /// Tells this channel from an earlier one with the same id, whose view may still be running.
    serial: u64,
    group: Option<String>,
    ready: bool,
    token: CloseToken,
}

#[derive(Default)]
struct Open {
    channels: HashMap<String, Entry>,
    last_serial: u64,
}

/// All open channels of one connection.
pub(super) struct Registry {
    open: Mutex<Open>,
    outbox: Arc<Outbox>,
}

impl Registry {
    pub(super) fn new(outbox: Arc<Outbox>) -> Arc<Self> {
        Arc::new(Self { open: Mutex::default(), outbox })
    }

    /// Takes up a channel; `None` when the id is in use.
    pub(super) fn open(self: &Arc<Self>, id: &str, group: Option<String>) -> Option<Channel> {
        let mut open = self.lock();
        if open.channels.contains_key(id) {
            return None;
        }
        open.last_serial += 1;
        let serial = open.last_serial;
        let token = CloseToken::default();
        open.channels.insert(id.to_owned(), Entry { serial, group, ready: false, token: token.clone() });
        Some(Channel { id: id.into(), serial, token, registry: Arc::clone(self) })
    }

    /// Ends the channel if it is open.
    pub(super) fn close(&self, id: &str, problem: Option<&Problem>) {
        let mut open = self.lock();
        if let Some(entry) = open.channels.remove(id) {
            self.push_close(id, problem);
            drop(open);
            self.tell_closed(&entry.token);
        }
    }

    /// Ends the channels of one group, or all of them.
    pub(super) fn kill(&self, group: Option<&str>) {
        let problem = Problem::terminated("the page that used the channel went away");
        let mut open = self.lock();
        let killed: Vec<_> =
            open.channels.extract_if(|_, entry| group.is_none() || entry.group.as_deref() == group).collect();
        for (id, _) in &killed {
            self.push_close(id, Some(&problem));
        }
        drop(open);
        for (_, entry) in killed {
            self.tell_closed(&entry.token);
        }
    }

    /// Answers a ping on an open channel with all that was in it.
    pub(super) fn pong(&self, id: &str, mut fields: Map<String, Value>) {
        let open = self.lock();
        if open.channels.contains_key(id) {
            fields.insert("command".into(), "pong".into());
            self.push_control(&Value::Object(fields));
        }
    }

    /// The connection is over: nothing can be said any more, but the views are to stop.
    pub(super) fn abandon(&self) {
        let channels = std::mem::take(&mut self.lock().channels);
        for entry in channels.into_values() {
            self.tell_closed(&entry.token);
        }
    }

    fn push_close(&self, id: &str, problem: Option<&Problem>) {
        self.push_control(&match problem {
            None => json!({"command": "close", "channel": id}),
            Some(Problem { code, message }) => {
                // Messages quote what others wrote; an endless one must not cost the channel its only close.
                let message: String = message.chars().take(MAX_MESSAGE).collect();
                json!({"command": "close", "channel": id, "problem": code, "message": message})
            }
        });
    }

    fn push_ready(&self, id: &str, entry: &mut Entry) {
        if !entry.ready {
            entry.ready = true;
            self.push_control(&json!({"command": "ready", "channel": id}));
        }
    }

    fn push_control(&self, message: &Value) {
        // Never too large: messages are cut, and what is echoed came in well below the limit for writing.
        if let Ok(bytes) = frame::encode("", message.to_string().as_bytes()) {
            self.outbox.push(bytes);
        }
    }

    /// Not under the lock: callbacks run here.
    fn tell_closed(&self, token: &CloseToken) {
        token.fire();
        self.outbox.nudge();
    }

    /// No foreign code runs under this lock, so a poisoned one still holds a sound state.
    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One channel, as its view sees it. Clones are the same channel and may go to other threads.
///
/// Once the channel is closed, by the page, by its view or by the end of the connection, nothing that is done with it
/// has any effect.
#[derive(Clone)]
pub struct Channel {
    id: Arc<str>,
    serial: u64,
    token: CloseToken,
    registry: Arc<Registry>,
}

impl Channel {
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Tells the page that its options were good. Comes by itself with the first [`Self::send`], so it is only needed
    /// when that takes a while. Once only; later calls do nothing.
    pub fn ready(&self) -> Result<(), Problem> {
        self.if_open(|entry| self.registry.push_ready(&self.id, entry))
    }

    /// Sends one JSON message. Blocks while the other side does not read.
    ///
    /// Fails when the channel is closed, so that `?` ends a view that nobody listens to, and when the message cannot be
    /// said in JSON or within one frame ([`frame::MAX_WRITE`]).
    pub fn send(&self, message: &impl Serialize) -> Result<(), Problem> {
        let text = serde_json::to_vec(message)
            .map_err(|error| Problem::internal_error(format!("cannot write a message as JSON: {error}")))?;
        let bytes = frame::encode(&self.id, &text)
            .map_err(|error| Problem::internal_error(format!("cannot send a message: {error}")))?;
        drop(text);
        self.registry.outbox.wait_for_room(|| self.token.is_closed());
        self.if_open(|entry| {
            self.registry.push_ready(&self.id, entry);
            self.registry.outbox.push(bytes);
        })
    }

    pub fn is_closed(&self) -> bool {
        self.token.is_closed()
    }

    /// Sleeps until the channel is closed (true) or the time is over (false).
    pub fn wait_closed(&self, timeout: Duration) -> bool {
        self.token.wait_closed(timeout)
    }

    /// See [`CloseToken::on_close`].
    pub fn on_close(&self, callback: impl FnOnce() + Send + 'static) {
        self.token.on_close(callback);
    }

    /// What other threads need to know when to stop.
    pub fn close_token(&self) -> CloseToken {
        self.token.clone()
    }

    /// The view is over. Says so to the page, unless the channel was closed before.
    pub(super) fn finish(&self, result: Result<(), Problem>) {
        let mut open = self.registry.lock();
        let Some(entry) = open.channels.get_mut(&*self.id).filter(|entry| entry.serial == self.serial) else { return };
        match result {
            Ok(()) => {
                self.registry.push_ready(&self.id, entry);
                self.registry.push_control(&json!({"command": "done", "channel": &*self.id}));
                self.registry.push_close(&self.id, None);
            }
            Err(problem) => self.registry.push_close(&self.id, Some(&problem)),
        }
        open.channels.remove(&*self.id);
        drop(open);
        self.registry.tell_closed(&self.token);
    }

    fn if_open(&self, act: impl FnOnce(&mut Entry)) -> Result<(), Problem> {
        let mut open = self.registry.lock();
        match open.channels.get_mut(&*self.id).filter(|entry| entry.serial == self.serial) {
            Some(entry) => {
                act(entry);
                Ok(())
            }
            // Nobody gets to see this one: it cannot be sent any more.
            None => Err(Problem::terminated("the channel is closed")),
        }
    }
}

type Callback = Box<dyn FnOnce() + Send>;

struct Closing {
    /// `None` once the channel is closed.
    callbacks: Mutex<Option<Vec<Callback>>>,
    changed: Condvar,
}

/// Whether a channel is closed, and a way to be woken when it is. Cheap to clone.
#[derive(Clone)]
pub struct CloseToken(Arc<Closing>);

impl Default for CloseToken {
    fn default() -> Self {
        Self(Arc::new(Closing { callbacks: Mutex::new(Some(Vec::new())), changed: Condvar::new() }))
    }
}

impl CloseToken {
    pub fn is_closed(&self) -> bool {
        self.lock().is_none()
    }

    /// Sleeps until the channel is closed (true) or the time is over (false).
    pub fn wait_closed(&self, timeout: Duration) -> bool {
        let (callbacks, _) = self
            .0
            .changed
            .wait_timeout_while(self.lock(), timeout, |callbacks| callbacks.is_some())
            .unwrap_or_else(PoisonError::into_inner);
        callbacks.is_none()
    }

    /// Runs the callback once when the channel is closed, whoever closes it; at once if it is.
    ///
    /// It must not block: it runs in the thread that reads for all channels. What it is for: a view that waits for
    /// events on an `mpsc::Receiver` sends itself one more kind of event from here.
    pub fn on_close(&self, callback: impl FnOnce() + Send + 'static) {
        let mut callbacks = self.lock();
        if let Some(callbacks) = callbacks.as_mut() {
            callbacks.push(Box::new(callback));
        } else {
            drop(callbacks);
            callback();
        }
    }

    fn fire(&self) {
        let callbacks = self.lock().take();
        self.0.changed.notify_all();
        for callback in callbacks.into_iter().flatten() {
            // A view's mistake must not end the thread that reads for all channels. The panic hook has told the log.
            let _ = catch_unwind(AssertUnwindSafe(callback));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<Callback>>> {
        self.0.callbacks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
