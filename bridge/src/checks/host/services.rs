// SPDX-License-Identifier: LGPL-2.1-or-later
//! Services of the host that protect it, or that are more than it needs.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// The first of these units that is active.
fn active<'a>(facts: &Facts, names: &[&'a str]) -> Result<Option<&'a str>, Gap> {
    let units = facts.host.systemd.units.get()?;
    if units.is_empty() {
        return Err(Gap::new(facts.host.systemd.units.origin(), "systemd told about no unit"));
    }
    Ok(names.iter().copied().find(|name| units.get(*name).is_some_and(|unit| unit.active == "active")))
}

fn state(name: &str) -> String {
    format!("org.freedesktop.systemd1: {name} ActiveState")
}

fn none(verdict: Verdict, names: &[&str]) -> Verdict {
    verdict.and("org.freedesktop.systemd1: ActiveState", format!("none active of {}", names.join(", ")))
}

/// Services that load rules once, of which no fact has the rules.
const FILTERS: [&str; 8] = [
    "nftables.service",
    "iptables.service",
    "ip6tables.service",
    "ufw.service",
    "netfilter-persistent.service",
    "ferm.service",
    "shorewall.service",
    "pve-firewall.service",
];

pub static FIREWALL: Check = Check {
    id: "host.firewall-active",
    title: "The host has a firewall",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html"],
    why: "Without a firewall everything that listens on the host can be reached from the network: a console that somebody opened, libvirt's ports, a migration that runs.",
    fix: "Run `systemctl enable --now firewalld`, from the machine's own console, or after `firewall-offline-cmd --add-service=ssh --add-service=cockpit`.",
    impact: "What the zone does not allow can no longer be reached. libvirt puts its own networks in a zone of their own.",
    apply: Apply::HostNow,
    needs: "the state of firewalld and of other services that load firewall rules",
    judge: Judge::Host(|facts, _| {
        let firewalld = "firewalld.service";
        if active(facts, &[firewalld])?.is_some() {
            return Ok(Verdict::pass("firewalld runs.").and(state(firewalld), "active"));
        }
        Ok(match active(facts, &FILTERS)? {
            Some(name) => Verdict::info(format!(
                "{name} loads the host's firewall. Which ports it opens was not read, as it is not firewalld."
            ))
            .and(state(name), "active"),
            None => none(
                Verdict::warn(
                    "No service that loads firewall rules is active, so that every port of the host may be open.",
                ),
                &FILTERS,
            )
            .and(state(firewalld), "not active"),
        })
    }),
};

pub static AUDITD: Check = Check {
    id: "host.auditd",
    title: "The audit daemon records what happens to VMs",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Daemon,
    basis: &["https://libvirt.org/auditlog.html"],
    why: "Who started a VM, and which disk or device it was given, stands in the audit log only, and so does what SELinux denied. Without it a break-in leaves nothing to look at.",
    fix: "Install the package audit (Debian: auditd), and run `systemctl enable --now auditd`.",
    impact: "The log takes some space in /var/log/audit, which auditd limits.",
    apply: Apply::HostNow,
    needs: "the state of auditd.service, /proc/cmdline",
    judge: Judge::Host(|facts, _| {
        let auditd = "auditd.service";
        let cmdline = &facts.host.kernel.cmdline;
        let running = active(facts, &[auditd])?.is_some();
        let off = cmdline.get()?.split_whitespace().any(|word| word == "audit=0" || word == "audit=off");
        Ok(if off {
            Verdict::warn("A kernel argument switches auditing off.").with(cmdline)
        } else if running {
            Verdict::pass("The audit daemon runs.").and(state(auditd), "active")
        } else {
            Verdict::warn("The audit daemon does not run, so that no log of its own says what was done with VMs.")
                .and(state(auditd), "not active")
        })
    }),
};

const MONOLITHIC: [&str; 2] = ["libvirtd.service", "libvirtd.socket"];
const MODULAR: [&str; 2] = ["virtqemud.service", "virtqemud.socket"];

pub static MONOLITHIC_LIBVIRTD: Check = Check {
    id: "host.monolithic-libvirtd",
    title: "libvirt runs as several small daemons",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: &["https://libvirt.org/daemons.html"],
    why: "One libvirtd for everything has the rights that all parts need together. As modular daemons, the one for networks cannot touch VMs, and SELinux confines each by itself.",
    fix: "Follow https://libvirt.org/daemons.html: stop and mask libvirtd and its sockets, then enable the sockets of virtqemud, virtnetworkd, virtstoraged and the others.",
    impact: "Running VMs go on. Settings in libvirtd.conf must be moved to the files of the new daemons, and remote clients need virtproxyd.",
    apply: Apply::DaemonRestart,
    needs: "the state of libvirtd's and virtqemud's service and socket",
    judge: Judge::Host(|facts, _| {
        if let Some(name) = active(facts, &MONOLITHIC)? {
            return Ok(
                Verdict::info("libvirt runs as one daemon with all rights (libvirtd).").and(state(name), "active")
            );
        }
        Ok(match active(facts, &MODULAR)? {
            Some(name) => Verdict::pass("libvirt runs as modular daemons.").and(state(name), "active"),
            None => none(Verdict::not_applicable("Neither libvirtd nor virtqemud runs on this host."), &MODULAR),
        })
    }),
};
