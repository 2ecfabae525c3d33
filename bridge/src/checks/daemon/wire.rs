// SPDX-License-Identifier: LGPL-2.1-or-later
//! What QEMU sends over the network: character devices, disks, migration.

use super::qemu_conf::shows;
use super::{QEMU_CONF, all_known, opens_migration};
use crate::checks::uses::{Wire, names};
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::host::ConfFile;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static CHARDEV: Check = Check {
    id: "daemon.chardev-tls",
    title: "Serial ports and channels that leave the host use TLS",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: QEMU_CONF,
    why: "A serial port over TCP is often a root console. Without TLS everybody on the way reads and types along; without a check of \
          certificates everybody may pose as the other end.",
    fix: "Put certificates into /etc/pki/qemu, set `chardev_tls = 1` in /etc/libvirt/qemu.conf, remove chardev_tls_x509_verify, run \
          `systemctl try-restart virtqemud libvirtd`, then shut the VM down and start it again.",
    impact: "The other end must speak TLS and have a certificate of the same authority.",
    apply: Apply::DaemonRestart,
    needs: "character devices in the definitions of all VMs; where one leaves the host, chardev_tls, chardev_tls_x509_verify and \
            default_tls_x509_verify in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(chardev),
};

fn chardev(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let wires = &neighbours.uses.tcp;
    if wires.is_empty() {
        all_known(facts, neighbours)?;
        return Ok(Verdict::not_applicable(
            "No VM has a serial port, channel or other character device that leaves this host.",
        ));
    }
    let conf = facts.host.config.qemu.get()?;
    let (plain, users) = (plain(wires, conf, "chardev_tls")?, names(wires.iter().map(|wire| &wire.used)));
    let default = conf.integer("chardev_tls")?.is_some_and(|value| value != 0);
    let encrypted = wires.iter().any(|wire| wire.tls.unwrap_or(default));
    let verdict = if encrypted && verify(conf, "chardev_tls_x509_verify")? == Some(false) {
        Verdict::fail(format!(
            "qemu.conf accepts any client on character devices with TLS, and VMs have some that leave this host: {users}."
        ))
    } else if !plain.is_empty() {
        Verdict::warn(format!("Character devices leave this host without TLS: {plain}."))
    } else {
        Verdict::pass(format!("The character devices that leave this host use TLS: {users}."))
    };
    let verdict = with_evidence(verdict, wires);
    Ok(["chardev_tls", "chardev_tls_x509_verify", "default_tls_x509_verify"]
        .into_iter()
        .fold(verdict, |verdict, key| shows(verdict, conf, key)))
}

/// The VMs of which a connection is not encrypted: the definition counts, then qemu.conf.
fn plain(wires: &[Wire], conf: &ConfFile, key: &str) -> Result<String, Gap> {
    let default = conf.integer(key)?.is_some_and(|value| value != 0);
    Ok(names(wires.iter().filter(|wire| !wire.tls.unwrap_or(default)).map(|wire| &wire.used)))
}

fn with_evidence(verdict: Verdict, wires: &[Wire]) -> Verdict {
    verdict.because(wires.iter().filter_map(|wire| wire.used.evidence.clone()).take(5))
}

/// Whether clients' certificates are verified, where a key says so.
fn verify(conf: &ConfFile, key: &str) -> Result<Option<bool>, Gap> {
    Ok(conf.integer(key)?.or(conf.integer("default_tls_x509_verify")?).map(|value| value != 0))
}

pub static NBD: Check = Check {
    id: "daemon.nbd-tls",
    title: "Disks over NBD use TLS",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: QEMU_CONF,
    why: "NBD itself encrypts nothing and asks nobody who he is: everybody on the way reads the disk, and may change what the guest reads \
          from it.",
    fix: "Put certificates into /etc/pki/qemu, set `nbd_tls = 1` in /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, \
          then shut the VM down and start it again.",
    impact: "The NBD server must be set up for TLS.",
    apply: Apply::DaemonRestart,
    needs: "disks in the definitions of all VMs; where one is on NBD, nbd_tls in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, neighbours| {
        const KEY: &str = "nbd_tls";
        let wires = &neighbours.uses.nbd;
        if wires.is_empty() {
            all_known(facts, neighbours)?;
            return Ok(Verdict::not_applicable("No VM has a disk on an NBD server elsewhere."));
        }
        let conf = facts.host.config.qemu.get()?;
        let plain = plain(wires, conf, KEY)?;
        let verdict = if plain.is_empty() {
            Verdict::pass(format!("The disks on NBD servers use TLS: {}.", names(wires.iter().map(|wire| &wire.used))))
        } else {
            Verdict::warn(format!("Disks are on NBD servers without TLS: {plain}."))
        };
        Ok(shows(with_evidence(verdict, wires), conf, KEY))
    }),
};

