// SPDX-License-Identifier: LGPL-2.1-or-later
//! One service on a bus, asked without starting it.

use std::future::{Future, poll_fn};
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Poll, Waker};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use zbus::wire::{DynamicType, Type};
use zbus::{Connection, MatchRule, MessageStream, OwnedVariant, connection, fdo, message};

use super::super::Gap;

const BUS: &str = "org.freedesktop.DBus";
/// A service that answers each question in time may take as many times that for all of them. firewalld is asked three for
/// each zone, and on a busy host it needs more than the time of one answer for these.
const TOGETHER: u32 = 5;

/// A service's own connection to the bus. Calls go to its unique name, for which a bus never starts anything.
pub(super) struct Peer {
    connection: Connection,
    owner: String,
    service: &'static str,
    limit: Duration,
}

/// Asks a service, which has `limit` for each answer. Whatever happens, no connection and no thread is left behind.
pub(super) fn ask<T, F>(
    address: &str,
    service: &'static str,
    limit: Duration,
    questions: impl FnOnce(Peer) -> F,
) -> Result<T, Gap>
where
    F: Future<Output = Result<T, Gap>>,
{
    let work = async { questions(Peer::find(address, service, limit).await?).await };
    let together = limit * TOGETHER;
    zbus::block_on(within(together, work)).unwrap_or_else(|| {
        let seconds = together.as_secs_f32();
        Err(Gap::new(service, format!("{service} did not answer all questions within {seconds} seconds")))
    })
}

/// What people call the program behind a name on the bus.
fn program(service: &str) -> &str {
    match service {
        "org.freedesktop.systemd1" => "systemd",
        "org.freedesktop.PolicyKit1" => "polkit",
        "org.fedoraproject.FirewallD1" => "firewalld",
        _ => service.rsplit('.').next().unwrap_or(service),
    }
}

fn silent(service: &str, limit: Duration) -> Gap {
    Gap::new(service, format!("{service} did not answer within {} seconds", limit.as_secs_f32()))
}

impl Peer {
    async fn find(address: &str, service: &'static str, limit: Duration) -> Result<Self, Gap> {
        let connecting = connection::Builder::address(address).method_timeout(limit).build();
        let connected = within(limit, connecting).await.ok_or_else(|| silent(service, limit))?;
        let connection = connected.map_err(|error| {
            Gap::new(address, format!("the system bus at {address} could not be reached ({error})"))
        })?;
        let bus = Self { connection, owner: BUS.to_owned(), service, limit };
        let owner = bus.connection.call_method(Some(BUS), "/org/freedesktop/DBus", Some(BUS), "GetNameOwner", &service);
        match owner.await {
            Ok(reply) => {
                Ok(Self { owner: reply.body().deserialize().map_err(|error| bus.gap("GetNameOwner", &error))?, ..bus })
            }
            Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::NameHasNoOwner(_)) => {
                Err(Gap::new(service, format!("{} does not run", program(service))))
            }
            Err(error) => Err(bus.gap("GetNameOwner", &error)),
        }
    }

    pub(super) async fn call<B, R>(&self, path: &str, interface: &str, method: &str, body: &B) -> Result<R, Gap>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let reply = self.try_call(path, interface, method, body).await;
        reply.map_err(|error| self.gap(method, &error))
    }

    /// As `call`, for a method that an older service may not have: `None` then.
    pub(super) async fn call_if_known<B, R>(
        &self,
        path: &str,
        interface: &str,
        method: &str,
        body: &B,
    ) -> Result<Option<R>, Gap>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        match self.try_call(path, interface, method, body).await {
            Err(zbus::Error::FDO(error)) if matches!(*error, fdo::Error::UnknownMethod(_)) => Ok(None),
            reply => reply.map(Some).map_err(|error| self.gap(method, &error)),
        }
    }

    pub(super) async fn property<T>(&self, path: &str, interface: &str, name: &str) -> Result<T, Gap>
    where
        T: TryFrom<OwnedVariant, Error = zbus::Error>,
    {
        let body = (interface, name);
        let value: OwnedVariant = self.call(path, "org.freedesktop.DBus.Properties", "Get", &body).await?;
        value.try_into().map_err(|error| self.gap(name, &error))
    }

    /// What an object of the service's says from now on.
    pub(super) async fn signals(&self, path: &str, interface: &str) -> Result<MessageStream, Gap> {
        let rule = MatchRule::builder().msg_type(message::Type::Signal).sender(self.owner.as_str());
        let stream = match rule.path(path).interface(interface).build() {
            Ok(rule) => MessageStream::for_match_rule(rule, &self.connection, None).await,
            Err(error) => Err(error),
        };
        stream.map_err(|error| self.gap("AddMatch", &error))
    }

    async fn try_call<B, R>(&self, path: &str, interface: &str, method: &str, body: &B) -> zbus::Result<R>
    where
        B: Serialize + DynamicType,
        R: DeserializeOwned + Type,
    {
        let owner = Some(self.owner.as_str());
        let reply = self.connection.call_method(owner, path, Some(interface), method, body).await?;
        reply.body().deserialize()
    }

    /// A question that failed. What is refused to a user can be had with administrative access.
    fn gap(&self, question: &str, error: &zbus::Error) -> Gap {
        if matches!(error, zbus::Error::InputOutput(error) if error.kind() == ErrorKind::TimedOut) {
            return silent(self.service, self.limit);
        }
        let origin = format!("{}: {question}", self.service);
        if refused(error) && !rustix::process::geteuid().is_root() {
            return Gap::needs_admin(origin);
        }
        Gap::new(origin, format!("{} did not answer {question} ({error})", self.service))
    }
}

