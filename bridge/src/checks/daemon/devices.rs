// SPDX-License-Identifier: LGPL-2.1-or-later
//! What qemu.conf says about the devices and resources of the host that every VM gets.

use super::qemu_conf::shows;
use super::{QEMU_CONF, all_known};
use crate::checks::uses::names;
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static DEVICE_ACL: Check = Check {
    id: "daemon.cgroup-device-acl",
    title: "VMs get no device of the host beyond what QEMU needs",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "Every VM may open each device in cgroup_device_acl, and libvirt puts it into the /dev of every QEMU. A disk in that list is \
          every VM's disk; /dev/mem is the host's whole memory.",
    fix: "Remove cgroup_device_acl, or the devices that were added, from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud \
          libvirtd`, then shut each VM down and start it again. Give a device to the one VM that needs it: <disk>, <hostdev>, or \
          <input type='evdev'>.",
    impact: "VMs that reached such a device by <qemu:commandline> lose it.",
    apply: Apply::DaemonRestart,
    needs: "cgroup_device_acl in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| device_acl(facts)),
};

/// What libvirt allows by itself.
const BUILT_IN: [&str; 8] =
    ["/dev/null", "/dev/full", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/ptmx", "/dev/kvm", "/dev/userfaultfd"];

fn device_acl(facts: &Facts) -> Judged {
    const KEY: &str = "cgroup_device_acl";
    let conf = facts.host.config.qemu.get()?;
    let Some(list) = conf.list(KEY)? else {
        return Ok(shows(Verdict::pass("VMs get the few devices that libvirt allows by itself."), conf, KEY));
    };
    let added = || list.iter().map(String::as_str).filter(|device| !BUILT_IN.contains(device));
    let grave = added().filter(|device| is_grave(device)).collect::<Vec<_>>().join(", ");
    let others = added().collect::<Vec<_>>().join(", ");
    let verdict = if !grave.is_empty() {
        Verdict::fail(format!("qemu.conf gives every VM memory, disks or whole devices of the host: {grave}."))
    } else if !others.is_empty() {
        Verdict::warn(format!("qemu.conf gives every VM more devices than QEMU needs: {others}."))
    } else {
        Verdict::pass("qemu.conf gives VMs no more devices than libvirt allows by itself.")
    };
    Ok(shows(verdict, conf, KEY))
}

/// Memory, disks, and devices passed through.
fn is_grave(device: &str) -> bool {
    let Some(name) = device.strip_prefix("/dev/") else { return false };
    matches!(name, "mem" | "kmem" | "port")
        || ["sd", "hd", "vd", "xvd", "nvme", "dm-", "md", "mapper/", "disk/", "mmcblk", "loop", "nbd", "vfio/"]
            .iter()
            .any(|start| name.starts_with(start))
}

pub static CONTROLLERS: Check = Check {
    id: "daemon.cgroup-controllers",
    title: "libvirt uses control groups to limit VMs",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: QEMU_CONF,
    why: "Without the controller `devices` nothing but file modes keeps a QEMU from the host's devices. Without cpu, memory and blkio the \
          limits in a VM's definition have no effect, so that one VM can take everything from the others.",
    fix: "Remove cgroup_controllers from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "VMs must be started anew.",
    apply: Apply::DaemonRestart,
    needs: "cgroup_controllers in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Host(|facts, _| {
        const KEY: &str = "cgroup_controllers";
        let conf = facts.host.config.qemu.get()?;
        let Some(list) = conf.list(KEY)? else {
            return Ok(shows(
                Verdict::pass("qemu.conf lets libvirt use every control group controller that the host has."),
                conf,
                KEY,
            ));
        };
        let lacks = |name: &&str| !list.iter().any(|listed| listed == name);
        let limits = ["cpu", "memory", "blkio"].into_iter().filter(lacks).collect::<Vec<_>>().join(", ");
        let verdict = if lacks(&"devices") {
            Verdict::fail(
                "qemu.conf takes the controller devices from libvirt, so that VMs may open any device node (cgroup_controllers).",
            )
        } else if !limits.is_empty() {
            Verdict::warn(format!(
                "qemu.conf takes controllers from libvirt, so that limits of VMs have no effect: {limits}."
            ))
        } else {
            Verdict::pass("qemu.conf lets libvirt use the controllers that limit VMs.")
        };
        Ok(shows(verdict, conf, KEY))
    }),
};

