// SPDX-License-Identifier: LGPL-2.1-or-later
//! How much of the host a VM can take from the others.

use super::Tally;
use super::is_read;
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const QEMU: &str = "https://www.qemu.org/docs/master/system/security.html";
const FORMAT: &str = "https://libvirt.org/formatdomain.html";

pub static CPU: Check = Check {
    id: "vm.resource-limits-cpu",
    title: "The VM cannot take all processor time",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &[QEMU, FORMAT],
    why: "A guest that computes without end slows down its neighbours and, where many processors are promised more than once, the host's own services. \
          QEMU's developers count limits on resources as a part of the isolation.",
    fix: "Run `virsh schedinfo VM --set vcpu_quota=QUOTA --config` (and `--live` while it runs). A quota of 100000 is one host processor for each of the VM's.",
    impact: "The guest is slower than it could be while the host idles.",
    apply: Apply::Live,
    needs: "<cputune> in the definition, the processors of all VMs that run, /sys/devices/system/cpu/online",
    judge: Judge::Vm(cpu),
};

/// With so many processors of VMs for each of the host's, they take time from each other.
const OVERCOMMIT: u64 = 4;

fn cpu(facts: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    is_read(vm)?;
    let share = neighbours.shares.of_vm.get(vm.uuid.as_str()).ok_or_else(|| unparsed(vm))?;
    if let Some(quota) = &share.cpu_quota {
        return Ok(Verdict::pass("A quota bounds the VM's processor time.").because([quota.clone()]));
    }
    let weight = share.cpu_weight.clone();
    let online = &facts.host.cpu.online;
    let running = neighbours.shares.running_vcpus;
    let host = if running > 0 { *online.get()? } else { 0 };
    if running <= u64::from(host).saturating_mul(OVERCOMMIT) {
        let message = match weight {
            Some(_) => "No quota bounds the VM's processor time. Its weight counts only against VMs that are busy too.",
            None => "No quota bounds the VM's processor time.",
        };
        return Ok(Verdict::info(message).because(weight));
    }
    let message = format!(
        "No quota bounds the VM's processor time, and running VMs have {running} processors together where the host has {host}."
    );
    Ok(Verdict::warn(message).because(weight).and(online.origin(), format!("{host} processors")))
}

fn unparsed(vm: &Vm) -> Gap {
    Gap::new("", format!("the definition of {} could not be read", vm.name))
}

pub static DISK: Check = Check {
    id: "vm.resource-limits-disk",
    title: "The VM cannot take all of its storage's speed",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &[QEMU, FORMAT],
    why: "A guest that reads and writes without end makes all VMs with disks on the same storage wait.",
    fix: "Run `virsh blkdeviotune VM TARGET --total-iops-sec NUMBER --live --config` for each disk.",
    impact: "The guest's disks are slower than they could be while the storage idles.",
    apply: Apply::Live,
    needs: "//disk and <blkiotune> in the definitions of all VMs",
    judge: Judge::Vm(disk),
};

/// So many VMs on one storage feel each other.
const CROWD: usize = 5;

fn disk(_: &Facts, vm: &Vm, neighbours: &Neighbours) -> Judged {
    is_read(vm)?;
    let shares = &neighbours.shares;
    let share = shares.of_vm.get(vm.uuid.as_str()).ok_or_else(|| unparsed(vm))?;
    if let Some(limit) = &share.disk_limit {
        return Ok(Verdict::pass("A limit bounds the speed of the VM's disks.").because([limit.clone()]));
    }
    let users = |pool: &String| shares.pools.get(pool).copied().unwrap_or_default();
    let Some(pool) = share.pools.iter().max_by_key(|pool| users(pool)).filter(|pool| users(pool) >= CROWD) else {
        return Ok(Verdict::info("No limit bounds the speed of the VM's disks."));
    };
    let count = users(pool);
    Ok(Verdict::warn(format!("No limit bounds the speed of the VM's disks, and {count} VMs have disks in {pool}.")))
}

pub static NET: Check = Check {
    id: "vm.resource-limits-net",
    title: "The VM cannot take all of the network's speed",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &[QEMU, FORMAT],
    why: "A guest that sends without end takes the network away from its neighbours and from the host, or floods somebody else in the host's name.",
    fix: "Run `virsh domiftune VM INTERFACE --outbound AVERAGE --live --config`, in kilobytes per second.",
    impact: "The guest's network is slower than it could be while nobody else sends.",
    apply: Apply::Live,
    needs: "//interface in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut bounded = false;
        for (number, interface) in (1_usize..).zip(domain.devices("interface")) {
            // libvirt limits only what passes through an interface of the host that it made itself.
            let kind = interface.attribute("type");
            if !matches!(kind, Some("network" | "bridge" | "ethernet" | "direct")) {
                continue;
            }
            let limits = child(interface, "bandwidth");
            let limit = limits.and_then(|limits| child(limits, "outbound").or_else(|| child(limits, "inbound")));
            if limit.is_some() {
                bounded = true;
                continue;
            }
            tally.add(Outcome::Info, || {
                let target = child(interface, "target").and_then(|target| target.attribute("dev"));
                let name = target.map_or_else(|| number.to_string(), str::to_owned);
                Verdict::info(format!("No limit bounds the speed of the VM's network interface {name}."))
                    .and(format!("{}/bandwidth", domain.path(interface)), "(not set)")
            });
        }
        Ok(tally.finish(|| {
            if bounded {
                Verdict::pass("A limit bounds the speed of each of the VM's network interfaces.")
            } else {
                Verdict::not_applicable("The VM has no network interface whose speed libvirt could bound.")
            }
        }))
    }),
};
