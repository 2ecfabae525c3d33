// SPDX-License-Identifier: LGPL-2.1-or-later
//! VFIO, through which a VM gets a device: what it must demand of the hardware first.

use crate::checks::assigned::names;
use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static NOIOMMU: Check = Check {
    id: "host.vfio-noiommu",
    title: "VFIO gives no device away without an IOMMU",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/driver-api/vfio.html"],
    why: "In the no-IOMMU mode a program that holds a device lets it read and write all memory of the host, the kernel's included. The kernel \
          itself calls this mode unsafe, and is tainted by its use.",
    fix: "Run `echo N > /sys/module/vfio/parameters/enable_unsafe_noiommu_mode`, and delete `enable_unsafe_noiommu_mode=1` from \
          /etc/modprobe.d and from the kernel's arguments.",
    impact: "Programs that drive a device themselves on a host without an IOMMU (DPDK, for instance) stop working when they next open it. \
             QEMU does not use this mode.",
    apply: Apply::HostNow,
    needs: "/sys/module/vfio/parameters/enable_unsafe_noiommu_mode",
    judge: Judge::Host(|facts, _| noiommu(facts)),
};

fn noiommu(facts: &Facts) -> Judged {
    let mode = &facts.host.iommu.noiommu;
    let (verdict, value) = match mode.get()? {
        Some(true) => {
            (Verdict::fail("VFIO's no-IOMMU mode is on: a program may let a device reach all memory of the host."), "Y")
        }
        Some(false) => (Verdict::pass("VFIO's no-IOMMU mode is off."), "N"),
        None => (Verdict::pass("VFIO is not loaded, or was built without its no-IOMMU mode."), "(does not exist)"),
    };
    Ok(verdict.and(mode.origin(), value))
}

pub static UNSAFE_INTERRUPTS: Check = Check {
    id: "host.vfio-unsafe-interrupts",
    title: "VFIO demands that interrupts are remapped",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &[
        "https://docs.kernel.org/driver-api/vfio.html",
        "https://github.com/torvalds/linux/blob/master/drivers/vfio/vfio_iommu_type1.c",
    ],
    why: "A device raises an interrupt by writing to memory. Unless the hardware remaps these writes, a guest makes its device send \
          whatever interrupt it likes to the host, and can crash it or take it over. VFIO refuses such hosts, unless \
          allow_unsafe_interrupts is set.",
    fix: "Delete `allow_unsafe_interrupts=1` from /etc/modprobe.d and from the kernel's arguments, and restart the host. Enable interrupt \
          remapping (x2APIC, VT-d) in its firmware.",
    impact: "On hardware that cannot remap interrupts, VMs with devices of the host no longer start.",
    apply: Apply::HostReboot,
    needs: "allow_unsafe_interrupts in /sys/module/vfio_iommu_type1/parameters and in /sys/module/iommufd/parameters",
    judge: Judge::Host(unsafe_interrupts),
};

fn unsafe_interrupts(facts: &Facts, neighbours: &Neighbours) -> Judged {
    let known = &facts.host.iommu.unsafe_interrupts;
    let modules = known.get()?;
    if modules.is_empty() {
        let message = "VFIO is not loaded: now no device of the host is given to a VM.";
        return Ok(Verdict::not_applicable(message).and(known.origin(), "neither vfio_iommu_type1 nor iommufd"));
    }
    let evidence = modules.iter().map(|(module, on)| Evidence {
        origin: format!("{}/{module}/parameters/allow_unsafe_interrupts", known.origin()),
        value: if *on { "Y" } else { "N" }.to_owned(),
    });
    let allowed: Vec<&str> = modules.iter().filter(|(_, on)| **on).map(|(module, _)| module.as_str()).collect();
    if allowed.is_empty() {
        return Ok(
            Verdict::pass("VFIO refuses to give devices away where interrupts are not remapped.").because(evidence)
        );
    }
    let users = &neighbours.assigned.users;
    let used = if users.is_empty() { String::new() } else { format!(" Devices are given to: {}.", names(users)) };
    let message = format!("{} gives devices away even where interrupts are not remapped.{used}", allowed.join(" and "));
    Ok(Verdict::fail(message).because(evidence))
}