pub static MIGRATE_FORCE: Check = Check {
    id: "daemon.migrate-tls-force",
    title: "libvirt refuses to send a VM's memory unencrypted",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "Live migration sends the guest's whole memory, with every key in it. Without TLS everybody on the way reads it, and may \
          change the guest while it moves.",
    fix: "Put certificates into /etc/pki/qemu on all hosts, set `migrate_tls_force = 1` in /etc/libvirt/qemu.conf, remove \
          migrate_tls_x509_verify, and run `systemctl try-restart virtqemud libvirtd`.",
    impact: "Migration without `virsh migrate --tls` is refused, also to and from hosts without certificates.",
    apply: Apply::DaemonRestart,
    needs: "migrate_tls_force, migrate_tls_x509_verify and default_tls_x509_verify in /etc/libvirt/qemu.conf (administrative access); \
            firewalld's zones",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "migrate_tls_force";
        let conf = facts.host.config.qemu.get()?;
        let forced = conf.integer(KEY)?.is_some_and(|value| value != 0);
        let verdict = if verify(conf, "migrate_tls_x509_verify")? == Some(false) {
            Verdict::fail(
                "qemu.conf lets every host send VMs to this one, as certificates are not verified in migration.",
            )
        } else if forced {
            Verdict::pass("libvirt refuses to migrate a VM without TLS.")
        } else if let Some(zone) = opens_migration(facts) {
            Verdict::warn(format!(
                "libvirt migrates VMs without TLS unless it is asked to use it, and the firewall's zone {} is open for migration.",
                zone.name
            ))
        } else {
            Verdict::info(
                "libvirt migrates VMs without TLS unless it is asked to use it; this matters where VMs are migrated.",
            )
        };
        Ok([KEY, "migrate_tls_x509_verify", "default_tls_x509_verify"]
            .into_iter()
            .fold(verdict, |verdict, key| shows(verdict, conf, key)))
    }),
};

pub static MIGRATION_ADDRESS: Check = Check {
    id: "daemon.migration-address",
    title: "VMs are received on an address that is meant for that",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "While a VM arrives, its QEMU listens on every address of the host by default, also on those that guests and customers reach. \
          QEMU trusts what it receives there.",
    fix: "Set `migration_address` in /etc/libvirt/qemu.conf to the address of the management network, and run \
          `systemctl try-restart virtqemud libvirtd`.",
    impact: "Hosts that cannot reach that address no longer migrate VMs to this one.",
    apply: Apply::DaemonRestart,
    needs: "migration_address in /etc/libvirt/qemu.conf (administrative access); firewalld's zones",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "migration_address";
        let conf = facts.host.config.qemu.get()?;
        let address = conf.text(KEY)?.map(|address| address.trim_start_matches('[').trim_end_matches(']'));
        let verdict = match (address.filter(|address| !["", "0.0.0.0", "::"].contains(address)), opens_migration(facts))
        {
            (Some(address), _) => Verdict::pass(format!("VMs are received on {address} only.")),
            (None, Some(zone)) => Verdict::warn(format!(
                "VMs are received on every address of this host, and the firewall's zone {} is open for migration.",
                zone.name
            )),
            (None, None) => {
                Verdict::info("VMs are received on every address of this host; this matters where VMs are migrated.")
            }
        };
        Ok(shows(verdict, conf, KEY))
    }),
};

pub static VERIFY: Check = Check {
    id: "daemon.tls-verify-default",
    title: "QEMU verifies the certificates of its TLS clients",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "With verification switched off, TLS still encrypts, but everybody may connect: to consoles, to character devices, to a VM that \
          arrives, and to the disks that a backup exports.",
    fix: "Remove the keys that are 0 from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "Clients need a certificate of the same authority.",
    apply: Apply::DaemonRestart,
    needs: "default_tls_x509_verify, the other *_tls_x509_verify, vnc_tls and chardev_tls in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| tls_verify(facts)),
};

fn tls_verify(facts: &Facts) -> Judged {
    /// What it is for, its key, and the key that puts it in use; the last two are in use whenever somebody asks for them.
    const SERVICES: [(&str, &str, Option<&str>); 4] = [
        ("VNC consoles", "vnc_tls_x509_verify", Some("vnc_tls")),
        ("character devices", "chardev_tls_x509_verify", Some("chardev_tls")),
        ("migration", "migrate_tls_x509_verify", None),
        ("backups", "backup_tls_x509_verify", None),
    ];
    let conf = facts.host.config.qemu.get()?;
    let mut off = Vec::new();
    for (service, key, used) in SERVICES {
        let used = match used {
            Some(used) => conf.integer(used)?.is_some_and(|value| value != 0),
            None => true,
        };
        if verify(conf, key)? == Some(false) && used {
            off.push(service);
        }
    }
    let verdict = if off.is_empty() {
        Verdict::pass("qemu.conf switches the verification of TLS clients off for nothing that is in use.")
    } else {
        Verdict::fail(format!("qemu.conf switches the verification of TLS clients off for: {}.", off.join(", ")))
    };
    let keys = SERVICES.into_iter().map(|(_, key, _)| key).filter(|key| conf.settings.contains_key(*key));
    Ok(keys.fold(shows(verdict, conf, "default_tls_x509_verify"), |verdict, key| shows(verdict, conf, key)))
}
