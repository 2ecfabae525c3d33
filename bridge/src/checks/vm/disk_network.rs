// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disks over the network.

use roxmltree::Node;

use super::Tally;
use super::disks::target;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static AUTHENTICATION: Check = Check {
    id: "vm.disk-network-auth",
    title: "Disks over the network are authenticated and encrypted",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[
        "https://libvirt.org/secureusage.html",
        "https://libvirt.org/formatdomain.html#hard-drives-floppy-disks-cdroms",
    ],
    why: "Whoever is on the way of a disk that is read in clear decides what the guest runs. A server that asks for no password serves the disk to everybody on that network.",
    fix: "Use https instead of http, `<source tls='yes'>` or nbd_tls in /etc/libvirt/qemu.conf for NBD, and `<auth>` with a secret for RBD and iSCSI. Remove `<ssl verify='no'/>`.",
    impact: "The server needs a certificate or users, and the VM must be started anew.",
    apply: Apply::NextStart,
    needs: "//disk[@type='network'] in the definition, and nbd_tls in /etc/libvirt/qemu.conf",
    judge: Judge::Definition(|facts, _, domain| {
        let mut tally = Tally::default();
        let mut any = false;
        for disk in domain.devices("disk").filter(|disk| disk.attribute("type") == Some("network")) {
            let Some(source) = child(disk, "source") else { continue };
            any = true;
            judge(facts, domain, disk, source, &mut tally)?;
        }
        if !any {
            return Ok(Verdict::not_applicable("The VM has no disk over the network."));
        }
        Ok(tally.finish(|| Verdict::pass("The VM's disks over the network are authenticated or encrypted.")))
    }),
};

fn judge(facts: &Facts, domain: &Domain, disk: Node, source: Node, tally: &mut Tally) -> Result<(), Gap> {
    let name = target(disk);
    let protocol = source.attribute("protocol").unwrap_or_default();
    let evidence = || domain.evidence(source, "protocol");
    if matches!(protocol, "http" | "ftp" | "tftp") {
        tally.add(Outcome::Fail, || {
            Verdict::fail(format!("The disk {name} is read over {protocol}, in clear and from whoever answers."))
                .because([evidence()])
        });
    }
    if let Some(ssl) = child(source, "ssl").filter(|ssl| ssl.attribute("verify") == Some("no")) {
        tally.add(Outcome::Warn, || {
            Verdict::warn(format!("The certificate of the server of the disk {name} is not verified."))
                .because([domain.evidence(ssl, "verify")])
        });
    }
    let auth = child(source, "auth").or_else(|| child(disk, "auth"));
    if matches!(protocol, "rbd" | "iscsi") && auth.is_none() {
        tally.add(Outcome::Warn, || {
            Verdict::warn(format!("The disk {name} is reached over {protocol} without authentication."))
                .because([evidence()])
                .and(format!("{}/auth", domain.path(source)), "(not set)")
        });
    }
    if protocol == "nbd" && !is_local(source) && !has_tls(facts, source)? {
        tally.add(Outcome::Warn, || {
            Verdict::warn(format!(
                "The disk {name} is reached over NBD without TLS, in clear and without authentication."
            ))
            .because([domain.evidence(source, "tls")])
        });
    }
    Ok(())
}

fn is_local(source: Node) -> bool {
    let local = |host: Node| {
        host.attribute("transport") == Some("unix")
            || matches!(host.attribute("name"), Some("localhost" | "127.0.0.1" | "::1"))
    };
    let mut hosts = children(source, "host").peekable();
    hosts.peek().is_some() && hosts.all(local)
}

/// The definition decides, and where it says nothing qemu.conf does.
fn has_tls(facts: &Facts, source: Node) -> Result<bool, Gap> {
    match source.attribute("tls") {
        Some(tls) => Ok(tls == "yes"),
        None => Ok(facts.host.config.qemu.get()?.integer("nbd_tls")? == Some(1)),
    }
}
