// SPDX-License-Identifier: LGPL-2.1-or-later
//! The IOMMU, which keeps a device that a VM is given to that VM's memory.

use crate::checks::assigned::{names, users};
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static ENABLED: Check = Check {
    id: "host.iommu-enabled",
    title: "An IOMMU confines the devices that VMs are given",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &[
        "https://docs.kernel.org/driver-api/vfio.html",
        "https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html",
    ],
    why: "A device reads and writes memory by itself (DMA). Without an IOMMU a guest that controls a device reaches all of the host's \
          memory with it, and needs no error in QEMU to do so.",
    fix: "Enable VT-d or AMD-Vi in the host's firmware. On Intel also run `grubby --update-kernel=ALL --args=intel_iommu=on`. Restart the host.",
    impact: "Devices become a little slower. On some old machines a driver or the firmware does not work with it.",
    apply: Apply::HostReboot,
    needs: "/sys/kernel/iommu_groups, /sys/bus/pci/devices, and the definitions of all VMs",
    judge: Judge::Host(enabled),
};

fn enabled(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let groups = &facts.host.iommu.groups;
    let count = groups.get()?.len();
    let evidence = Evidence { origin: groups.origin().to_owned(), value: format!("{count} groups") };
    if count > 0 {
        return Ok(
            Verdict::pass(format!("An IOMMU is active; it keeps {count} groups of devices apart.")).because([evidence])
        );
    }
    let devices = &facts.host.pci_devices;
    if devices.value().is_some_and(std::collections::BTreeMap::is_empty) {
        return Ok(Verdict::not_applicable("This host has no PCI devices that a VM could be given.")
            .and(devices.origin(), "no devices"));
    }
    let users = users(facts, neighbours)?;
    if users.is_empty() {
        return Ok(Verdict::info("No IOMMU is active. No VM is given a device of the host, so none is needed now.")
            .because([evidence]));
    }
    let message = format!("No IOMMU is active, but devices of the host are given to: {}.", names(users));
    Ok(Verdict::fail(message).because([evidence]).because(neighbours.assigned.first.clone()))
}

pub static STRICT: Check = Check {
    id: "host.iommu-strict",
    title: "The IOMMU takes access away at once",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &[
        "https://docs.kernel.org/admin-guide/kernel-parameters.html",
        "https://docs.kernel.org/admin-guide/abi-testing.html",
        "https://github.com/ComplianceAsCode/content",
    ],
    why: "A device that a VM is given always has translations of its own. The host's other devices may have none (identity), or may keep \
          access to memory for a moment after their driver gave it up (lazy, DMA-FQ). A device whose firmware a guest has changed \
          reaches more of the host in that way once the host uses it again.",
    fix: "Run `grubby --update-kernel=ALL --remove-args=iommu=pt --args=\"iommu.strict=1 iommu.passthrough=0\"` and restart the host.",
    impact: "Fast network cards and disks of the host lose speed. `iommu=pt` is a common choice for that reason; many guides recommend it.",
    apply: Apply::HostReboot,
    needs: "/sys/kernel/iommu_groups/*/type, /proc/cmdline, and the definitions of all VMs",
    judge: Judge::Host(strict),
};

fn strict(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let groups = &facts.host.iommu.groups;
    let kinds = groups.get()?;
    if kinds.is_empty() {
        return Ok(Verdict::not_applicable("No IOMMU is active on this host.").and(groups.origin(), "0 groups"));
    }
    let of_kind = |wanted: &str| kinds.values().filter(|group| group.domain == wanted).count();
    if of_kind("") == kinds.len() {
        return Err(Gap::new(format!("{}/*/type", groups.origin()), "this kernel does not say how its IOMMU works"));
    }
    let (identity, lazy, all) = (of_kind("identity"), of_kind("DMA-FQ"), kinds.len());
    let what = match (identity, lazy) {
        (0, 0) => {
            return Ok(Verdict::pass("The IOMMU translates for the host's devices, and takes access away at once.")
                .and(format!("{}/*/type", groups.origin()), format!("{all} groups, none is identity or DMA-FQ")));
        }
        (_, 0) => format!("does not translate for {identity} of {all} groups of devices"),
        (0, _) => format!("takes access away late in {lazy} of {all} groups of devices"),
        _ => format!(
            "does not translate for {identity}, and takes access away late in {lazy} of {all} groups of devices"
        ),
    };
    let users = users(facts, neighbours)?;
    let verdict = if users.is_empty() {
        Verdict::info(format!("The host's IOMMU {what}. No VM is given a device of the host."))
    } else {
        Verdict::warn(format!("The host's IOMMU {what}, while devices of the host are given to: {}.", names(users)))
    };
    let verdict = verdict.and(
        format!("{}/*/type", groups.origin()),
        format!("{all} groups, {identity} of them identity and {lazy} DMA-FQ"),
    );
    let chosen = facts.host.kernel.cmdline.value().and_then(|cmdline| {
        let words = cmdline.split_whitespace().filter(|word| word.contains("iommu"));
        let words = words.collect::<Vec<_>>().join(" ");
        (!words.is_empty()).then_some(words)
    });
    Ok(match chosen {
        Some(words) => verdict.and(facts.host.kernel.cmdline.origin(), words),
        None => verdict,
    })
}

pub static ACS_OVERRIDE: Check = Check {
    id: "host.pcie-acs-override",
    title: "The kernel does not pretend that devices are isolated",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/driver-api/vfio.html"],
    why: "Devices in one IOMMU group can write into each other without the IOMMU seeing it. The argument pcie_acs_override, of a patch that the \
          kernel's developers refused, makes the kernel put them into groups of their own nevertheless: a guest with one of these \
          devices reaches the others, and through them the host.",
    fix: "Run `grubby --update-kernel=ALL --remove-args=pcie_acs_override` and restart the host. Put the device into a slot that has \
          a group of its own, or give the VM all devices of the group.",
    impact: "VMs that depend on the split groups no longer start.",
    apply: Apply::HostReboot,
    needs: "/proc/cmdline, and the definitions of all VMs",
    judge: Judge::Host(acs_override),
};

fn acs_override(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let cmdline = &facts.host.kernel.cmdline;
    let Some(word) = cmdline.get()?.split_whitespace().find(|word| word.starts_with("pcie_acs_override=")) else {
        return Ok(Verdict::pass("Nothing overrides what the kernel finds out about the isolation of devices.")
            .and(cmdline.origin(), "no pcie_acs_override"));
    };
    let verdict = if neighbours.assigned.users.is_empty() {
        Verdict::warn("The kernel argument pcie_acs_override makes devices look isolated which may not be.")
    } else {
        let users = names(&neighbours.assigned.users);
        Verdict::fail(format!(
            "The kernel argument pcie_acs_override makes devices look isolated which may not be, and devices are given to: {users}."
        ))
    };
    Ok(verdict.and(cmdline.origin(), word).because(neighbours.assigned.first.clone()))
}
