// SPDX-License-Identifier: LGPL-2.1-or-later
//! The connection: `init`, one thread that reads and dispatches, one thread per open channel, and the end.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};

use super::channel::{Channel, Registry};
use super::control::{Control, Options, check_init};
use super::frame::{self, FrameReader};
use super::outbox::Outbox;
use super::problem::Problem;

/// The payload that this program's channels are opened with, as in the page's manifest.
pub const PAYLOAD: &str = "vm-security1";

/// All that we have to say of ourselves. No capabilities: `explicit-superuser` would change what the C bridge sends.
const INIT: &[u8] = br#"{"command":"init","version":1}"#;

/// How long the last answers may take to leave after the other side has sent its last. It has hung up, so not long.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// [`run`] on standard input and output, with standard output kept for the protocol alone.
///
/// The protocol moves to a descriptor of its own, which no child process inherits, and descriptor 1 becomes a second
/// standard error: what a C library prints by mistake must not end in the middle of a frame.
pub fn serve_stdio(view: impl Fn(&Options, &Channel) -> Result<(), Problem> + Send + Sync + 'static) -> Result<()> {
    let output = io::stdout().as_fd().try_clone_to_owned().context("cannot duplicate standard output")?;
    rustix::stdio::dup2_stdout(io::stderr()).context("cannot redirect standard output")?;
    // A File and not Stdout, which would cut each frame at its newlines.
    run(io::stdin().lock(), File::from(output), view)
}

/// Speaks the protocol until the input ends, which is the normal end and gives `Ok`.
///
/// `view` is called for each channel, in a thread of its own, with the options of the `open` and the channel:
/// - `Ok(())` ends the channel with `done` and `close`;
/// - `Err(problem)` ends it with one `close` that carries the problem. Before the first [`Channel::send`] or
///   [`Channel::ready`], the page never sees the channel become ready: the way to refuse options;
/// - a panic ends it with `internal-error`.
///
/// At the end of the input, views that still run find their channel closed; `run` does not wait for them.
///
/// An error means that the connection cannot go on: malformed frames or control messages, another protocol version, an
/// input or output that fails. Its text is one line.
pub fn run(
    input: impl Read,
    output: impl Write + Send + 'static,
    view: impl Fn(&Options, &Channel) -> Result<(), Problem> + Send + Sync + 'static,
) -> Result<()> {
    let outbox = Outbox::start(output).context("cannot start the thread that writes")?;
    let peer = Peer { registry: Registry::new(Arc::clone(&outbox)), outbox, view: Arc::new(view) };
    let result = peer.converse(input);
    peer.registry.abandon();
    peer.outbox.end(LAST_WORDS);
    result
}

struct Peer<V> {
    registry: Arc<Registry>,
    outbox: Arc<Outbox>,
    view: Arc<V>,
}

impl<V: Fn(&Options, &Channel) -> Result<(), Problem> + Send + Sync + 'static> Peer<V> {
    fn converse(&self, input: impl Read) -> Result<()> {
        // The other side is silent until it has this.
        self.outbox.push(frame::encode("", INIT)?);
        let mut frames = FrameReader::new(input);
        let mut greeted = false;
        while let Some(frame) = frames.next_frame()? {
            if let Some(error) = self.outbox.take_error() {
                return Err(error).context("cannot write");
            }
            // Pages have nothing to say to a view after its open, so data is dropped.
            let control = if frame.channel.is_empty() { Control::parse(&frame.payload)? } else { Control::Ignored };
            match control {
                Control::Init(init) => {
                    check_init(&init).map_err(anyhow::Error::msg)?;
                    greeted = true;
                }
                _ if !greeted => bail!("the other side's first message is not its init"),
                control => self.dispatch(control),
            }
        }
        Ok(())
    }

    fn dispatch(&self, control: Control) {
        match control {
            Control::Open { channel, options } => self.open(&channel, options),
            // Also when the page closes: the bridge keeps the channel until we answer.
            Control::Close { channel } => self.registry.close(&channel, None),
            Control::Options { channel } => {
                let problem = Problem::not_supported("this channel takes no options after its open");
                self.registry.close(&channel, Some(&problem));
            }
            Control::Ping { channel, fields } => self.registry.pong(&channel, fields),
            Control::Kill { host: None, group } => self.registry.kill(group.as_deref()),
            // A kill for some host is for the bridge that reaches it, not for the channels here.
            Control::Kill { host: Some(_), .. } | Control::Init(_) | Control::Ignored => {}
            Control::Unusable(why) => log(&format!("ignored a control message: {why}")),
        }
    }

    fn open(&self, id: &str, options: Options) {
        let group = options.get_str("group").ok().flatten().map(str::to_owned);
        let Some(channel) = self.registry.open(id, group) else {
            // Nobody could tell any more which of the two a message is for. For the other side it is one channel, so
            // it gets one close.
            let problem = Problem::protocol_error("the channel was opened a second time");
            self.registry.close(id, Some(&problem));
            return;
        };
        if let Err(problem) = check_open(id, &options) {
            channel.finish(Err(problem));
            return;
        }
        let view = Arc::clone(&self.view);
        let worker = channel.clone();
        let spawned = thread::Builder::new().name(format!("channel {id}")).spawn(move || {
            let result = catch_unwind(AssertUnwindSafe(|| view(&options, &worker)));
            worker.finish(result.unwrap_or_else(|_| {
                // The panic hook has told standard error where; that is nothing for a page.
                Err(Problem::internal_error("the program failed while it worked on this; its log says where"))
            }));
        });
        if let Err(error) = spawned {
            channel.finish(Err(Problem::internal_error(format!("cannot start a thread: {error}"))));
        }
    }
}

/// What holds for each open, whatever its view.
fn check_open(id: &str, options: &Options) -> Result<(), Problem> {
    if !id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Problem::protocol_error("the attribute \"channel\" must be printable ASCII without spaces"));
    }
    options.get_str("group")?;
    let payload = options.require_str("payload")?;
    if payload != PAYLOAD {
        return Err(Problem::not_supported(format!("this program has no channels with the payload {payload:?}")));
    }
    Ok(())
}

/// One line for the journal, which is where Cockpit leads a peer's standard error.
fn log(line: &str) {
    // Without a standard error there is nobody to tell.
    let _ = writeln!(io::stderr(), "cockpit-vm-security: {line}");
}
