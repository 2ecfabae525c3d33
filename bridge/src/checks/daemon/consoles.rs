// SPDX-License-Identifier: LGPL-2.1-or-later
//! What qemu.conf says about the consoles of all VMs.

use super::qemu_conf::shows;
use super::{QEMU_CONF, all_known};
use crate::checks::uses::{ConsoleUse, names};
use crate::checks::vm::console::{Protocol, is_loopback};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::host::{ConfFile, ConfValue};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const LISTEN_WHY: &str = "A console is the VM's keyboard and screen, and a door into QEMU itself. This address holds for every VM whose \
    definition names none: one line opens the consoles of all of them to the network.";
const LISTEN_IMPACT: &str = "Clients that connect straight to the host's ports stop working; Cockpit, virt-manager and virt-viewer reach \
    consoles through SSH.";

/// What differs from protocol to protocol.
struct ListenRow {
    id: &'static str,
    title: &'static str,
    fix: &'static str,
    needs: &'static str,
    judge: fn(&Facts, &Neighbours) -> Judged,
}

const fn listen_row(row: &ListenRow) -> Check {
    Check {
        id: row.id,
        title: row.title,
        severity: Severity::High,
        profile: Profile::Baseline,
        area: Area::Console,
        basis: QEMU_CONF,
        why: LISTEN_WHY,
        fix: row.fix,
        impact: LISTEN_IMPACT,
        apply: Apply::DaemonRestart,
        needs: row.needs,
        judge: Judge::Host(row.judge),
    }
}

pub static VNC_LISTEN: Check = listen_row(&ListenRow {
    id: "daemon.vnc-listen",
    title: "VNC consoles listen on this host only, unless a definition says otherwise",
    fix: "Remove vnc_listen from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down and start \
          it again.",
    needs: "vnc_listen, vnc_tls, vnc_tls_x509_verify and vnc_sasl in /etc/libvirt/qemu.conf (administrative access); the consoles of all VMs",
    judge: |facts, neighbours| listen(facts, neighbours, Protocol::Vnc),
});

pub static SPICE_LISTEN: Check = listen_row(&ListenRow {
    id: "daemon.spice-listen",
    title: "SPICE consoles listen on this host only, unless a definition says otherwise",
    fix: "Remove spice_listen from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down and start \
          it again.",
    needs: "spice_listen and spice_tls in /etc/libvirt/qemu.conf (administrative access); the consoles of all VMs",
    judge: |facts, neighbours| listen(facts, neighbours, Protocol::Spice),
});

pub static RDP_LISTEN: Check = listen_row(&ListenRow {
    id: "daemon.rdp-listen",
    title: "RDP consoles listen on this host only, unless a definition says otherwise",
    fix: "Remove rdp_listen from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down and start \
          it again.",
    needs: "rdp_listen in /etc/libvirt/qemu.conf (administrative access); the consoles of all VMs",
    judge: |facts, neighbours| listen(facts, neighbours, Protocol::Rdp),
});

fn listen(facts: &Facts, neighbours: &Neighbours, protocol: Protocol) -> Judged {
    let (name, key, tls) = match protocol {
        Protocol::Vnc => ("VNC", "vnc_listen", "vnc_tls"),
        Protocol::Spice => ("SPICE", "spice_listen", "spice_tls"),
        Protocol::Rdp => ("RDP", "rdp_listen", ""),
    };
    let conf = facts.host.config.qemu.get()?;
    let Some(address) = conf.text(key)?.filter(|address| !is_loopback(address)) else {
        let message = format!("{name} consoles listen on this host only, unless a definition says otherwise.");
        return Ok(shows(Verdict::pass(message), conf, key));
    };
    let used = || uses(neighbours, protocol).filter(|console| console.by_default).map(|console| &console.used);
    let users = match names(used()) {
        users if users.is_empty() => "No VM that is known uses that now.".to_owned(),
        users => format!("VMs that listen there: {users}."),
    };
    let opened = format!("qemu.conf lets {name} consoles listen on {address} ({key})");
    // RDP always uses TLS, but whoever reaches the port may try to log in: there are no client certificates.
    let encrypted = protocol != Protocol::Rdp && is_on(conf, tls)?;
    let verdict = if protocol == Protocol::Rdp {
        Verdict::fail(format!("{opened}. {users}"))
    } else if encrypted {
        Verdict::warn(format!("{opened}, with TLS. {users}"))
    } else {
        Verdict::fail(format!("{opened}, without TLS. {users}"))
    };
    let verdict = shows(verdict, conf, key);
    Ok(if tls.is_empty() { verdict } else { shows(verdict, conf, tls) })
}

fn uses<'n, 'a>(neighbours: &'n Neighbours<'a>, protocol: Protocol) -> impl Iterator<Item = &'n ConsoleUse<'a>> {
    neighbours.uses.consoles.iter().filter(move |console| console.protocol == protocol)
}

fn is_on(conf: &ConfFile, key: &str) -> Result<bool, Gap> {
    Ok(conf.integer(key)?.is_some_and(|value| value != 0))
}

