// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt over TCP: who gets in, and how well it is encrypted.

use super::{DAEMON_CONF, Daemon, in_use, worst_of};
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::host::ConfFile;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// The daemons that listen on the network.
pub(super) const REMOTE: [&str; 2] = ["libvirtd", "virtproxyd"];

/// How libvirt listens on the network.
#[derive(Clone, Copy)]
pub(super) enum Port {
    Tcp,
    Tls,
}

/// Whether libvirt listens there: by a socket unit, or on the port. `None` if it does not.
pub(super) fn listening(facts: &Facts, port: Port) -> Result<Option<(String, String)>, Gap> {
    let (end, number) = match port {
        Port::Tcp => ("tcp", 16509),
        Port::Tls => ("tls", 16514),
    };
    let host = &facts.host;
    let listeners = host.listeners.get();
    if let Ok(listeners) = listeners
        && let Some(listener) = listeners.iter().find(|listener| listener.port == number)
    {
        let address = std::net::SocketAddr::new(listener.address, number).to_string();
        return Ok(Some((host.listeners.origin().to_owned(), address)));
    }
    let units = host.systemd.units.get();
    if let Ok(units) = units
        && let Some(name) = REMOTE
            .iter()
            .map(|name| format!("{name}-{end}.socket"))
            .find(|name| units.get(name).is_some_and(|unit| unit.active == "active"))
    {
        return Ok(Some((format!("org.freedesktop.systemd1: {name} ActiveState"), "active".to_owned())));
    }
    listeners?;
    units?;
    Ok(None)
}

/// As [`super::worst`], of the daemons that may listen on the network.
pub(super) fn worst_remote(facts: &Facts, good: &str, judge: impl Fn(&ConfFile, &str) -> Judged) -> Judged {
    let daemons: Vec<_> = in_use(facts)?.into_iter().filter(is_remote).collect();
    if daemons.is_empty() {
        return Ok(Verdict::not_applicable(
            "No daemon of libvirt that could listen on the network is active on this host.",
        ));
    }
    worst_of(&daemons, good, |daemon| judge(&daemon.conf, daemon.name))
}

fn is_remote(daemon: &Daemon) -> bool {
    REMOTE.contains(&daemon.name)
}

pub static AUTH: Check = Check {
    id: "daemon.auth-tcp",
    title: "libvirt over TCP asks who connects",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["https://libvirt.org/auth.html"],
    why: "With auth_tcp = \"none\" whoever reaches libvirt's TCP port manages its VMs, and so is root on the host. It takes only one \
          command, or another package's default, to open that port.",
    fix: "Remove auth_tcp from the daemon's file in /etc/libvirt, and run `systemctl try-restart virtproxyd libvirtd`.",
    impact: "Clients of `qemu+tcp://` must log in by SASL.",
    apply: Apply::DaemonRestart,
    needs: "auth_tcp in libvirtd.conf or virtproxyd.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "auth_tcp";
        worst_remote(facts, "libvirt over TCP asks who connects", |conf, name| {
            let verdict = match conf.text(KEY)? {
                Some("none") => {
                    Verdict::fail(format!("{name} lets everybody in who reaches it over TCP (auth_tcp = \"none\")."))
                }
                _ => Verdict::pass(""),
            };
            Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
        })
    }),
};

pub static MIN_SSF: Check = Check {
    id: "daemon.tcp-min-ssf",
    title: "libvirt over TCP demands strong encryption",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: DAEMON_CONF,
    why: "Over TCP, encryption is left to SASL, and by default libvirt takes a strength of 56 bits, single DES, which is broken in hours.",
    fix: "Set `tcp_min_ssf = 112` in the daemon's file in /etc/libvirt, and run `systemctl try-restart virtproxyd libvirtd`.",
    impact: "Clients with weak Kerberos or SASL libraries no longer connect.",
    apply: Apply::DaemonRestart,
    needs: "listening sockets, the state of libvirt's TCP sockets; where it listens, tcp_min_ssf in libvirtd.conf or virtproxyd.conf \
            (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "tcp_min_ssf";
        if listening(facts, Port::Tcp)?.is_none() {
            return Ok(Verdict::not_applicable("libvirt does not listen for TCP connections without TLS."));
        }
        worst_remote(facts, "libvirt over TCP demands encryption of 112 bits or more", |conf, name| {
            let verdict = match conf.integer(KEY)? {
                Some(bits) if bits >= 112 => Verdict::pass(""),
                Some(bits) => Verdict::warn(format!("{name} takes TCP clients with encryption of {bits} bits.")),
                None => Verdict::warn(format!("{name} takes TCP clients with encryption of 56 bits, its default.")),
            };
            Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
        })
    }),
};