pub static RELAXED_ACS: Check = Check {
    id: "daemon.relaxed-acs-check",
    title: "PCI devices are passed through only where the hardware separates them",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: QEMU_CONF,
    why: "Below a PCI switch without access control (ACS), a device can talk to its neighbours past the IOMMU. With relaxed_acs_check = 1 \
          libvirt passes such a device through all the same: its guest may reach devices of the host or of other VMs.",
    fix: "Remove relaxed_acs_check from /etc/libvirt/qemu.conf and run `systemctl try-restart virtqemud libvirtd`. Put devices that are \
          passed through into slots of their own root ports.",
    impact: "A VM with a device below such a switch no longer starts.",
    apply: Apply::DaemonRestart,
    needs: "relaxed_acs_check in /etc/libvirt/qemu.conf (administrative access); where it is on, the definitions of all VMs",
    judge: Judge::Host(relaxed_acs),
};

fn relaxed_acs(facts: &Facts, neighbours: &Neighbours) -> Judged {
    const KEY: &str = "relaxed_acs_check";
    let conf = facts.host.config.qemu.get()?;
    if conf.integer(KEY)?.is_none_or(|value| value == 0) {
        return Ok(shows(
            Verdict::pass("libvirt passes a PCI device through only where the hardware separates it."),
            conf,
            KEY,
        ));
    }
    let pci = &neighbours.uses.pci;
    if pci.is_empty() {
        all_known(facts, neighbours)?;
        let message = "qemu.conf passes PCI devices through without a look at their separation (relaxed_acs_check); no VM has such a device.";
        return Ok(shows(Verdict::warn(message), conf, KEY));
    }
    let message = format!(
        "qemu.conf passes PCI devices through without a look at their separation (relaxed_acs_check), and VMs have such devices: {}.",
        names(pci)
    );
    Ok(shows(Verdict::fail(message), conf, KEY).because(pci.iter().filter_map(|used| used.evidence.clone()).take(5)))
}

pub static LOCK_MANAGER: Check = Check {
    id: "daemon.lock-manager",
    title: "Two VMs cannot write one disk by mistake",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://libvirt.org/kbase/locking.html"],
    why: "Without a lock manager nothing stops two VMs, on this host or on two that share storage, from writing one disk at the same \
          time. That destroys the file system on it. It is an accident rather than an attack.",
    fix: "Set `lock_manager = \"lockd\"` in /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "A VM does not start while another one uses one of its disks, unless both declare the disk as <shareable/>.",
    apply: Apply::DaemonRestart,
    needs: "lock_manager in /etc/libvirt/qemu.conf (administrative access); the disks of all VMs",
    judge: Judge::Host(|facts, neighbours| {
        const KEY: &str = "lock_manager";
        let conf = facts.host.config.qemu.get()?;
        if let Some(manager) = conf.text(KEY)?.filter(|manager| *manager != "nop") {
            return Ok(shows(
                Verdict::pass(format!("The lock manager {manager} keeps two VMs from writing one disk.")),
                conf,
                KEY,
            ));
        }
        let shared =
            neighbours.disk_users.iter().find(|(_, users)| users.len() > 1 && users.iter().any(|user| !user.shareable));
        let Some((source, users)) = shared else {
            all_known(facts, neighbours)?;
            let message = "No lock manager keeps two VMs from writing one disk. No two VMs of this host name the same writable disk; \
                           other hosts may, on shared storage.";
            return Ok(shows(Verdict::info(message), conf, KEY));
        };
        let vms = users.iter().take(5).map(|user| user.vm.name.as_str()).collect::<Vec<_>>().join(", ");
        let message = format!("No lock manager keeps two VMs from writing one disk, and several name {source}: {vms}.");
        let evidence = users.iter().take(5).map(|user| (format!("{}: {}", user.vm.name, user.origin), source.clone()));
        Ok(evidence
            .fold(shows(Verdict::warn(message), conf, KEY), |verdict, (origin, value)| verdict.and(origin, value)))
    }),
};
