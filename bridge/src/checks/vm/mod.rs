// SPDX-License-Identifier: LGPL-2.1-or-later
//! A virtual machine: its definition, and what libvirt says about it.

pub mod boot;
pub mod chardev;
pub mod clipboard;
pub(super) mod console;
pub mod console_access;
pub mod cpu;
mod descriptor;
pub mod disk_device;
pub mod disk_encryption;
pub mod disk_format;
pub mod disk_network;
pub mod disk_options;
pub mod disks;
pub mod dump;
pub mod emulated;
pub mod filesystems;
pub mod firmware;
pub mod graphics;
pub mod host_info;
pub mod hostdev;
pub mod identity;
pub mod interface_options;
pub mod interfaces;
pub mod iommu_group;
pub mod limits;
pub mod machine;
pub mod machine_type;
pub mod memory;
pub mod nvram;
pub mod qemu_monitor;
pub mod qemu_options;
pub mod rng;
pub mod seclabel;
pub mod secrets;
pub mod sound;
pub mod spice;
pub mod sriov;
pub mod state;
pub mod tpm;
pub mod usb;
pub mod video;
pub mod vsock;

use std::fmt::Write;

use super::{Domain, Outcome, Verdict};
use crate::facts::{Facts, Gap, Vm};

/// Devices of one outcome that a message names; a definition may have thousands.
const NAMED: usize = 8;

/// What several devices add up to: the worst outcome counts, and whatever is not good is named, worst first.
#[derive(Default)]
pub(super) struct Tally {
    found: Vec<Verdict>,
    unnamed: usize,
}

impl Tally {
    /// `verdict` has the outcome; it is not made when enough are named already.
    pub(super) fn add(&mut self, outcome: Outcome, verdict: impl FnOnce() -> Verdict) {
        if self.found.iter().filter(|found| found.outcome == outcome).count() < NAMED {
            self.found.push(verdict());
        } else {
            self.unnamed += 1;
        }
    }

    /// `good` is the answer when nothing was found.
    pub(super) fn finish(self, good: impl FnOnce() -> Verdict) -> Verdict {
        self.found().unwrap_or_else(good)
    }

    pub(super) fn found(mut self) -> Option<Verdict> {
        self.found.sort_by_key(|found| std::cmp::Reverse(found.outcome));
        let mut found = self.found.into_iter();
        let mut worst = found.next()?;
        for next in found {
            let message = worst.message.to_mut();
            message.push(' ');
            message.push_str(&next.message);
            worst.evidence.extend(next.evidence);
        }
        if self.unnamed > 0 {
            let _ = write!(worst.message.to_mut(), " There are {} more.", self.unnamed);
        }
        Some(worst)
    }
}

/// As `Verdict::from(gap)`, for one device of several.
pub(super) fn not_known(subject: &str, gap: &Gap) -> Verdict {
    let message = if gap.admin {
        format!("{subject} is not known: {} to read {}.", gap.reason, gap.origin)
    } else {
        format!("{subject} is not known: {}.", gap.reason)
    };
    let mut verdict = Verdict::unknown(message).and(gap.origin.as_str(), format!("not known: {}", gap.reason));
    verdict.needs_admin = gap.admin;
    verdict
}

/// The guest's architecture. libvirt always writes it; a definition that a person wrote may leave it to the host's.
pub(super) fn arch<'a>(facts: &'a Facts, domain: &'a Domain) -> Result<&'a str, Gap> {
    match domain.attribute("os/type", "arch") {
        Some(arch) => Ok(arch),
        None if !facts.host.arch.is_empty() => Ok(&facts.host.arch),
        None => Err(domain.gap("os/type", "arch", "the definition names no architecture, and the host's was not read")),
    }
}

/// The machine type, such as `pc-q35-9.0`.
pub(super) fn machine<'a>(domain: &'a Domain) -> Result<&'a str, Gap> {
    domain.attribute("os/type", "machine").ok_or_else(|| {
        domain.gap("os/type", "machine", "the definition names no machine type, so that libvirt will choose one")
    })
}

pub(super) fn is_x86(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686")
}

/// Whether what the definitions of a VM say can be known.
fn is_read(vm: &Vm) -> Result<(), Gap> {
    for fact in [&vm.stored, &vm.live] {
        fact.get().map_err(|gap| Gap { reason: format!("the definition of {}: {}", vm.name, gap.reason), ..gap })?;
    }
    Ok(())
}
