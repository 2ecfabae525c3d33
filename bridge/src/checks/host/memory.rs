// SPDX-License-Identifier: LGPL-2.1-or-later
//! How a guest's memory may come to lie on the host's disks.

use crate::checks::{Apply, Area, Check, Judge, Judged, Need, Neighbours, Severity, Verdict};
use crate::facts::host::ConfFile;
use crate::facts::swap::Keeping;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static SWAP: Check = Check {
    id: "host.swap-encrypted",
    title: "Memory of VMs does not reach a disk in clear text by swapping",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[
        "https://libvirt.org/formatdomain.html#memory-backing",
        "https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html",
    ],
    why: "What the host swaps out stays on its disk after the VM is gone: keys and passwords of guests, for whoever gets the disk or reads it as root, even \
          where the VMs' own disks are encrypted.",
    fix: "Encrypt the swap space (a line with `/dev/urandom swap` in /etc/crypttab makes a new key at each boot), use zram instead, or keep single VMs in memory with \
          `<memoryBacking><locked/></memoryBacking>`.",
    impact: "A key that changes at each boot rules hibernation out. Locked memory cannot be overcommitted: the host must have all of it.",
    apply: Apply::Manual,
    needs: "/proc/swaps, /sys/class/block, /proc/1/mountinfo for swap files; <memoryBacking> of all VMs",
    judge: Judge::Host(swap),
};

fn swap(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let swaps = &facts.host.swaps;
    let all = swaps.get()?;
    let Some(first) = all.first() else {
        return Ok(Verdict::pass("The host does not swap memory to a disk.").and(swaps.origin(), "(none)"));
    };
    let in_memory = all.iter().all(|swap| swap.keeping.value() == Some(&Keeping::Memory));
    if in_memory {
        return Ok(
            Verdict::pass("The host swaps to compressed memory only (zram).").and(swaps.origin(), first.path.as_str())
        );
    }
    let plain: Vec<&str> = all
        .iter()
        .filter(|swap| swap.keeping.value() == Some(&Keeping::Plain))
        .map(|swap| swap.path.as_str())
        .collect();
    if plain.is_empty() {
        for swap in all {
            swap.keeping.get()?;
        }
        return Ok(Verdict::pass("All of the host's swap space is encrypted, or in memory.")
            .and(swaps.origin(), first.path.as_str()));
    }
    let names = plain.join(", ");
    let Some(user) = super::sebool_state::used_by(facts, neighbours, Need::Swap)? else {
        let message = if facts.vms.is_empty() {
            "The host's swap space is not encrypted, but there is no VM whose memory could reach it."
        } else {
            "The host's swap space is not encrypted, but all VMs lock their memory, so that none of it is swapped out."
        };
        return Ok(Verdict::pass(message).and(swaps.origin(), names));
    };
    Ok(Verdict::warn(format!(
        "Memory of VMs, such as {}, may be swapped out to {names}, where it lies in clear text.",
        user.vm
    ))
    .and(swaps.origin(), names)
    .because([user.evidence.clone()]))
}

pub static COREDUMP: Check = Check {
    id: "host.coredump-storage",
    title: "The host does not keep a crashed VM's memory",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[
        "https://libvirt.org/formatdomain.html#memory-allocation",
        "https://man7.org/linux/man-pages/man5/coredump.conf.5.html",
        "https://github.com/ComplianceAsCode/content",
    ],
    why: "A core file of QEMU holds the devices' buffers and, if it is told so, all of the guest's memory, with every key and password that was in it. \
          It stays on the host's disk, for days or for good.",
    fix: "Leave max_core and dump_guest_core in /etc/libvirt/qemu.conf unset, and take dumpCore='on' from the VMs; or set `Storage=none` in the section [Coredump] \
          of /etc/systemd/coredump.conf.",
    impact: "There is less to look at after QEMU crashed. Running VMs keep the setting that they were started with.",
    apply: Apply::DaemonRestart,
    needs: "kernel.core_pattern, Storage= of systemd-coredump, max_core and dump_guest_core in /etc/libvirt/qemu.conf (administrative access), dumpCore of all VMs",
    judge: Judge::Host(coredump),
};

fn coredump(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let pattern = &facts.host.sysctl.core_pattern;
    let storage = &facts.host.coredump_storage;
    let text = pattern.get()?.as_deref().unwrap_or_default();
    let by_systemd = text.starts_with('|') && text.contains("systemd-coredump");
    if text.is_empty() {
        return Err(Gap::new(pattern.origin(), "the kernel has no core_pattern, or an empty one"));
    }
    if by_systemd && storage.get()?.as_deref() == Some("none") {
        return Ok(Verdict::pass("systemd-coredump keeps no core files.")
            .and(pattern.origin(), text)
            .and(storage.origin(), "none"));
    }
    let conf = facts.host.config.qemu.get()?;
    // systemd-coredump asks for the limit itself; the kernel does not where another program takes the core.
    if !may_dump(conf) && (by_systemd || !text.starts_with('|')) {
        return Ok(Verdict::pass("libvirt lets QEMU leave no core file when it crashes.")
            .and(pattern.origin(), text)
            .and(conf.place("max_core"), conf.shown("max_core")));
    }
    let evidence = |verdict: Verdict| {
        verdict
            .and(pattern.origin(), text)
            .and(conf.place("max_core"), conf.shown("max_core"))
            .and(conf.place("dump_guest_core"), conf.shown("dump_guest_core"))
    };
    if conf.integer("dump_guest_core")? == Some(1) {
        return Ok(evidence(Verdict::fail(
            "The host keeps core files of QEMU, with all memory of the guest in them (dump_guest_core is 1).",
        )));
    }
    Ok(match super::sebool_state::used_by(facts, neighbours, Need::GuestCore)? {
        Some(user) => evidence(Verdict::fail(format!(
            "The host keeps core files of QEMU, with all memory of the guest in those of the VM {}.",
            user.vm
        )))
        .because([user.evidence.clone()]),
        None => evidence(Verdict::warn(
            "The host keeps core files of QEMU, without the guest's memory but with what its devices held.",
        )),
    })
}

/// `max_core`: a number of bytes, or `"unlimited"`. The default is 0.
fn may_dump(conf: &ConfFile) -> bool {
    match conf.integer("max_core") {
        Ok(bytes) => bytes.unwrap_or(0) != 0,
        Err(_) => true,
    }
}
