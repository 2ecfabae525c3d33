// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the host's firewall lets through to libvirt and to consoles.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::host::Zone;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static LIBVIRT_PORTS: Check = Check {
    id: "host.firewall-libvirt-ports",
    title: "The firewall opens no port of libvirt or of consoles",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "Port 16509 is libvirt without encryption: who reads along there takes over the host. Ports from 5900 on are the \
          screens of the VMs. Red Hat's chapter tells to manage hosts through SSH or TLS only, which needs none of them.",
    fix: "Run `firewall-cmd --permanent --zone=ZONE --remove-service=SERVICE` or `--remove-port=PORT`, then `firewall-cmd --reload`. \
          Manage through `qemu+ssh://`, and open consoles through Cockpit or `virt-viewer -c qemu+ssh://…`, which tunnel them.",
    impact: "Clients that connect to these ports directly stop working; live migration needs 49152-49215/tcp between the hosts that take part.",
    apply: Apply::HostNow,
    needs: "firewalld's zones over D-Bus; tls_no_verify_certificate of the daemons where libvirt-tls is open",
    judge: Judge::Host(|facts, _| ports(facts)),
};

/// Zones that are meant for one's own machines, or that libvirt makes for its own bridges.
const INTERNAL: [&str; 4] = ["internal", "trusted", "libvirt", "libvirt-routed"];

#[derive(PartialEq)]
enum Opening {
    /// libvirt in the clear, or consoles.
    Bare,
    /// libvirt with TLS: as good as its client certificates.
    Tls,
    Migration,
}

fn ports(facts: &Facts) -> Judged {
    let firewall = &facts.host.firewall;
    let zones = &firewall.get()?.zones;
    let found: Vec<(&Zone, String, Opening)> = zones
        .iter()
        .flat_map(|zone| openings(zone).into_iter().map(move |(what, opening)| (zone, what, opening)))
        .collect();
    let exposed = |zone: &Zone| zone.active && !INTERNAL.contains(&zone.name.as_str());
    let bare = |(zone, _, opening): &&(&Zone, String, Opening)| *opening == Opening::Bare && exposed(zone);
    let evidence = |verdict: Verdict| {
        found.iter().fold(verdict, |verdict, (zone, what, _)| {
            let kind = if zone.permanent { "permanent" } else { "running" };
            verdict.and(format!("{}: zone {} ({kind})", firewall.origin(), zone.name), what)
        })
    };
    if let Some((zone, what, _)) = found.iter().find(bare) {
        return Ok(evidence(Verdict::fail(format!(
            "The firewall's zone {} lets the network reach {what} of this host.",
            zone.name
        ))));
    }
    if found.iter().any(|(zone, _, opening)| *opening == Opening::Tls && exposed(zone))
        && let Some((place, value)) = unverified(facts)?
    {
        let message = "The firewall opens libvirt's TLS port, and libvirt is told not to verify the certificates of its clients, \
                       so that anybody who reaches it may manage this host.";
        return Ok(evidence(Verdict::warn(message).and(place, value)));
    }
    let Some((zone, what, _)) = found.iter().find(|(_, _, opening)| *opening != Opening::Tls) else {
        return Ok(evidence(if found.is_empty() {
            Verdict::pass(format!(
                "None of the firewall's {} zones opens a port of libvirt or of consoles.",
                count(zones)
            ))
            .and(firewall.origin(), "(no such service or port)")
        } else {
            Verdict::pass(
                "The firewall opens libvirt's TLS port only, and libvirt verifies the certificates of its clients.",
            )
        }));
    };
    let message = if !zone.active {
        format!(
            "The firewall's zone {} opens {what}. No interface is in that zone now; it counts when one is.",
            zone.name
        )
    } else if INTERNAL.contains(&zone.name.as_str()) {
        format!("The firewall's zone {} opens {what} to the network inside.", zone.name)
    } else {
        format!("The firewall's zone {} opens {what}; hosts that do not migrate VMs do not need that.", zone.name)
    };
    Ok(evidence(Verdict::warn(message)))
}

/// Each zone is there twice, as it runs and as it is stored.
fn count(zones: &[Zone]) -> usize {
    zones.iter().map(|zone| &zone.name).collect::<std::collections::BTreeSet<_>>().len()
}

fn openings(zone: &Zone) -> Vec<(String, Opening)> {
    let mut found = Vec::new();
    // libvirt's own zones accept what their guests send; that is how guests reach DHCP and DNS.
    if zone.target == "ACCEPT" && !INTERNAL.contains(&zone.name.as_str()) {
        found.push(("every port (target ACCEPT)".to_owned(), Opening::Bare));
    }
    for service in &zone.services {
        match service.as_str() {
            "libvirt" => {
                found.push(("libvirt without encryption (service libvirt, 16509/tcp)".to_owned(), Opening::Bare));
            }
            "vnc-server" => found.push(("VNC consoles (service vnc-server, 5900-5903/tcp)".to_owned(), Opening::Bare)),
            "libvirt-tls" => found.push(("libvirt with TLS (service libvirt-tls, 16514/tcp)".to_owned(), Opening::Tls)),
            _ => {}
        }
    }
    for port in &zone.ports {
        let Some((first, last)) = tcp_range(port) else { continue };
        let holds = |low: u16, high: u16| first <= high && last >= low;
        if holds(16509, 16509) {
            found.push((format!("libvirt without encryption (port {port})"), Opening::Bare));
        } else if holds(5900, 5999) {
            found.push((format!("consoles (port {port})"), Opening::Bare));
        } else if holds(49152, 49215) {
            found.push((format!("migration (port {port})"), Opening::Migration));
        } else if holds(16514, 16514) {
            found.push((format!("libvirt with TLS (port {port})"), Opening::Tls));
        }
    }
    found
}

/// `5900-5999/tcp` or `16509/tcp`.
fn tcp_range(port: &str) -> Option<(u16, u16)> {
    let numbers = port.strip_suffix("/tcp")?;
    let (first, last) = numbers.split_once('-').unwrap_or((numbers, numbers));
    Some((first.parse().ok()?, last.parse().ok()?))
}

/// The first daemon that takes any client certificate. The default is to verify.
fn unverified(facts: &Facts) -> Result<Option<(String, String)>, Gap> {
    const KEY: &str = "tls_no_verify_certificate";
    for name in ["libvirtd.conf", "virtproxyd.conf"] {
        let Some(fact) = facts.host.config.daemons.get(name) else { continue };
        let conf = fact.get()?;
        if conf.integer(KEY)?.is_some_and(|value| value != 0) {
            return Ok(Some((conf.place(KEY), conf.shown(KEY))));
        }
    }
    if facts.host.config.daemons.is_empty() {
        return Err(Gap::new("/etc/libvirt", "whether libvirt verifies its TLS clients' certificates was not read"));
    }
    Ok(None)
}
