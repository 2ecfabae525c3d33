// SPDX-License-Identifier: LGPL-2.1-or-later
//! firewalld as the tests play it.

use super::*;

/// firewalld's running zones; `old` is one from before 0.9. It takes a `pause` before each of its first three answers.
struct Running {
    old: bool,
    pause: Duration,
}

impl Running {
    async fn pause(&self) {
        peer::within(self.pause, std::future::pending::<()>()).await;
    }
}

#[interface(name = "org.fedoraproject.FirewallD1.zone")]
impl Running {
    #[zbus(name = "getZones")]
    async fn zones(&self) -> Vec<String> {
        self.pause().await;
        vec!["public".to_owned()]
    }

    #[zbus(name = "getActiveZones")]
    async fn active(&self) -> HashMap<String, HashMap<String, Vec<String>>> {
        self.pause().await;
        HashMap::from([("public".to_owned(), HashMap::from([("interfaces".to_owned(), vec!["eth0".to_owned()])]))])
    }

    #[zbus(name = "getZoneSettings2")]
    async fn settings(&self, _zone: String) -> fdo::Result<HashMap<String, Variant<'static>>> {
        self.pause().await;
        if self.old {
            return Err(fdo::Error::UnknownMethod("getZoneSettings2".to_owned()));
        }
        Ok(settings("5900-5999"))
    }

    #[zbus(name = "getInterfaces")]
    fn interfaces(&self, _zone: String) -> Vec<String> {
        vec!["eth0".to_owned()]
    }

    #[zbus(name = "getServices")]
    fn services(&self, _zone: String) -> Vec<String> {
        vec!["ssh".to_owned()]
    }

    #[zbus(name = "getPorts")]
    fn ports(&self, _zone: String) -> Vec<Vec<String>> {
        vec![vec!["80".to_owned(), "tcp".to_owned()]]
    }
}

fn settings(port: &str) -> HashMap<String, Variant<'static>> {
    HashMap::from([
        ("target".to_owned(), Variant::from("default".to_owned())),
        ("interfaces".to_owned(), Variant::from(vec!["eth0".to_owned()])),
        ("services".to_owned(), Variant::from(vec!["ssh".to_owned(), "libvirt".to_owned()])),
        ("ports".to_owned(), Variant::from(vec![(port.to_owned(), "tcp".to_owned())])),
        ("forward".to_owned(), Variant::from(true)),
    ])
}

/// firewalld's stored configuration, refused to those who may not see it.
struct Stored {
    refused: bool,
}

#[interface(name = "org.fedoraproject.FirewallD1.config")]
impl Stored {
    #[zbus(name = "listZones")]
    fn zones(&self) -> fdo::Result<Vec<OwnedObjectPath>> {
        if self.refused {
            return Err(fdo::Error::AccessDenied("not you".to_owned()));
        }
        Ok(vec![OwnedObjectPath::try_from("/org/fedoraproject/FirewallD1/config/zone/0".to_owned()).unwrap()])
    }
}

struct StoredZone;

#[interface(name = "org.fedoraproject.FirewallD1.config.zone")]
impl StoredZone {
    #[zbus(property, name = "name")]
    fn name(&self) -> String {
        "public".to_owned()
    }

    #[zbus(name = "getSettings2")]
    fn settings(&self) -> HashMap<String, Variant<'static>> {
        settings("16509")
    }
}

pub(super) fn serve_firewalld(bus: &Bus, old: bool, refused: bool) -> Connection {
    serve_slow_firewalld(bus, old, refused, Duration::ZERO)
}

pub(super) fn serve_slow_firewalld(bus: &Bus, old: bool, refused: bool, pause: Duration) -> Connection {
    let running = Running { old, pause };
    let connection = bus.serve("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1", running);
    let config = "/org/fedoraproject/FirewallD1/config";
    zbus::block_on(async {
        connection.object_server().at(config, Stored { refused }).await.unwrap();
        connection.object_server().at(format!("{config}/zone/0"), StoredZone).await.unwrap();
    });
    connection
}
