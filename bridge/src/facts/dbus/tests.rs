// SPDX-License-Identifier: LGPL-2.1-or-later
//! A private bus with services of our own behind the well-known names.

use std::collections::HashMap;
use std::io::{BufRead, BufReader};
use std::os::unix::net::UnixListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::Instant;

use zbus::{Connection, OwnedObjectPath, Variant, connection, fdo, interface};

use super::super::host::Zone;
use super::super::updates::Update;
use super::*;

mod firewalld;
mod packagekit;
use firewalld::{serve_firewalld, serve_slow_firewalld};
use packagekit::{Answer, serve_packagekit};

const SOON: Duration = Duration::from_millis(700);

/// A bus of this test alone, on which asking for polkit would leave a mark if anything started it.
struct Bus {
    daemon: Child,
    directory: tempfile::TempDir,
    address: String,
}

impl Bus {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let place = directory.path().display();
        let config = format!(
            "<busconfig><type>session</type><listen>unix:path={place}/bus</listen><servicedir>{place}</servicedir>
             <policy context='default'><allow send_destination='*'/><allow eavesdrop='false'/><allow own='*'/></policy></busconfig>"
        );
        std::fs::write(directory.path().join("bus.conf"), config).unwrap();
        let activated =
            format!("[D-BUS Service]\nName=org.freedesktop.PolicyKit1\nExec=/usr/bin/touch {place}/started\n");
        std::fs::write(directory.path().join("org.freedesktop.PolicyKit1.service"), activated).unwrap();
        let mut daemon = Command::new("dbus-daemon")
            .args(["--nofork", "--nopidfile", "--print-address", &format!("--config-file={place}/bus.conf")])
            .stdout(Stdio::piped())
            // It cannot raise its limit of open files here, and says so.
            .stderr(Stdio::null())
            .spawn()
            .expect("dbus-daemon (package dbus or dbus-daemon)");
        let mut address = String::new();
        BufReader::new(daemon.stdout.take().unwrap()).read_line(&mut address).unwrap();
        Self { daemon, directory, address: address.trim().to_owned() }
    }

    fn serve<I: zbus::object_server::Interface>(
        &self,
        name: &'static str,
        path: &'static str,
        service: I,
    ) -> Connection {
        let builder = connection::Builder::address(self.address.as_str()).name(name).serve_at(path, service);
        zbus::block_on(builder.build()).unwrap()
    }

    fn read(&self) -> Host {
        let mut host = Host::default();
        ask_at(&self.address, SOON).add_to(&mut host);
        host
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
    }
}

struct Manager;

#[interface(name = "org.freedesktop.systemd1.Manager")]
impl Manager {
    fn list_units_by_names(&self, names: Vec<String>) -> Vec<systemd::Row> {
        let path = |path: &str| OwnedObjectPath::try_from(path.to_owned()).unwrap();
        let row = |name: String| {
            let (load, active) = match name.as_str() {
                "virtqemud.socket" | "virtqemud.service" => ("loaded", "active"),
                _ => ("not-found", "inactive"),
            };
            (
                name,
                String::new(),
                load.to_owned(),
                active.to_owned(),
                String::new(),
                String::new(),
                path("/org/freedesktop/systemd1/unit/s"),
                0,
                String::new(),
                path("/"),
            )
        };
        names.into_iter().map(row).collect()
    }
}

struct Socket;

#[interface(name = "org.freedesktop.systemd1.Socket")]
impl Socket {
    #[zbus(property)]
    fn socket_mode(&self) -> u32 {
        0o660
    }

    #[zbus(property)]
    fn socket_group(&self) -> String {
        "libvirt".to_owned()
    }

    #[zbus(property)]
    fn listen(&self) -> Vec<(String, String)> {
        vec![("Stream".to_owned(), "/run/libvirt/virtqemud-sock".to_owned())]
    }
}

/// Answers as polkit's number for each action, or never.
struct Authority {
    answer: Option<u32>,
}

#[interface(name = "org.freedesktop.PolicyKit1.Authority")]
impl Authority {
    async fn enumerate_actions(&self, _locale: String) -> Vec<polkit::Action> {
        let Some(answer) = self.answer else { return std::future::pending().await };
        let action = |id: &str| {
            let none = String::new;
            (id.to_owned(), none(), none(), none(), none(), none(), answer, 1, 5, HashMap::new())
        };
        vec![action("org.libvirt.unix.manage"), action("org.freedesktop.udisks2.mount")]
    }
}

struct Fwupd;

