// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's Unix sockets: which users of this host may connect, and how many.

use super::{DAEMON_CONF, Daemon, worst};
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// Mode and group of a daemon's socket, and where they are said: its unit, or without one the daemon's file.
struct Socket {
    mode: u32,
    group: String,
    place: (String, String),
}

fn socket(facts: &Facts, daemon: &Daemon, kind: &str, key: &str, default: u32) -> Result<Socket, Gap> {
    let unit = format!("{}{kind}.socket", daemon.name);
    if let Some(found) = facts.host.systemd.sockets.get()?.get(&unit) {
        let group = if found.group.is_empty() { "root" } else { &found.group };
        let place = (
            format!("org.freedesktop.systemd1: {unit} SocketMode, SocketGroup"),
            format!("{:04o} {group}", found.mode),
        );
        return Ok(Socket { mode: found.mode, group: group.to_owned(), place });
    }
    let conf = &daemon.conf;
    let mode = match conf.text(key)? {
        None => default,
        Some(text) => u32::from_str_radix(text, 8)
            .map_err(|_| Gap::new(conf.place(key), format!("{key} in {} is not an octal number", conf.path)))?,
    };
    let group = conf.text("unix_sock_group")?.unwrap_or("root").to_owned();
    Ok(Socket { mode, group, place: (conf.place(key), conf.shown(key)) })
}

impl Socket {
    fn shows(self, verdict: Verdict) -> Verdict {
        verdict.and(self.place.0, self.place.1)
    }
}

pub static MODE: Check = Check {
    id: "daemon.socket-mode",
    title: "libvirt's sockets are open to no more users than intended",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "A socket that everybody may open is safe only as long as libvirt asks polkit who connects. A group that may open it is as good \
          as root where nobody is asked.",
    fix: "Remove what widens the socket (`systemctl cat virtqemud.socket` shows it; `systemctl revert virtqemud.socket` removes it), or let \
          libvirt ask polkit: remove auth_unix_rw from the daemon's file. Then run `systemctl daemon-reload` and restart the socket.",
    impact: "Users who connected by the wider socket need to be in the group libvirt, or to give an administrator's password.",
    apply: Apply::DaemonRestart,
    needs: "SocketMode and SocketGroup of the sockets of the daemons in use; auth_unix_rw, and without socket units unix_sock_rw_perms and \
            unix_sock_group (administrative access)",
    judge: Judge::Host(|facts, _| {
        worst(facts, "libvirt's sockets are open to no more users than intended", |daemon| {
            const AUTH: &str = "auth_unix_rw";
            let socket = socket(facts, daemon, "", "unix_sock_rw_perms", 0o777)?;
            let (name, conf) = (daemon.name, &daemon.conf);
            let asks = conf.text(AUTH)? != Some("none");
            let (mode, group) = (socket.mode, socket.group.as_str());
            let verdict = if mode & 0o002 != 0 && !asks {
                Verdict::fail(format!(
                    "The socket of {name} is open to every user ({mode:04o}), and libvirt asks nobody who it is."
                ))
            } else if mode & 0o020 != 0 && !["root", "libvirt"].contains(&group) && !asks {
                Verdict::warn(format!(
                    "The socket of {name} is open to the group {group} ({mode:04o}), and libvirt asks nobody who it is."
                ))
            } else {
                Verdict::pass("")
            };
            Ok(socket.shows(verdict).and(conf.place(AUTH), conf.shown(AUTH)))
        })
    }),
};

pub static ADMIN: Check = Check {
    id: "daemon.admin-socket",
    title: "Only root may control libvirt's daemons themselves",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "Over its admin socket a daemon is told what to log and where, and which clients to cut off. Nobody is asked who he is there: the \
          mode of the socket is all.",
    fix: "Remove what widens the socket: `systemctl revert virtqemud-admin.socket`, or without socket units unix_sock_admin_perms in the \
          daemon's file. Then run `systemctl daemon-reload` and restart the socket.",
    impact: "`virt-admin` works for root only.",
    apply: Apply::DaemonRestart,
    needs: "SocketMode of the admin sockets of the daemons in use; without socket units unix_sock_admin_perms (administrative access)",
    judge: Judge::Host(|facts, _| {
        worst(facts, "Only root may control libvirt's daemons themselves", |daemon| {
            let socket = socket(facts, daemon, "-admin", "unix_sock_admin_perms", 0o700)?;
            let (name, mode) = (daemon.name, socket.mode);
            let verdict = if mode & 0o077 != 0 {
                Verdict::fail(format!("The admin socket of {name} is open to more than its owner ({mode:04o})."))
            } else {
                Verdict::pass("")
            };
            Ok(socket.shows(verdict))
        })
    }),
};

