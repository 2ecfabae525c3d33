// SPDX-License-Identifier: LGPL-2.1-or-later
//! How libvirt's daemons can be reached: over the network, and by the users of this host.

use super::{Daemon, in_use};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static TCP: Check = Check {
    id: "daemon.listen-tcp",
    title: "libvirt does not listen for unencrypted connections",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: &["best-practices-for-securing-virtual-machines", "https://libvirt.org/remote.html"],
    why: "Who may manage VMs is root on the host. Over plain TCP everybody on the way reads and changes what is sent, or takes the \
          connection over.",
    fix: "Run `systemctl disable --now virtproxyd-tcp.socket libvirtd-tcp.socket`, remove listen_tcp from the daemon's file, and connect \
          with `qemu+ssh://` or `qemu+tls://`.",
    impact: "Clients that use `qemu+tcp://` no longer connect.",
    apply: Apply::HostNow,
    needs: "listening sockets in /proc/net/tcp and tcp6, the state of libvirtd-tcp.socket and virtproxyd-tcp.socket; where readable, \
            listen_tcp in libvirtd.conf and virtproxyd.conf",
    judge: Judge::Host(|facts, _| listen_tcp(facts)),
};

fn listen_tcp(facts: &Facts) -> Judged {
    const PORT: u16 = 16509;
    let host = &facts.host;
    let mut evidence = Vec::new();
    for socket in ["libvirtd-tcp.socket", "virtproxyd-tcp.socket"] {
        let unit = host.systemd.units.value().and_then(|units| units.get(socket));
        if let Some(unit) = unit.filter(|unit| unit.active == "active") {
            let origin = format!("org.freedesktop.systemd1: {socket} ActiveState");
            evidence.push(Evidence { origin, value: unit.active.clone() });
        }
    }
    let sockets = evidence.len();
    if let Some(listeners) = host.listeners.value() {
        for listener in listeners.iter().filter(|listener| listener.port == PORT) {
            let value = std::net::SocketAddr::new(listener.address, listener.port).to_string();
            evidence.push(Evidence { origin: host.listeners.origin().to_owned(), value });
        }
    }
    if !evidence.is_empty() {
        let message = if sockets > 0 {
            format!("libvirt listens for unencrypted connections: {} is active.", unit_of(&evidence[0]))
        } else {
            format!("Something listens on {}, libvirt's port for unencrypted connections.", evidence[0].value)
        };
        return Ok(Verdict::fail(message).because(evidence));
    }
    let configured = ["libvirtd.conf", "virtproxyd.conf"].iter().find_map(|name| {
        let conf = host.config.daemons.get(*name)?.value()?;
        matches!(conf.integer("listen_tcp"), Ok(Some(value)) if value != 0).then_some(conf)
    });
    let (listeners, units) = (host.listeners.get()?, host.systemd.units.get()?);
    let verdict = if let Some(conf) = configured {
        Verdict::warn(format!(
            "Nothing listens on port {PORT} now, but {} allows it (listen_tcp): it happens when the daemon is started with --listen.",
            conf.path
        ))
        .and(conf.place("listen_tcp"), conf.shown("listen_tcp"))
    } else {
        Verdict::pass("libvirt does not listen for unencrypted connections.")
    };
    let state = |socket: &str| units.get(socket).map_or("not known to systemd", |unit| unit.active.as_str());
    Ok(verdict
        .and(host.listeners.origin(), format!("{} listening sockets, none on port {PORT}", listeners.len()))
        .and("org.freedesktop.systemd1: libvirtd-tcp.socket ActiveState", state("libvirtd-tcp.socket"))
        .and("org.freedesktop.systemd1: virtproxyd-tcp.socket ActiveState", state("virtproxyd-tcp.socket")))
}

fn unit_of(evidence: &Evidence) -> &str {
    evidence.origin.split_whitespace().nth(1).unwrap_or_default()
}