#[interface(name = "org.freedesktop.fwupd")]
impl Fwupd {
    #[zbus(property)]
    fn host_security_id(&self) -> String {
        "HSI:2! (v1.9.5)".to_owned()
    }
}

fn reason<T>(fact: &Fact<T>) -> String {
    fact.get().err().unwrap().reason
}

#[test]
fn units_and_sockets() {
    let bus = Bus::start();
    let service = bus.serve("org.freedesktop.systemd1", "/org/freedesktop/systemd1", Manager);
    zbus::block_on(service.object_server().at("/org/freedesktop/systemd1/unit/s", Socket)).unwrap();
    let systemd = bus.read().systemd;
    let units = systemd.units.get().unwrap();
    assert_eq!(
        (units["virtqemud.service"].load.as_str(), units["virtqemud.service"].active.as_str()),
        ("loaded", "active")
    );
    assert_eq!(units["libvirtd-tcp.socket"].load, "not-found");
    assert!(units.contains_key("ksmtuned.service") && units.contains_key("virtproxyd-tls.socket"));
    let sockets = systemd.sockets.get().unwrap();
    assert_eq!(sockets.keys().collect::<Vec<_>>(), ["virtqemud.socket"]);
    assert_eq!(sockets["virtqemud.socket"].mode, 0o660);
    assert_eq!(sockets["virtqemud.socket"].group, "libvirt");
    assert_eq!(sockets["virtqemud.socket"].listen, ["/run/libvirt/virtqemud-sock"]);
}

#[test]
fn implicit_answers_for_libvirts_actions_only() {
    let bus = Bus::start();
    let _service =
        bus.serve("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", Authority { answer: Some(4) });
    let actions = bus.read().polkit.actions;
    let actions = actions.get().unwrap();
    assert_eq!(actions.len(), 1);
    let manage = &actions["org.libvirt.unix.manage"];
    assert_eq!(
        (manage.any.as_str(), manage.inactive.as_str(), manage.active.as_str()),
        ("auth_admin_keep", "auth_self", "yes")
    );
}

#[test]
fn the_host_security_id() {
    let bus = Bus::start();
    let _service = bus.serve("org.freedesktop.fwupd", "/", Fwupd);
    assert_eq!(
        bus.read().fwupd_hsi,
        Fact::known("org.freedesktop.fwupd: HostSecurityId", "HSI:2! (v1.9.5)".to_owned())
    );
}

#[test]
fn updates_with_the_age_of_the_lists() {
    let bus = Bus::start();
    let _service = serve_packagekit(&bus, 3600, Answer::Updates);
    let updates = bus.read().updates;
    assert_eq!(updates.origin(), "org.freedesktop.PackageKit: GetUpdates");
    let updates = updates.get().unwrap();
    let update =
        |name: &str, version: &str, security| Update { name: name.to_owned(), version: version.to_owned(), security };
    assert_eq!(updates.packages, [update("qemu-kvm", "17:9.1.0-15", true), update("libvirt-libs", "10.10", false)]);
    assert_eq!(updates.age, Some(3600));
}

#[test]
fn lists_that_were_never_fetched_have_no_age() {
    let bus = Bus::start();
    let _service = serve_packagekit(&bus, u32::MAX, Answer::Updates);
    assert_eq!(bus.read().updates.get().unwrap().age, None);
}

#[test]
fn updates_that_cannot_be_listed_are_not_none() {
    let bus = Bus::start();
    let _service = serve_packagekit(&bus, 1, Answer::Error);
    let reason = reason(&bus.read().updates);
    assert!(reason.starts_with("PackageKit could not list the updates (xxx") && reason.len() < 300, "{reason}");
}

#[test]
fn a_list_of_updates_that_never_ends_is_cancelled() {
    let bus = Bus::start();
    let (_service, cancelled) = serve_packagekit(&bus, 1, Answer::Nothing);
    let start = Instant::now();
    assert_eq!(reason(&bus.read().updates), "PackageKit did not list the updates within 0.7 seconds");
    assert!(start.elapsed() < SOON * 3 && cancelled.load(Ordering::Relaxed));
}

#[test]
fn an_answer_that_polkit_does_not_know_is_no_fact() {
    let bus = Bus::start();
    let _service =
        bus.serve("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", Authority { answer: Some(6) });
    assert_eq!(reason(&bus.read().polkit.actions), "polkit's answer 6 is not known");
}

