// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the definition of a VM under Secure Execution says.

use super::{launch_security, only, only_secure};
use crate::checks::confidential::virtio;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

const SLUG: &str = "setting-up-ibm-secure-execution-on-ibm-z";
const LIBVIRT: &str = "https://libvirt.org/kbase/s390_protected_virt.html";

pub static LAUNCH: Check = Check {
    id: "z.launch-security",
    title: "The VM runs under Secure Execution",
    severity: Severity::Medium,
    profile: Profile::Confidential,
    area: Area::Encryption,
    basis: &[SLUG, LIBVIRT],
    why: "Without it whoever is root on the host, or broke out of another guest, reads all of this VM's memory: keys, passwords, data.",
    fix: "Build a secure image in the guest first (z.secure-image). Then run `virsh edit VM` and add `<launchSecurity type='s390-pv'/>` \
          (libvirt 7.6 and later).",
    impact: "Migration, suspend to disk, memory dumps and devices that are handed through do not work with it. The guest's owner has to build its \
             boot image anew after each update of its kernel.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> in the definition, and /sys/firmware/uv/prot_virt_host",
    judge: Judge::Definition(|facts, _, domain| only(facts, domain, || launch(facts, domain))),
};

fn launch(facts: &Facts, domain: &Domain) -> Judged {
    if let Some(security) = launch_security(domain) {
        return Ok(Verdict::pass("The VM runs under Secure Execution.").because([domain.evidence(security, "type")]));
    }
    let host = &facts.host.s390.prot_virt_host;
    if !*host.get()? {
        return Ok(Verdict::not_applicable("Secure Execution is off on this host."));
    }
    Ok(Verdict::fail("The VM does not run under Secure Execution, although its host offers it.")
        .because([domain.absence("launchSecurity")])
        .with(host))
}

pub static VIRTIO_IOMMU: Check = Check {
    id: "z.virtio-iommu",
    title: "VirtIO devices of a protected VM use memory that it shares on purpose",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[SLUG, LIBVIRT],
    why: "A protected guest shares only small buffers with QEMU. A device with `iommu='off'` wants to read the guest's memory elsewhere, which \
          the machine refuses: the guest has no disk or network, and people are tempted to give up the protection.",
    fix: "Run `virsh edit VM` and delete `iommu='off'` from the `<driver>` of each VirtIO device. With `<launchSecurity>` QEMU 6.0 and later \
          switches it on by itself; for older ones write `<driver iommu='on'/>`.",
    impact: "Disk and network become a little slower: data are copied through those buffers.",
    apply: Apply::NextStart,
    needs: "<launchSecurity> and the <driver> of all VirtIO devices in the definition",
    judge: Judge::Definition(|facts, _, domain| {
        only_secure(facts, domain, || {
            Ok(virtio::off(domain).unwrap_or_else(|| {
                // s390-pv itself needs QEMU 6.0.
                Verdict::pass("No VirtIO device has its IOMMU switched off, so that QEMU uses it for all of them.")
            }))
        })
    }),
};