pub static SASL: Check = Check {
    id: "daemon.sasl-mechanisms",
    title: "Remote clients log in by a method that is not broken",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: &["https://libvirt.org/auth.html", "https://www.rfc-editor.org/rfc/rfc6331"],
    why: "Over plain TCP the SASL mechanism must encrypt too: PLAIN sends the password itself. DIGEST-MD5 was given up in RFC 6331 because \
          of its many flaws. ANONYMOUS lets everybody in.",
    fix: "Set `mech_list: gssapi` (Kerberos) in /etc/sasl2/libvirt.conf; with TLS, `mech_list: scram-sha-256` is good too. Then run \
          `systemctl try-restart virtproxyd libvirtd`.",
    impact: "Clients that know only the old mechanisms no longer connect.",
    apply: Apply::DaemonRestart,
    needs: "auth_tcp, auth_tls, auth_unix_rw and auth_unix_ro of each daemon in use (administrative access), libvirt's TCP listener; where \
            SASL is used, mech_list in /etc/sasl2/libvirt.conf",
    judge: Judge::Host(|facts, _| sasl(facts)),
};

fn sasl(facts: &Facts) -> Judged {
    let mut used = Vec::new();
    let tcp = listening(facts, Port::Tcp)?.is_some();
    for daemon in in_use(facts)? {
        let keys: &[&str] = if is_remote(&daemon) {
            &["auth_tls", "auth_unix_rw", "auth_unix_ro"]
        } else {
            &["auth_unix_rw", "auth_unix_ro"]
        };
        for key in keys {
            if daemon.conf.text(key)? == Some("sasl") {
                used.push((daemon.conf.place(key), daemon.conf.shown(key)));
            }
        }
        if tcp && is_remote(&daemon) && daemon.conf.text("auth_tcp")?.is_none_or(|auth| auth == "sasl") {
            used.push((daemon.conf.place("auth_tcp"), daemon.conf.shown("auth_tcp")));
        }
    }
    if used.is_empty() {
        return Ok(Verdict::not_applicable("No daemon in use lets clients log in by SASL."));
    }
    let fact = &facts.host.sasl;
    let mechanisms = fact.get()?.mechanisms.as_deref();
    let listed = |names: &[&str]| {
        let found = mechanisms.unwrap_or_default().iter().filter(|listed| names.contains(&listed.as_str()));
        found.map(|name| name.to_uppercase()).collect::<Vec<_>>().join(", ")
    };
    let (open, clear, old) = (listed(&["anonymous"]), listed(&["plain", "login"]), listed(&["digest-md5", "cram-md5"]));
    let verdict = if mechanisms.is_none() {
        Verdict::warn(
            "Clients may log in by every SASL mechanism that is installed, as libvirt.conf lists none (mech_list).",
        )
    } else if !open.is_empty() {
        Verdict::fail("Everybody may log in: the SASL mechanism ANONYMOUS is listed.")
    } else if tcp && !clear.is_empty() {
        Verdict::fail(format!("libvirt listens on TCP, and clients may send their password unencrypted: {clear}."))
    } else if !old.is_empty() {
        Verdict::warn(format!("Clients may log in by a SASL mechanism that is considered broken: {old}."))
    } else {
        Verdict::pass(format!("Clients log in by {}.", mechanisms.unwrap_or_default().join(", ").to_uppercase()))
    };
    let shown = mechanisms.map_or_else(|| "(not set)".to_owned(), |list| list.join(" "));
    let verdict = verdict.and(format!("{}: mech_list", fact.origin()), shown);
    Ok(used.into_iter().fold(verdict, |verdict, (origin, value)| verdict.and(origin, value)))
}