#[test]
fn zones_as_they_run_and_as_they_are_stored() {
    let bus = Bus::start();
    let _service = serve_firewalld(&bus, false, false);
    let firewall = bus.read().firewall;
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect();
    let zone = |permanent: bool, port: &str| Zone {
        name: "public".to_owned(),
        active: true,
        permanent,
        target: "default".to_owned(),
        interfaces: words(&["eth0"]),
        services: words(&["ssh", "libvirt"]),
        ports: words(&[port]),
    };
    assert_eq!(firewall.get().unwrap().zones, [zone(false, "5900-5999/tcp"), zone(true, "16509/tcp")]);
}

#[test]
fn an_older_firewalld_is_asked_its_older_questions() {
    let bus = Bus::start();
    let _service = serve_firewalld(&bus, true, false);
    let firewall = bus.read().firewall;
    let zone = &firewall.get().unwrap().zones[0];
    assert_eq!(
        (zone.services.join(" "), zone.ports.join(" "), zone.permanent),
        ("ssh".to_owned(), "80/tcp".to_owned(), false)
    );
}

#[test]
fn zones_that_are_refused_are_not_left_out() {
    let bus = Bus::start();
    let _service = serve_firewalld(&bus, false, true);
    let gap = bus.read().firewall.get().unwrap_err();
    assert_eq!(gap.origin, "org.fedoraproject.FirewallD1: listZones");
    assert_eq!(gap.admin, !rustix::process::geteuid().is_root());
}

#[test]
fn what_does_not_run_is_not_started() {
    let bus = Bus::start();
    let host = bus.read();
    assert_eq!(reason(&host.polkit.actions), "polkit does not run");
    assert_eq!(reason(&host.firewall), "firewalld does not run");
    assert_eq!(reason(&host.systemd.units), "systemd does not run");
    assert_eq!(reason(&host.fwupd_hsi), "fwupd does not run");
    assert!(reason(&host.updates).starts_with("PackageKit does not run, and is not started for this;"));
    assert!(!bus.directory.path().join("started").exists());
}

#[test]
fn a_service_that_hangs_costs_its_own_facts_and_not_the_time() {
    let bus = Bus::start();
    let _polkit =
        bus.serve("org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", Authority { answer: None });
    let _firewalld = serve_firewalld(&bus, false, false);
    let start = Instant::now();
    let host = bus.read();
    assert!(start.elapsed() < SOON * 3, "{:?}", start.elapsed());
    assert_eq!(reason(&host.polkit.actions), "org.freedesktop.PolicyKit1 did not answer within 0.7 seconds");
    assert!(host.firewall.value().is_some());
}

/// It is slow, and not silent: on a busy host firewalld was seen to need more than three seconds for all its zones.
#[test]
fn a_service_that_answers_slowly_is_heard_out() {
    let bus = Bus::start();
    let _firewalld = serve_slow_firewalld(&bus, false, false, SOON / 2);
    let start = Instant::now();
    let firewall = bus.read().firewall;
    assert!(start.elapsed() > SOON, "{:?}", start.elapsed());
    assert_eq!(firewall.get().unwrap().zones.len(), 2);
}

#[test]
fn a_service_that_answers_without_end_is_left() {
    let bus = Bus::start();
    let _firewalld = serve_firewalld(&bus, false, false);
    let (service, path) = ("org.fedoraproject.FirewallD1", "/org/fedoraproject/FirewallD1");
    let endless = peer::ask::<(), _>(&bus.address, service, SOON / 5, |peer| async move {
        loop {
            let _: Vec<String> = peer.call(path, "org.fedoraproject.FirewallD1.zone", "getZones", &()).await?;
        }
    });
    assert_eq!(
        endless.unwrap_err().reason,
        "org.fedoraproject.FirewallD1 did not answer all questions within 0.7 seconds"
    );
}

#[test]
fn a_bus_that_hangs_or_is_absent_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let place = directory.path().join("bus");
    let address = format!("unix:path={}", place.display());
    let mut host = Host::default();
    ask_at(&address, SOON).add_to(&mut host);
    assert!(reason(&host.firewall).starts_with(&format!("the system bus at {address} could not be reached (")));
    let _never_accepts = UnixListener::bind(&place).unwrap();
    let start = Instant::now();
    ask_at(&address, SOON).add_to(&mut host);
    assert!(start.elapsed() < SOON * 3, "{:?}", start.elapsed());
    assert_eq!(reason(&host.systemd.sockets), "org.freedesktop.systemd1 did not answer within 0.7 seconds");
    ask_at("nonsense", SOON).add_to(&mut host);
    assert!(reason(&host.firewall).starts_with("the system bus at nonsense could not be reached ("));
}
