// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a QEMU process can be reached over the network.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::judge;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::host::{Listener, Process};
use crate::facts::{Gap, Vm};
use crate::policy::Profile;

pub static LISTEN_SOCKETS: Check = Check {
    id: "proc.listen-sockets",
    title: "QEMU listens only where its definition says, and not to the network",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Process,
    basis: &["https://www.qemu.org/docs/master/system/security.html"],
    why: "Each open port of QEMU is a way into the VM past its own network: its screen and keyboard, its serial console, its disks (NBD) or \
          QEMU's monitor, which is the host. This looks at the sockets themselves, whatever was configured.",
    fix: "Let consoles listen on 127.0.0.1 or a socket (<listen type='socket'/>) and serial ports on a pty (`virsh edit`), and remove what \
          <qemu:commandline> opens; then shut the VM down and start it again.",
    impact: "The VM must be started anew. Clients that connect directly need a tunnel, as Cockpit, virt-viewer and `virsh console` make one.",
    apply: Apply::NextStart,
    needs: "/proc/PID/net/tcp, tcp6 and the descriptors of the process (administrative access), the running definition",
    judge: Judge::Vm(|_, vm, _| judge(vm, |process| sockets(vm, process))),
};

fn sockets(vm: &Vm, process: &Process) -> Judged {
    let listeners = process.listeners.get()?;
    let place =
        |listener: &Listener| Evidence { origin: process.listeners.origin().to_owned(), value: shown(listener) };
    let exposed: Vec<&Listener> =
        listeners.iter().filter(|listener| !listener.address.to_canonical().is_loopback()).collect();
    if exposed.is_empty() {
        return Ok(match listeners.as_slice() {
            [] => Verdict::pass("QEMU listens on no TCP port.").and(process.listeners.origin(), "(none)"),
            all => Verdict::pass("QEMU listens for connections from this host only.").because(all.iter().map(place)),
        });
    }
    let Some(text) = vm.live.get()? else {
        return Err(Gap::new(vm.live.origin(), "libvirt returned no running definition of this VM"));
    };
    let domain = Domain::parse(text, true)?;
    let configured = configured_ports(&domain);
    let stranger = exposed.iter().find(|listener| !configured.contains_key(&listener.port));
    let evidence = exposed.iter().flat_map(|listener| {
        let origin = configured.get(&listener.port);
        let said = origin.map(|origin| Evidence { origin: origin.clone(), value: listener.port.to_string() });
        [Some(place(listener)), said].into_iter().flatten()
    });
    Ok(match stranger {
        Some(listener) => Verdict::fail(format!(
            "QEMU listens on {}, which is no console or serial port of the VM's definition.",
            shown(listener)
        )),
        None => Verdict::warn(format!(
            "QEMU listens to the network on {}, as the VM's definition says.",
            exposed.iter().map(|listener| shown(listener)).collect::<Vec<_>>().join(", ")
        )),
    }
    .because(evidence))
}

fn shown(listener: &Listener) -> String {
    SocketAddr::new(listener.address, listener.port).to_string()
}

/// The ports that the running definition speaks of, with the place where: consoles, and character devices that wait for
/// a connection (serial and parallel ports, consoles, channels, smart cards, redirected USB devices).
fn configured_ports(domain: &Domain) -> BTreeMap<u16, String> {
    let mut ports = BTreeMap::new();
    let mut learn = |node: roxmltree::Node, name: &str| {
        if let Some(port) = node.attribute(name).and_then(|port| port.parse().ok()) {
            ports.insert(port, domain.evidence(node, name).origin);
        }
    };
    for graphics in domain.devices("graphics") {
        for name in ["port", "tlsPort", "websocket"] {
            learn(graphics, name);
        }
    }
    let sources = domain.find("devices").into_iter().flat_map(|devices| devices.descendants());
    for source in sources.filter(|node| node.has_tag_name("source") && node.attribute("mode") == Some("bind")) {
        learn(source, "service");
    }
    ports
}
