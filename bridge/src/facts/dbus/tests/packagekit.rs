// SPDX-License-Identifier: LGPL-2.1-or-later
//! PackageKit as the tests play it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;

/// What PackageKit's transaction does once it is asked for updates.
#[derive(Clone, Copy)]
pub(super) enum Answer {
    Updates,
    Error,
    Nothing,
}

struct PackageKit {
    age: u32,
}

#[interface(name = "org.freedesktop.PackageKit")]
impl PackageKit {
    fn get_time_since_action(&self, role: u32) -> u32 {
        assert_eq!(role, 13);
        self.age
    }

    fn create_transaction(&self) -> OwnedObjectPath {
        OwnedObjectPath::try_from("/1_abc".to_owned()).unwrap()
    }
}

struct Transaction {
    answer: Answer,
    hints: Vec<String>,
    /// Set when somebody cancels it.
    cancelled: Arc<AtomicBool>,
}

#[interface(name = "org.freedesktop.PackageKit.Transaction")]
impl Transaction {
    fn set_hints(&mut self, hints: Vec<String>) {
        self.hints = hints;
    }

    fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    async fn get_updates(&self, filter: u64, #[zbus(connection)] connection: &Connection) {
        assert_eq!(filter, 0);
        assert!(self.hints.contains(&"cache-age=4294967295".to_owned()), "nothing is fetched: {:?}", self.hints);
        let package = |info: u32, id: &str| (info, id.to_owned(), "summary".to_owned());
        match self.answer {
            Answer::Updates => {
                // A severity stands in the upper half.
                emit(connection, "Package", &package(8 | 4 << 16, "qemu-kvm;17:9.1.0-15;x86_64;appstream")).await;
                emit(connection, "ItemProgress", &("x", 1_u32, 2_u32)).await;
                emit(connection, "Package", &package(6, "libvirt-libs;10.10;x86_64;appstream")).await;
                emit(connection, "Finished", &(1_u32, 12_u32)).await;
            }
            Answer::Error => {
                emit(connection, "ErrorCode", &(3_u32, "x".repeat(1 << 16))).await;
                emit(connection, "Finished", &(2_u32, 12_u32)).await;
            }
            Answer::Nothing => {}
        }
    }
}

async fn emit<B: serde::Serialize + zbus::wire::DynamicType>(connection: &Connection, member: &str, body: &B) {
    let interface = "org.freedesktop.PackageKit.Transaction";
    connection.emit_signal(None::<&str>, "/1_abc", interface, member, body).await.unwrap();
}

pub(super) fn serve_packagekit(bus: &Bus, age: u32, answer: Answer) -> (Connection, Arc<AtomicBool>) {
    let connection = bus.serve("org.freedesktop.PackageKit", "/org/freedesktop/PackageKit", PackageKit { age });
    let cancelled = Arc::<AtomicBool>::default();
    let transaction = Transaction { answer, hints: Vec::new(), cancelled: Arc::clone(&cancelled) };
    zbus::block_on(connection.object_server().at("/1_abc", transaction)).unwrap();
    (connection, cancelled)
}
