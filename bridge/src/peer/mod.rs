// SPDX-License-Identifier: LGPL-2.1-or-later
//! Cockpit's peer protocol on a byte stream: what `cockpit-bridge` speaks to the programs that its manifests name.
//!
//! - [`frame`]: bytes ⇄ frames; knows no JSON.
//! - [`control`]: the control messages that a peer may get, and the options of an `open`.
//! - [`problem`]: why a channel ended badly.
//! - [`channel`]: the open channels, and the one lock that keeps "exactly one `close` each" true.
//! - [`outbox`]: what waits to be written, so that nobody but one thread blocks on the other side.
//! - [`peer`]: the connection: `init`, dispatch, end of file.
//!
//! A *view* is the code behind one channel: a function from the options of the `open` and a [`Channel`] to the way it
//! ends. It runs in a thread of its own, may block, and may panic without harm to anything but its own channel.
//!
//! Flow control is left out on purpose: it matters for streams past 2 MiB, and a report is some 10 KiB.

pub mod audit_channel;
pub mod channel;
pub mod control;
pub mod frame;
mod outbox;
#[allow(clippy::module_inception, reason = "the module is named after the role that the protocol gives this program")]
pub mod peer;
pub mod problem;
mod watch;

pub use channel::{Channel, CloseToken};
pub use control::Options;
pub use peer::{PAYLOAD, run, serve_stdio};
pub use problem::Problem;