fn refused(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::FDO(error) => matches!(
            **error,
            fdo::Error::AccessDenied(_) | fdo::Error::AuthFailed(_) | fdo::Error::InteractiveAuthorizationRequired(_)
        ),
        // firewalld's own: org.fedoraproject.FirewallD1.NotAuthorizedException, polkit's: …Error.NotAuthorized.
        zbus::Error::MethodError(name, ..) => name.contains("NotAuthorized"),
        _ => false,
    }
}

/// What `work` gives, or `None` when the time is over first.
pub(super) async fn within<T>(limit: Duration, work: impl Future<Output = T>) -> Option<T> {
    let timer = Timer::start(limit);
    let mut work = pin!(work);
    poll_fn(|context| match work.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if timer.is_over(context.waker()) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    })
    .await
}

/// Wakes a future when its time is over. zbus has a time limit for each answer, but none for connecting nor for all together.
struct Timer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    waker: Option<Waker>,
    cancelled: bool,
    /// Set by the thread before it wakes, which it does once: a clock read by the future could lag behind it.
    over: bool,
}

impl Timer {
    fn start(limit: Duration) -> Self {
        let shared = Arc::<Shared>::default();
        let of_thread = Arc::clone(&shared);
        let thread = thread::spawn(move || {
            let state = of_thread.state.lock().unwrap_or_else(PoisonError::into_inner);
            let waited = of_thread.changed.wait_timeout_while(state, limit, |state| !state.cancelled);
            let (mut state, _) = waited.unwrap_or_else(PoisonError::into_inner);
            state.over = true;
            if let Some(waker) = state.waker.take() {
                waker.wake();
            }
        });
        Self { shared, thread: Some(thread) }
    }

    fn is_over(&self, waker: &Waker) -> bool {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waker = Some(waker.clone());
        state.over
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut state = self.shared.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.cancelled = true;
        state.waker = None;
        drop(state);
        self.shared.changed.notify_all();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_limit_ends_what_never_does_however_often() {
        for _ in 0..300 {
            let never = within(Duration::from_micros(200), std::future::pending::<()>());
            assert_eq!(zbus::block_on(never), None);
        }
        assert_eq!(zbus::block_on(within(Duration::from_secs(60), std::future::ready(1))), Some(1));
    }
}
