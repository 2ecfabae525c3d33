// SPDX-License-Identifier: LGPL-2.1-or-later
//! The certificates and keys that libvirt and QEMU use for TLS.

use jiff::civil::DateTime;
use jiff::tz::Offset;
use jiff::{SignedDuration, Timestamp};

use super::DAEMON_CONF;
use crate::checks::{Apply, Area, Check, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::tls::Tls;
use crate::facts::x509::Certificate;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// Time to issue a new one.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);
const RSA_BITS: u32 = 2048;

pub static HEALTH: Check = Check {
    id: "daemon.tls-cert-health",
    title: "Certificates are valid and strong, and their keys are secret",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: DAEMON_CONF,
    why: "Who can read a key, or compute it because it is short, poses as this host or decrypts what it sends. A certificate that expires \
          stops remote management and migration, which tempts to switch verification off.",
    fix: "Issue a new certificate with a key of 2048 bits or more (libvirt.org/kbase/tlscerts.html), make keys readable for their owner only: \
          `chmod 0600 /etc/pki/libvirt/private/serverkey.pem`; QEMU's keys may be readable for QEMU's group: `chgrp qemu; chmod 0640`. Check \
          with `virt-pki-validate`, and restart libvirt's daemons.",
    impact: "Clients must know the authority of the new certificate. Running VMs keep the old one until they are started anew.",
    apply: Apply::Manual,
    needs: "certificates and the modes of their keys below /etc/pki, and where libvirtd.conf, virtproxyd.conf and qemu.conf say that they lie \
            (administrative access)",
    judge: Judge::Host(|facts, _| health(facts)),
};

fn health(facts: &Facts) -> Judged {
    let host = &facts.host;
    // Where the files lie stands there.
    host.config.qemu.get()?;
    for name in super::remote::REMOTE {
        host.config.daemons.get(&format!("{name}.conf")).map_or(Ok(()), |conf| conf.get().map(|_| ()))?;
    }
    let tls = host.tls.get()?;
    if tls.certificates.is_empty() && tls.daemon_keys.is_empty() && tls.qemu_keys.is_empty() {
        return Ok(Verdict::not_applicable("There is no certificate of libvirt or QEMU on this host.")
            .and(host.tls.origin(), "(none)"));
    }
    let now: Timestamp =
        facts.recorded.parse().map_err(|_| Gap::new("date", "the time at which the host was read is not known"))?;
    let mut found = keys(tls)?;
    for (path, fact) in &tls.certificates {
        for certificate in fact.get()? {
            found.extend(certificate_problem(certificate, path, now)?);
        }
    }
    found.sort_by_key(|verdict| std::cmp::Reverse(verdict.outcome));
    let mut found = found.into_iter();
    let Some(mut worst) = found.next() else {
        let number = tls.certificates.len();
        let message = format!(
            "The certificates in {number} files are valid for 30 days or more and strong, and keys are secret."
        );
        let shown =
            |certificates: &Vec<Certificate>| certificates.first().map_or("", |first| &first.not_after).to_owned();
        let paths = tls.certificates.iter().filter_map(|(path, fact)| Some((path, shown(fact.value()?))));
        return Ok(
            paths.fold(Verdict::pass(message), |verdict, (path, until)| verdict.and(path, format!("until {until}")))
        );
    };
    for next in found {
        if next.outcome == worst.outcome {
            let message = worst.message.to_mut();
            message.push(' ');
            message.push_str(&next.message);
        }
        worst.evidence.extend(next.evidence);
    }
    Ok(worst)
}

fn certificate_problem(certificate: &Certificate, path: &str, now: Timestamp) -> Result<Option<Verdict>, Gap> {
    // Not a timestamp: the date of a certificate that never expires (RFC 5280: 9999-12-31) is later than the last one.
    let time = |text: &str| {
        let date = text.strip_suffix('Z').and_then(|text| text.parse::<DateTime>().ok());
        date.ok_or_else(|| Gap::new(path, format!("a date in {path} is not valid")))
    };
    let now = Offset::UTC.to_datetime(now);
    let (from, until) = (time(&certificate.not_before)?, time(&certificate.not_after)?);
    let verdict = |outcome: Outcome, message: String, value: String| Verdict::new(outcome, message).and(path, value);
    let dates = || format!("{} to {}", certificate.not_before, certificate.not_after);
    Ok(if until < now {
        Some(verdict(
            Outcome::Fail,
            format!("A certificate in {path} expired on {}.", day(&certificate.not_after)),
            dates(),
        ))
    } else if from > now {
        Some(verdict(
            Outcome::Fail,
            format!("A certificate in {path} is not valid before {}.", day(&certificate.not_before)),
            dates(),
        ))
    } else if let Some(bits) = certificate.rsa_bits.filter(|bits| *bits < RSA_BITS) {
        Some(verdict(
            Outcome::Fail,
            format!("A certificate in {path} has a short RSA key of {bits} bits."),
            format!("RSA, {bits} bits"),
        ))
    } else if until.duration_since(now) < SOON {
        Some(verdict(
            Outcome::Warn,
            format!("A certificate in {path} expires on {}.", day(&certificate.not_after)),
            dates(),
        ))
    } else {
        None
    })
}

fn day(time: &str) -> &str {
    time.split('T').next().unwrap_or(time)
}

/// QEMU does not run as root, so that its keys must be readable for its group, or belong to its user.
fn keys(tls: &Tls) -> Result<Vec<Verdict>, Gap> {
    let mut found = Vec::new();
    let all = tls.daemon_keys.values().map(|key| (key, true)).chain(tls.qemu_keys.values().map(|key| (key, false)));
    for (fact, only_root) in all {
        let key = fact.get()?;
        let who = if key.others_may_read() || key.mode & 0o002 != 0 {
            "everybody"
        } else if only_root && key.group_may_read() {
            "a group that is not root's"
        } else {
            continue;
        };
        let message = format!("The private key {} is open to {who} ({:04o}).", key.path, key.mode);
        found.push(Verdict::fail(message).and(fact.origin(), key.shown()));
    }
    Ok(found)
}
