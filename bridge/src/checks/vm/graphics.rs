// SPDX-License-Identifier: LGPL-2.1-or-later
//! Consoles: VNC, SPICE, RDP.

use super::console::{Console, Exposed, Login, Protocol, consoles};
use super::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static LISTEN: Check = Check {
    id: "vm.graphics-listen",
    title: "No console is reachable from the network",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#graphical-framebuffers", "https://libvirt.org/drvqemu.html"],
    why: "A console is the VM's keyboard and screen: whoever reaches it can restart the guest, choose another boot device, and \
          use any session that is logged in. Without TLS, everybody on the way reads screen and keys too. It is also a door into \
          QEMU itself, because the VNC or SPICE server runs in the VM's own process.",
    fix: "Run `virt-xml VM --edit all --graphics listen=127.0.0.1`, or `listen=none` for clients that come through libvirt only. \
          Cockpit, virt-manager and `virt-viewer --connect qemu+ssh://HOST/system VM` reach such a console through SSH. If it comes from \
          qemu.conf, remove vnc_listen and spice_listen there and restart libvirt's daemon.",
    impact: "Clients that connect straight to the host's port, and websocket proxies on other machines, stop working.",
    apply: Apply::NextStart,
    needs: "//graphics in the definition; vnc_listen, spice_listen, vnc_tls, spice_tls in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Definition(|facts, _, domain| Ok(listen(facts, domain))),
};

fn listen(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut first = None;
    for console in consoles(domain) {
        match console.exposed(facts) {
            Ok(None) => {}
            Ok(Some(exposed)) => {
                let tls = console.tls(facts);
                let outcome = if matches!(tls, Ok((false, _))) { Outcome::Fail } else { Outcome::Warn };
                tally.add(outcome, || reachable(&console, &exposed, domain, outcome, tls));
            }
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("Where the {} listens", console.name()), &gap));
            }
        }
        first.get_or_insert(console);
    }
    tally.finish(|| match first {
        None => Verdict::pass("The VM has no console that could listen on the network."),
        Some(console) => Verdict::pass("No console listens on an address of the network.")
            .and(console.path(domain), "this host only"),
    })
}

fn reachable(
    console: &Console,
    exposed: &Exposed,
    domain: &Domain,
    outcome: Outcome,
    tls: Result<(bool, Option<Evidence>), Gap>,
) -> Verdict {
    let (name, address) = (console.name(), exposed.address);
    let ports = console.ports(domain, !matches!(tls, Ok((false, _))));
    let address = match ports.as_slice() {
        [] => address.to_owned(),
        [port] => format!("{address} port {port}"),
        [plain, tls, ..] => format!("{address} ports {plain} and {tls}"),
    };
    let source = exposed.key().map_or_else(String::new, |key| format!(" ({key} of qemu.conf)"));
    let place = format!("The {name} listens on {address}{source}");
    let verdict = |message: String| Verdict::new(outcome, message).because([exposed.evidence(domain)]);
    match tls {
        Ok((false, evidence)) => verdict(format!(
            "{place} without TLS: whoever reaches this host's port can see and control the VM."
        ))
        .because(evidence),
        Ok((true, evidence)) => {
            let plain = if console.is_plain_too() { " and without, as the client likes" } else { "" };
            verdict(format!("{place} with TLS{plain}: whoever reaches this host's port can try to log in."))
                .because(evidence)
        }
        Err(gap) => verdict(format!(
            "{place}: whoever reaches this host's port can try to see and control the VM. Whether it uses TLS is not known: {}.",
            gap.reason
        ))
        .and(gap.origin, format!("not known: {}", gap.reason)),
    }
}

pub static PASSWORD: Check = Check {
    id: "vm.graphics-password",
    title: "A console on the network asks for a password",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#graphical-framebuffers", "https://libvirt.org/drvqemu.html"],
    why: "A console that listens on the network without a password gives the VM's keyboard and screen to whoever finds its port. \
          A VNC password keeps out passers-by only: it has eight significant bytes, and its challenge can be broken by \
          whoever records one login.",
    fix: "Let the console listen on 127.0.0.1 (see vm.graphics-listen). If it must be on the network, set a password with \
          `virt-xml VM --edit --graphics password=SECRET`, or vnc_password and spice_password in /etc/libvirt/qemu.conf, and turn \
          on vnc_tls and vnc_sasl, or spice_tls and spice_sasl.",
    impact: "Every client must know the password. It stands in clear in libvirt's files, which root can read.",
    apply: Apply::Live,
    needs: "//graphics in the definition, whether it has a password (administrative access), and the keys *_password and *_sasl in \
            /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Definition(|facts, vm, domain| Ok(password(facts, vm, domain))),
};

fn password(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let set = if domain.is_live() { &vm.graphics_passwords.live } else { &vm.graphics_passwords.stored };
    let mut tally = Tally::default();
    let mut good = None;
    for console in consoles(domain) {
        let subject = || format!("Whether the {} asks for a password", console.name());
        let exposed = match console.exposed(facts) {
            Ok(None) => continue,
            Ok(Some(exposed)) => exposed,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&subject(), &gap));
                continue;
            }
        };
        let own = set.get().and_then(|known| {
            let lacks = || Gap::new(set.origin(), "the consoles changed while they were read");
            known.get(console.index).copied().ok_or_else(lacks)
        });
        let login = match own {
            Ok(true) => Ok(None),
            Ok(false) => console.default_login(facts).map(Some),
            Err(gap) => Err(gap),
        };
        let place = || format!("The {}, which listens on {},", console.name(), exposed.address);
        match login {
            Err(gap) => tally.add(Outcome::Unknown, || not_known(&subject(), &gap)),
            Ok(Some(Login::None(evidence))) => tally.add(Outcome::Fail, || {
                Verdict::fail(format!("{} asks for no password.", place()))
                    .because([exposed.evidence(domain)])
                    .and(format!("{}/@passwd", console.path(domain)), "(not set)")
                    .because([evidence])
            }),
            Ok(Some(Login::Sasl(evidence) | Login::Nobody(evidence))) => good = Some(evidence),
            Ok(None) if console.protocol == Protocol::Vnc => tally.add(Outcome::Warn, || {
                weak(&place())
                    .because([exposed.evidence(domain)])
                    .and(format!("{}/@passwd", console.path(domain)), "(set, not recorded)")
            }),
            Ok(Some(Login::Password(evidence))) if console.protocol == Protocol::Vnc => {
                tally.add(Outcome::Warn, || weak(&place()).because([exposed.evidence(domain), evidence]));
            }
            Ok(None | Some(Login::Password(_))) => {
                good.get_or_insert_with(|| exposed.evidence(domain));
            }
        }
    }
    tally.finish(|| match good {
        None => Verdict::not_applicable("No console listens on an address of the network."),
        Some(evidence) => Verdict::pass("Each console on the network asks for a login.").because([evidence]),
    })
}

fn weak(place: &str) -> Verdict {
    Verdict::warn(format!("{place} is protected by a VNC password only: eight bytes, and weak cryptography."))
}
