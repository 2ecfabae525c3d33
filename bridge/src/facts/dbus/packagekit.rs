// SPDX-License-Identifier: LGPL-2.1-or-later
//! What PackageKit knows about updates, from the lists of packages that it has already: asking fetches nothing and changes nothing.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use zbus::export::futures_core::Stream;
use zbus::{Message, MessageStream, OwnedObjectPath};

use super::super::updates::{Update, Updates};
use super::super::{Fact, Gap};
use super::peer::{ask, within};

const SERVICE: &str = "org.freedesktop.PackageKit";
const PATH: &str = "/org/freedesktop/PackageKit";
const TRANSACTION: &str = "org.freedesktop.PackageKit.Transaction";
const ORIGIN: &str = "org.freedesktop.PackageKit: GetUpdates";

// Numbers of lib/packagekit-glib2/pk-enum.h, which Cockpit's pkg/lib/packagekit.js has too.
const ROLE_REFRESH_CACHE: u32 = 13;
const INFO_SECURITY: u32 = 8;
const EXIT_SUCCESS: u32 = 1;
/// The age of something that never was (`G_MAXUINT`).
const NEVER: u32 = u32::MAX;

/// Lists of any age will do (`G_MAXUINT`), so that none is fetched, and nobody is asked for a password.
const HINTS: [&str; 3] = ["cache-age=4294967295", "background=true", "interactive=false"];
/// A host that was never updated since its installation has a thousand or two.
const LIMIT: usize = 10_000;
const ERROR_LIMIT: usize = 200;

pub(super) fn read(address: &str, limit: Duration) -> Fact<Updates> {
    let updates = ask(address, SERVICE, limit, |peer| async move {
        let age: u32 = peer.call(PATH, SERVICE, "GetTimeSinceAction", &ROLE_REFRESH_CACHE).await?;
        let transaction: OwnedObjectPath = peer.call(PATH, SERVICE, "CreateTransaction", &()).await?;
        let path = transaction.as_str();
        let () = peer.call(path, TRANSACTION, "SetHints", &HINTS.to_vec()).await?;
        let mut signals = peer.signals(path, TRANSACTION).await?;
        let () = peer.call(path, TRANSACTION, "GetUpdates", &0_u64).await?;
        match within(limit, packages(&mut signals)).await {
            Some(Ok(packages)) => Ok(Updates { age: (age != NEVER).then_some(age), packages }),
            Some(Err(reason)) => Err(Gap::new(ORIGIN, reason)),
            None => {
                // Nobody waits for it any more. If this fails too, PackageKit ends it when the connection does.
                let _: Result<(), Gap> = peer.call(path, TRANSACTION, "Cancel", &()).await;
                let seconds = limit.as_secs_f32();
                Err(Gap::new(ORIGIN, format!("PackageKit did not list the updates within {seconds} seconds")))
            }
        }
    });
    let updates = updates.map_err(|gap| match gap.reason.strip_suffix("does not run") {
        Some(_) => Gap {
            reason: "PackageKit does not run, and is not started for this; Cockpit's page Software updates starts it"
                .to_owned(),
            ..gap
        },
        None => gap,
    });
    updates.map(|updates| Fact::known(ORIGIN, updates)).into()
}

async fn packages(signals: &mut MessageStream) -> Result<Vec<Update>, String> {
    let mut found = Vec::new();
    while let Some(signal) = poll_fn(|context| Pin::new(&mut *signals).poll_next(context)).await {
        let signal = signal.map_err(|error| format!("PackageKit's connection broke ({error})"))?;
        let header = signal.header();
        match header.member().map(zbus::names::MemberName::as_str) {
            Some("Package") => {
                let (info, id, _summary): (u32, String, String) = body(&signal)?;
                found.push(update(info, &id));
            }
            Some("ErrorCode") => {
                let (_code, details): (u32, String) = body(&signal)?;
                let details: String = details.chars().take(ERROR_LIMIT).collect();
                return Err(format!("PackageKit could not list the updates ({details})"));
            }
            Some("Finished") => {
                let (exit, _milliseconds): (u32, u32) = body(&signal)?;
                let failed = || format!("PackageKit could not list the updates (exit {exit})");
                return if exit == EXIT_SUCCESS { Ok(found) } else { Err(failed()) };
            }
            _ => {}
        }
        if found.len() > LIMIT {
            return Err(format!("PackageKit lists more than {LIMIT} updates"));
        }
    }
    Err("PackageKit's connection ended".to_owned())
}

fn body<T: serde::de::DeserializeOwned + zbus::wire::Type>(signal: &Message) -> Result<T, String> {
    signal.body().deserialize().map_err(|error| format!("PackageKit sent what it never should ({error})"))
}

/// The id is `NAME;VERSION;ARCHITECTURE;REPOSITORY`. Since 1.2.4 the upper half of `info` has a severity.
fn update(info: u32, id: &str) -> Update {
    let mut parts = id.split(';').map(str::to_owned);
    Update {
        name: parts.next().unwrap_or_default(),
        version: parts.next().unwrap_or_default(),
        security: info & 0xffff == INFO_SECURITY,
    }
}
