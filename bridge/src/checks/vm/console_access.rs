// SPDX-License-Identifier: LGPL-2.1-or-later
//! How long a console's password holds, and who may look on.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};

use super::console::{Console, Login, Protocol, consoles};
use super::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static PASSWORD_EXPIRY: Check = Check {
    id: "vm.graphics-password-expiry",
    title: "The password of a console expires soon",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#graphical-framebuffers"],
    why: "A console's password is one secret for all who use it. One that never expires stays with everybody who ever had it, \
          with those who left, and in the files of their viewers.",
    fix: "Set a password for the time of its use, with `passwdValidTo='2030-12-31T12:00:00'` (UTC) beside `passwd` in `virsh edit VM`, or \
          live with `virsh update-device VM graphics.xml`. Or let the console listen on 127.0.0.1 and reach it through SSH.",
    impact: "After that time nobody gets in until a new password is set; connections that are open stay open.",
    apply: Apply::Live,
    needs: "//graphics in the definition; for consoles on the network, whether one has a password (administrative access) and the keys \
            *_listen and *_password in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Definition(|facts, vm, domain| Ok(password_expiry(facts, vm, domain))),
};

/// A password that holds longer from now is one that nobody expects to change.
const DAYS: i64 = 30;

fn password_expiry(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut good = None;
    for console in consoles(domain).filter(|console| console.protocol != Protocol::Rdp) {
        let subject = || format!("When the password of the {} expires", console.name());
        if let Some(until) = console.node.attribute("passwdValidTo") {
            match lasts(facts, until) {
                Ok(false) => good = Some(domain.evidence(console.node, "passwdValidTo")),
                Ok(true) => tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The password of the {} holds until {until} (UTC), more than {DAYS} days from the time of this audit.",
                        console.name()
                    ))
                    .because([domain.evidence(console.node, "passwdValidTo")])
                }),
                Err(gap) => tally.add(Outcome::Unknown, || not_known(&subject(), &gap)),
            }
            continue;
        }
        match has_password(facts, vm, domain, &console) {
            Ok(false) => {}
            Ok(true) => tally.add(Outcome::Info, || {
                Verdict::info(format!("The password of the {} never expires.", console.name()))
                    .because([domain.evidence(console.node, "passwdValidTo")])
            }),
            Err(gap) => tally.add(Outcome::Unknown, || not_known(&subject(), &gap)),
        }
    }
    tally.finish(|| match good {
        Some(evidence) => {
            Verdict::pass("The password of each console expires soon, or has expired.").because([evidence])
        }
        None => Verdict::not_applicable("No console on the network has a password that could expire."),
    })
}

/// Whether a time, as libvirt writes it, is later than [`DAYS`] from the reading of the facts.
fn lasts(facts: &Facts, until: &str) -> Result<bool, Gap> {
    let now: Timestamp =
        facts.recorded.parse().map_err(|_| Gap::new("", "the facts do not say when they were recorded"))?;
    let until: DateTime =
        until.parse().map_err(|_| Gap::new("passwdValidTo", format!("libvirt does not write a time as {until}")))?;
    let until = TimeZone::UTC.to_timestamp(until).map_err(|_| Gap::new("passwdValidTo", "it is out of range"))?;
    let limit = now.saturating_add(Span::new().hours(DAYS * 24)).unwrap_or(Timestamp::MAX);
    Ok(until > limit)
}

/// Whether a console that others can reach asks for a password.
fn has_password(facts: &Facts, vm: &Vm, domain: &Domain, console: &Console) -> Result<bool, Gap> {
    if console.exposed(facts)?.is_none() {
        return Ok(false);
    }
    let set = if domain.is_live() { &vm.graphics_passwords.live } else { &vm.graphics_passwords.stored };
    let lacks = || Gap::new(set.origin(), "the consoles changed while they were read");
    if set.get()?.get(console.index).copied().ok_or_else(lacks)? {
        return Ok(true);
    }
    Ok(matches!(console.default_login(facts)?, Login::Password(_)))
}

pub static SESSION_SHARE: Check = Check {
    id: "vm.console-session-share",
    title: "Nobody joins a console session unseen",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Console,
    basis: &[
        "https://libvirt.org/formatdomain.html#graphical-framebuffers",
        "https://github.com/vmware/vcf-security-and-compliance-guidelines",
    ],
    why: "Where every viewer is let in beside those who are there, somebody with access to the console watches another's session, and types \
          into it, without that person noticing.",
    fix: "Run `virsh edit VM` and set `sharePolicy='allow-exclusive'` at the VNC console, or delete the attribute; at an RDP console set \
          `multiUser='no'`.",
    impact: "A viewer that asks for the console alone disconnects the others. Training and support sessions with several viewers need \
             viewers that ask to share.",
    apply: Apply::NextStart,
    needs: "//graphics in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(session_share(domain))),
};

fn session_share(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut any = false;
    for console in consoles(domain) {
        any = true;
        let name = console.name();
        let (attribute, message) = match console.protocol {
            Protocol::Vnc => match console.node.attribute("sharePolicy") {
                Some("force-shared") => ("sharePolicy", format!("The {name} never gives a viewer the session alone.")),
                Some("ignore") => (
                    "sharePolicy",
                    format!("The {name} lets every viewer in beside those who are there, asked or not."),
                ),
                _ => continue,
            },
            Protocol::Rdp if console.node.attribute("multiUser") == Some("yes") => {
                ("multiUser", format!("The {name} lets several viewers in at a time."))
            }
            // A SPICE server has one client at a time.
            _ => continue,
        };
        tally.add(Outcome::Warn, || Verdict::warn(message).because([domain.evidence(console.node, attribute)]));
    }
    tally.finish(|| {
        if any {
            Verdict::pass("A viewer of each console can have the session alone.")
        } else {
            Verdict::not_applicable("The VM has no console that several viewers could share.")
        }
    })
}