pub static VNC_TLS: Check = Check {
    id: "daemon.vnc-tls",
    title: "VNC consoles on the network use TLS and know their clients",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Console,
    basis: QEMU_CONF,
    why: "VNC itself encrypts nothing: everybody on the way sees the screen and every key that is typed, passwords too. TLS without a \
          check of the client's certificate encrypts, but lets everybody try to log in.",
    fix: "Let consoles listen on 127.0.0.1 only. Where they must be on the network, put certificates into /etc/pki/qemu, set \
          `vnc_tls = 1` and `vnc_tls_x509_verify = 1` in /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut \
          each VM down and start it again.",
    impact: "Clients need to support VeNCrypt (virt-viewer does) and a certificate of their own. Cockpit's console in the browser cannot use \
             VNC with TLS.",
    apply: Apply::DaemonRestart,
    needs: "the consoles of all VMs; vnc_tls, vnc_tls_x509_verify, default_tls_x509_verify and vnc_sasl in /etc/libvirt/qemu.conf \
            (administrative access)",
    judge: Judge::Host(vnc_tls),
};

fn vnc_tls(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let users = names(uses(neighbours, Protocol::Vnc).map(|console| &console.used));
    if users.is_empty() {
        all_known(facts, neighbours)?;
        return match &neighbours.uses.console_gap {
            Some(gap) => Err(gap.clone()),
            None => Ok(Verdict::not_applicable("No VNC console listens on the network.")),
        };
    }
    let conf = facts.host.config.qemu.get()?;
    let verify = conf
        .integer("vnc_tls_x509_verify")?
        .or(conf.integer("default_tls_x509_verify")?)
        .is_some_and(|value| value != 0);
    let verdict = if !is_on(conf, "vnc_tls")? {
        Verdict::fail(format!("VNC consoles of these VMs listen on the network without TLS: {users}."))
    } else if verify {
        Verdict::pass(format!(
            "The VNC consoles on the network use TLS and verify the certificates of their clients: {users}."
        ))
    } else if is_on(conf, "vnc_sasl")? {
        Verdict::pass(format!("The VNC consoles on the network use TLS, and clients log in by SASL: {users}."))
    } else {
        Verdict::warn(format!(
            "VNC consoles listen on the network with TLS, but let in clients without a certificate: {users}."
        ))
    };
    let verdict =
        verdict.because(uses(neighbours, Protocol::Vnc).filter_map(|console| console.used.evidence.clone()).take(5));
    let keys = ["vnc_tls", "vnc_tls_x509_verify", "default_tls_x509_verify", "vnc_sasl"];
    Ok(keys.into_iter().fold(verdict, |verdict, key| shows(verdict, conf, key)))
}

pub static VNC_PASSWORD: Check = Check {
    id: "daemon.vnc-default-password",
    title: "VMs do not share one VNC password",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: QEMU_CONF,
    why: "The password in qemu.conf opens the console of every VM that has none of its own: whoever may use one console may use all. \
          VNC takes only its first eight bytes, and its challenge can be broken by trying.",
    fix: "Remove vnc_password from /etc/libvirt/qemu.conf and run `systemctl try-restart virtqemud libvirtd`. Let consoles listen on \
          127.0.0.1 only, or give each VM a password that expires: `virsh edit VM`, passwd and passwdValidTo of <graphics>.",
    impact: "Clients that use the common password no longer get in.",
    apply: Apply::DaemonRestart,
    needs: "vnc_password in /etc/libvirt/qemu.conf, only whether it is set (administrative access); the modes of the file and of /etc/libvirt",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "vnc_password";
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.settings.get(KEY).map(|setting| &setting.value) {
            None => Verdict::pass("qemu.conf sets no common VNC password."),
            Some(ConfValue::Secret { empty: true, .. }) => Verdict::info(
                "qemu.conf sets an empty common VNC password, by which QEMU refuses every client of a VM without one of its own.",
            ),
            Some(_) => match super::files::exposure(&facts.host.permissions)? {
                Some(mode) => Verdict::fail(format!(
                    "qemu.conf sets a common VNC password, and who is not root may read the file ({}).",
                    mode.shown()
                ))
                .and(format!("stat {}", mode.path), mode.shown()),
                None => Verdict::info("qemu.conf sets one VNC password for all VMs that have none of their own."),
            },
        };
        Ok(shows(verdict, conf, KEY))
    }),
};

pub static UNIX_SOCKETS: Check = Check {
    id: "daemon.display-unix-sockets",
    title: "Consoles are served on Unix sockets",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Console,
    basis: QEMU_CONF,
    why: "A console on 127.0.0.1 can be reached by every user of the host, and by whatever a service of the host can be tricked to connect \
          to. A Unix socket has an owner and a mode.",
    fix: "Set `vnc_auto_unix_socket = 1` and `spice_auto_unix_socket = 1` in /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud \
          libvirtd`, then shut each VM down and start it again.",
    impact: "Many clients cannot use such a socket; Cockpit's console in the browser is one of them.",
    apply: Apply::DaemonRestart,
    needs: "vnc_auto_unix_socket and spice_auto_unix_socket in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEYS: [&str; 2] = ["vnc_auto_unix_socket", "spice_auto_unix_socket"];
        let conf = facts.host.config.qemu.get()?;
        let verdict = match (is_on(conf, KEYS[0])?, is_on(conf, KEYS[1])?) {
            (true, true) => Verdict::pass(
                "VNC and SPICE consoles are served on Unix sockets, unless a definition names an address.",
            ),
            (true, false) => Verdict::info("VNC consoles are served on Unix sockets, SPICE consoles are not."),
            (false, true) => Verdict::info("SPICE consoles are served on Unix sockets, VNC consoles are not."),
            (false, false) => Verdict::info("Consoles are served on TCP ports, which every user of this host reaches."),
        };
        Ok(KEYS.into_iter().fold(verdict, |verdict, key| shows(verdict, conf, key)))
    }),
};
