// SPDX-License-Identifier: LGPL-2.1-or-later
//! SPICE: whether it is encrypted, and whether this host still has it.

use std::fmt::Display;

use roxmltree::Node;

use super::console::{Console, Protocol, consoles};
use super::{Tally, arch, not_known};
use crate::checks::domain::children;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static SECURE_CHANNELS: Check = Check {
    id: "vm.spice-secure-channels",
    title: "SPICE on the network is always encrypted",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#graphical-framebuffers"],
    why: "Unless the definition says `secure`, a SPICE server with TLS takes clients without it too: whoever is between a viewer \
          and the host makes the viewer fall back, and reads screen and keys.",
    fix: "Set spice_tls = 1 in /etc/libvirt/qemu.conf with a certificate in /etc/pki/libvirt-spice, and `defaultMode='secure'` at \
          the console with `virsh edit VM`; delete `<channel>` elements below it with mode `insecure`.",
    impact: "Viewers need the certificate of the authority that signed the host's. Viewers without TLS do not connect any more.",
    apply: Apply::NextStart,
    needs: "//graphics[@type='spice'] in the definition, and spice_listen and spice_tls in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Definition(|facts, _, domain| Ok(secure_channels(facts, domain))),
};

/// The channels that a definition can name.
const CHANNELS: [&str; 8] = ["main", "display", "inputs", "cursor", "playback", "record", "smartcard", "usbredir"];

fn secure_channels(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut good = None;
    for console in consoles(domain).filter(|console| console.protocol == Protocol::Spice) {
        match secure(facts, &console) {
            Ok(None) => {}
            Ok(Some((Outcome::Pass, _))) => good = Some(domain.evidence(console.node, "defaultMode")),
            Ok(Some((outcome, message))) => tally.add(outcome, || {
                Verdict::new(outcome, message).because([domain.evidence(console.node, "defaultMode")])
            }),
            Err(gap) => tally.add(Outcome::Unknown, || {
                not_known(&format!("Whether the {} is always encrypted", console.name()), &gap)
            }),
        }
    }
    tally.finish(|| match good {
        Some(evidence) => Verdict::pass("Every SPICE console on the network demands TLS.").because([evidence]),
        None => Verdict::not_applicable("No SPICE console listens on an address of the network."),
    })
}

/// `None` for a console that nobody reaches from elsewhere.
fn secure(facts: &Facts, console: &Console) -> Result<Option<(Outcome, String)>, Gap> {
    if console.exposed(facts)?.is_none() {
        return Ok(None);
    }
    let mode = |name: &str| {
        let channel = children(console.node, "channel").filter(|channel| channel.attribute("name") == Some(name));
        let mode = channel.last().and_then(|channel| channel.attribute("mode")).filter(|mode| *mode != "any");
        mode.or_else(|| console.node.attribute("defaultMode")).unwrap_or("any")
    };
    if CHANNELS.iter().any(|name| mode(name) == "insecure") {
        let message = format!("The {} sends channels over the network without encryption.", console.name());
        return Ok(Some((Outcome::Fail, message)));
    }
    if CHANNELS.iter().all(|name| mode(name) == "secure") {
        return Ok(Some((Outcome::Pass, String::new())));
    }
    Ok(Some(if console.tls(facts)?.0 {
        (Outcome::Warn, format!("The {} takes clients with TLS and without.", console.name()))
    } else {
        (Outcome::Fail, format!("The {} is on the network without TLS.", console.name()))
    }))
}

pub static PRESENT: Check = Check {
    id: "vm.spice-present",
    title: "The VM needs no SPICE where this host has none",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Console,
    basis: &["https://github.com/cockpit-project/cockpit-machines", "https://libvirt.org/formatdomaincaps.html"],
    why: "RHEL 9 and later build QEMU without SPICE and QXL, because nobody maintains them there. A VM that asks for them does not start; where \
          it still runs from before an update, its QEMU holds code that gets no more fixes.",
    fix: "Run `virt-xml VM --convert-to-vnc`, or choose \"Replace SPICE devices\" in Cockpit, shut the VM down and start it again.",
    impact: "Viewers use VNC: no sound, no USB redirection and no shared clipboard through the console.",
    apply: Apply::NextStart,
    needs: "//graphics, //video and the devices of type spicevmc in the definition; libvirt's domain capabilities",
    judge: Judge::Definition(|facts, _, domain| present(facts, domain)),
};

fn present(facts: &Facts, domain: &Domain) -> Judged {
    let spice = uses_spice(domain);
    let qxl = domain
        .devices("video")
        .flat_map(|video| video.children())
        .find(|model| model.has_tag_name("model") && model.attribute("type") == Some("qxl"));
    if spice.is_none() && qxl.is_none() {
        return Ok(Verdict::pass("The VM uses neither SPICE nor QXL."));
    }
    let fact = &facts.libvirt.device_kinds;
    let kinds = fact.get()?;
    let arch = arch(facts, domain)?;
    if kinds.arch != arch {
        return Err(Gap::new(
            fact.origin(),
            format!("libvirt was asked what QEMU has for {}, not for {arch}", kinds.arch),
        ));
    }
    let mut tally = Tally::default();
    for (node, kinds, name) in [(spice, &kinds.graphics, "spice"), (qxl, &kinds.video, "qxl")] {
        let Some(node) = node else { continue };
        let lacks = || Gap::new(fact.origin(), format!("this libvirt does not say whether QEMU has {name}"));
        let kinds = kinds.as_ref().ok_or_else(lacks)?;
        if !kinds.iter().any(|kind| kind == name) {
            tally.add(Outcome::Warn, || lacking(domain, node, name).and(fact.origin(), kinds.join(", ")));
        }
    }
    Ok(tally.finish(|| Verdict::pass("This host's QEMU has what the VM uses of SPICE and QXL.")))
}

fn lacking(domain: &Domain, node: Node, name: impl Display) -> Verdict {
    Verdict::warn(format!("The VM uses {name}, which this host's QEMU does not have: it does not start any more."))
        .because([domain.evidence(node, "type")])
}

/// A console, or a device whose other end is one.
fn uses_spice<'a, 'i>(domain: &'a Domain<'i>) -> Option<Node<'a, 'i>> {
    let devices = domain.find("devices")?.children().filter(Node::is_element);
    devices.into_iter().find(|device| match device.attribute("type") {
        Some("spice") => device.has_tag_name("graphics") || device.has_tag_name("audio"),
        Some("spicevmc" | "spiceport") => true,
        _ => false,
    })
}
