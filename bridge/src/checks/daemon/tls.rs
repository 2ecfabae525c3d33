// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt over TLS: whom its certificates let in.

use super::DAEMON_CONF;
use super::remote::{Port, listening, worst_remote};
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const QUIET: &str = "libvirt does not listen for TLS connections.";
const NEEDS: &str = "listening sockets, the state of libvirt's TLS sockets; where it listens, the settings in libvirtd.conf or virtproxyd.conf \
                     (administrative access)";

fn quiet(facts: &Facts) -> Result<bool, Gap> {
    listening(facts, Port::Tls).map(|found| found.is_none())
}

pub static VERIFY_CLIENT: Check = Check {
    id: "daemon.tls-verify-client",
    title: "libvirt over TLS verifies the certificates of its clients",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "A client's certificate is all that libvirt asks for over TLS. With tls_no_verify_certificate = 1 whoever reaches the port manages \
          the VMs, and so is root on the host.",
    fix: "Remove tls_no_verify_certificate from the daemon's file in /etc/libvirt, and run `systemctl try-restart virtproxyd libvirtd`.",
    impact: "Clients without a certificate of the same authority no longer connect.",
    apply: Apply::DaemonRestart,
    needs: "listening sockets, the state of libvirt's TLS sockets, tls_no_verify_certificate in libvirtd.conf or virtproxyd.conf \
            (administrative access)",
    judge: Judge::Host(|facts, _| verify_client(facts)),
};

fn verify_client(facts: &Facts) -> Judged {
    const KEY: &str = "tls_no_verify_certificate";
    let quiet = quiet(facts)?;
    worst_remote(facts, "libvirt over TLS verifies the certificates of its clients", |conf, name| {
        let off = conf.integer(KEY)?.is_some_and(|value| value != 0);
        let verdict = match (off, quiet) {
            (true, false) => {
                Verdict::fail(format!("{name} lets in everybody who reaches it over TLS (tls_no_verify_certificate)."))
            }
            (true, true) => Verdict::warn(format!(
                "{name} does not listen for TLS connections now, but would let in everybody who reaches it (tls_no_verify_certificate)."
            )),
            (false, true) => return Ok(Verdict::not_applicable(QUIET)),
            (false, false) => Verdict::pass(""),
        };
        Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
    })
}

pub static ALLOWED_DN: Check = Check {
    id: "daemon.tls-allowed-dn",
    title: "libvirt over TLS knows which certificates may manage this host",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "Without a list every certificate of the authority may manage this host: also the one of each other host, so that who breaks into \
          one of them has all.",
    fix: "Set tls_allowed_dn_list in the daemon's file in /etc/libvirt (`virt-pki-query-dn clientcert.pem` prints a name), or \
          `auth_tls = \"sasl\"`, and run `systemctl try-restart virtproxyd libvirtd`.",
    impact: "Clients that are not listed no longer connect.",
    apply: Apply::DaemonRestart,
    needs: NEEDS,
    judge: Judge::Host(|facts, _| {
        const KEYS: [&str; 2] = ["tls_allowed_dn_list", "auth_tls"];
        if quiet(facts)? {
            return Ok(Verdict::not_applicable(QUIET));
        }
        worst_remote(facts, "libvirt over TLS lets in chosen certificates or users only", |conf, name| {
            let chosen = conf.list(KEYS[0])?.is_some() || conf.text(KEYS[1])? == Some("sasl");
            let verdict = if chosen {
                Verdict::pass("")
            } else {
                Verdict::warn(format!(
                    "{name} lets every certificate of its authority manage this host (no tls_allowed_dn_list)."
                ))
            };
            Ok(KEYS.into_iter().fold(verdict, |verdict, key| verdict.and(conf.place(key), conf.shown(key))))
        })
    }),
};

pub static CRL: Check = Check {
    id: "daemon.tls-crl",
    title: "libvirt over TLS knows which certificates were revoked",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "A certificate that was stolen with its key lets the thief in until it expires, unless libvirt is told that it was revoked.",
    fix: "Set `crl_file = \"/etc/pki/CA/crl.pem\"` in the daemon's file in /etc/libvirt, keep that file up to date, and run \
          `systemctl try-restart virtproxyd libvirtd`.",
    impact: "libvirt reads the list when it starts; after each change the daemon must be restarted.",
    apply: Apply::DaemonRestart,
    needs: NEEDS,
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "crl_file";
        if quiet(facts)? {
            return Ok(Verdict::not_applicable(QUIET));
        }
        worst_remote(facts, "libvirt over TLS has a list of revoked certificates", |conf, name| {
            let verdict = match conf.text(KEY)? {
                Some(_) => Verdict::pass(""),
                None => Verdict::info(format!(
                    "{name} has no list of revoked certificates (crl_file): each is good until it expires."
                )),
            };
            Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
        })
    }),
};

pub static SANITY: Check = Check {
    id: "daemon.tls-sanity",
    title: "libvirt checks its own certificates when it starts",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "The check finds a certificate that has expired, that is not for a server, or that the authority did not sign, before \
          a client meets it. Administrators who see such errors at the client tend to switch verification off.",
    fix: "Remove tls_no_sanity_certificate from the daemon's file in /etc/libvirt, and run `systemctl try-restart virtproxyd libvirtd`.",
    impact: "With a bad certificate libvirt no longer listens for TLS connections.",
    apply: Apply::DaemonRestart,
    needs: "tls_no_sanity_certificate in libvirtd.conf or virtproxyd.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "tls_no_sanity_certificate";
        worst_remote(facts, "libvirt checks its own certificates when it starts", |conf, name| {
            let verdict = match conf.integer(KEY)? {
                None | Some(0) => Verdict::pass(""),
                Some(_) => {
                    Verdict::warn(format!("{name} does not check its own certificates (tls_no_sanity_certificate)."))
                }
            };
            Ok(verdict.and(conf.place(KEY), conf.shown(KEY)))
        })
    }),
};