pub static AUTH_UNIX_RW: Check = Check {
    id: "daemon.auth-unix-rw",
    title: "libvirt asks who it is that manages VMs",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["https://libvirt.org/auth.html"],
    why: "Whoever may write to libvirt's socket can start a VM with any file of the host as its disk, and so is root. Without \
          authentication the socket's file mode alone decides who that is.",
    fix: "Remove auth_unix_rw from the daemon's file in /etc/libvirt (polkit is the default), or set SocketMode=0600 with \
          `systemctl edit virtqemud.socket`; then restart the daemon and its sockets.",
    impact: "Users who manage VMs need to be in the group libvirt, or to give an administrator's password.",
    apply: Apply::DaemonRestart,
    needs: "auth_unix_rw and unix_sock_rw_perms of each daemon in use (administrative access), SocketMode of its socket unit",
    judge: Judge::Host(|facts, _| {
        let daemons = in_use(facts)?;
        if daemons.is_empty() {
            return Ok(Verdict::not_applicable("No daemon of libvirt is active on this host."));
        }
        let mut verdicts = Vec::new();
        for daemon in &daemons {
            verdicts.push(auth_unix_rw(facts, daemon)?);
        }
        let worst = verdicts.iter().map(|verdict| verdict.outcome).max();
        let (worst, rest): (Vec<_>, Vec<_>) = verdicts.into_iter().partition(|verdict| Some(verdict.outcome) == worst);
        let others = worst.iter().skip(1).chain(&rest).flat_map(|verdict| verdict.evidence.clone()).collect::<Vec<_>>();
        let Some(first) = worst.into_iter().next() else {
            return Err(Gap::new("/etc/libvirt", "no daemon was judged"));
        };
        if first.outcome == crate::checks::Outcome::Pass {
            let names = daemons.iter().map(|daemon| daemon.name).collect::<Vec<_>>().join(", ");
            let message =
                format!("Every daemon in use asks who it is that manages VMs, or lets in root only: {names}.");
            return Ok(Verdict::pass(message).because(first.evidence).because(others));
        }
        Ok(first.because(others))
    }),
};

fn auth_unix_rw(facts: &Facts, daemon: &Daemon) -> Judged {
    const KEY: &str = "auth_unix_rw";
    let Daemon { name, conf } = daemon;
    let auth = conf.text(KEY)?;
    let evidence = |verdict: Verdict| verdict.and(conf.place(KEY), conf.shown(KEY));
    if auth != Some("none") {
        return Ok(evidence(Verdict::pass(format!("{name} authenticates who connects."))));
    }
    let socket = format!("{name}.socket");
    let (mode, origin) = match facts.host.systemd.sockets.get()?.get(&socket) {
        Some(unit) => (unit.mode, format!("org.freedesktop.systemd1: {socket} SocketMode")),
        // Without a socket unit the daemon makes the socket; its default is to let all users connect, as polkit asks them.
        None => (file_mode(daemon)?, conf.place("unix_sock_rw_perms")),
    };
    let verdict = if mode & 0o002 != 0 {
        Verdict::fail(format!(
            "{name} authenticates nobody (auth_unix_rw = \"none\"), and its socket is open to every user of this host ({mode:04o}): \
             each of them is as good as root."
        ))
    } else if mode & 0o020 != 0 {
        Verdict::warn(format!(
            "{name} authenticates nobody (auth_unix_rw = \"none\"); the mode of its socket ({mode:04o}) lets in its group, \
             whose members are as good as root."
        ))
    } else {
        Verdict::pass(format!("{name} authenticates nobody, but its socket ({mode:04o}) lets in root only."))
    };
    Ok(evidence(verdict).and(origin, format!("{mode:04o}")))
}

fn file_mode(daemon: &Daemon) -> Result<u32, Gap> {
    const KEY: &str = "unix_sock_rw_perms";
    let Some(text) = daemon.conf.text(KEY)? else { return Ok(0o777) };
    u32::from_str_radix(text, 8)
        .map_err(|_| Gap::new(daemon.conf.place(KEY), format!("{KEY} in {} is not an octal number", daemon.conf.path)))
}