pub static READ_ONLY: Check = Check {
    id: "daemon.auth-unix-ro",
    title: "Only chosen users may read the state of VMs",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Access,
    basis: &["https://libvirt.org/aclpolkit.html", "https://libvirt.org/auth.html"],
    why: "By default every user of this host may list all VMs of the system and read their definitions, without passwords: what disks, \
          addresses and devices each one has. A service that is broken into learns its targets that way.",
    fix: "Write a rule for the action org.libvirt.unix.monitor into /etc/polkit-1/rules.d that answers polkit.Result.NO to users who are not \
          to see VMs, or set `auth_unix_ro = \"sasl\"` in the daemon's file.",
    impact: "Monitoring that does not run as root must be let in by the rule.",
    apply: Apply::HostNow,
    needs: "auth_unix_ro of each daemon in use (administrative access), SocketMode of its read-only socket, polkit's answer for \
            org.libvirt.unix.monitor",
    judge: Judge::Host(|facts, _| read_only(facts)),
};

fn read_only(facts: &Facts) -> Judged {
    const KEY: &str = "auth_unix_ro";
    const ACTION: &str = "org.libvirt.unix.monitor";
    worst(facts, "Only chosen users may read the state of VMs", |daemon| {
        let socket = socket(facts, daemon, "-ro", "unix_sock_ro_perms", 0o777)?;
        let (name, conf, mode) = (daemon.name, &daemon.conf, socket.mode);
        let auth = conf.text(KEY)?;
        let verdict = if auth == Some("sasl") || mode & 0o002 == 0 {
            Verdict::pass("")
        } else if auth == Some("none") {
            Verdict::info(format!(
                "Every user of this host may read the state of VMs: {name} asks nobody (auth_unix_ro = \"none\")."
            ))
        } else {
            let polkit = &facts.host.polkit;
            // polkit is started when it is asked; until then its file says what it would answer.
            let known = polkit.actions.value().is_some() || polkit.policy.value().is_none();
            let actions = if known { &polkit.actions } else { &polkit.policy };
            let answers = actions.get()?.get(ACTION);
            let answers = answers
                .ok_or_else(|| Gap::new(actions.origin(), format!("polkit does not know the action {ACTION}")))?;
            let mut rules = polkit.rules.value().into_iter().flatten();
            let forbidding = rules.find(|file| file.text.contains(ACTION)).map(|file| file.path.as_str());
            let open = [&answers.any, &answers.inactive, &answers.active].into_iter().any(|answer| answer == "yes");
            let verdict = match forbidding {
                Some(path) if open => Verdict::info(format!(
                    "polkit lets every user of this host read the state of VMs through {name}, unless its rules in {path} forbid it."
                )),
                None if open => Verdict::info(format!(
                    "Every user of this host may read the state of VMs, as polkit lets all of them connect to {name}."
                )),
                _ => Verdict::pass(""),
            };
            let shown = format!("any {}, inactive {}, active {}", answers.any, answers.inactive, answers.active);
            verdict.and(format!("{}: {ACTION}", actions.origin()), shown)
        };
        Ok(socket.shows(verdict).and(conf.place(KEY), conf.shown(KEY)))
    })
}

pub static ANONYMOUS: Check = Check {
    id: "daemon.max-anonymous-clients",
    title: "libvirt limits clients that have not logged in",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: DAEMON_CONF,
    why: "With max_anonymous_clients = 0 clients that never log in may take all of the daemon's connections, so that administrators no \
          longer get in.",
    fix: "Remove max_anonymous_clients from the daemon's file in /etc/libvirt, and restart the daemon.",
    impact: "More than 20 clients that log in at the same moment wait for each other.",
    apply: Apply::DaemonRestart,
    needs: "max_anonymous_clients of each daemon in use (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "max_anonymous_clients";
        worst(facts, "Clients that have not logged in are limited", |daemon| {
            let Daemon { name, conf } = daemon;
            let verdict = match conf.integer(KEY)? {
                Some(0) => Verdict::warn(format!(
                    "{name} does not limit clients that have not logged in (max_anonymous_clients = 0)."
                )),
                _ => Verdict::pass(""),
            };
            Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
        })
    }),
};
