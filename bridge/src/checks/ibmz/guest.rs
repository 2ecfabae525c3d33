// SPDX-License-Identifier: LGPL-2.1-or-later
//! What only the guest under Secure Execution, or its owner, can tell. These rows never pass.

use super::only_secure;
use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::policy::Profile;

const SLUG: &str = "setting-up-ibm-secure-execution-on-ibm-z";
const IBM: &str = "https://www.ibm.com/docs/en/linux-on-systems?topic=ibmz-linux-secure-execution";

pub static PROT_VIRT: Check = Check {
    id: "z.guest-prot-virt",
    title: "The guest confirms that it is protected",
    severity: Severity::High,
    profile: Profile::Confidential,
    area: Area::Guest,
    basis: &[SLUG, IBM],
    why: "A definition only allows the protection. The guest enters it when it boots from a secure image; from another one it runs in the clear.",
    fix: "In the guest, run `cat /sys/firmware/uv/prot_virt_guest`: it must print 1. If it prints 0, build the secure image anew and boot from it.",
    impact: "None; it only looks.",
    apply: Apply::Manual,
    needs: "<launchSecurity> in the definition; the rest stands in the guest",
    judge: Judge::Definition(|facts, _, domain| {
        let message = "Look in the guest whether it is protected: /sys/firmware/uv/prot_virt_guest must hold 1.";
        only_secure(facts, domain, || Ok(Verdict::info(message)))
    }),
};

pub static SECURE_IMAGE: Check = Check {
    id: "z.secure-image",
    title: "The boot image is encrypted, and no clear copy is left",
    severity: Severity::High,
    profile: Profile::Confidential,
    area: Area::Guest,
    basis: &[SLUG, IBM],
    why: "The secure image carries the key of the guest's disk. A clear kernel and initial RAM disk beside it hand that key to whoever reads the \
          disk; an image that was built for a host key nobody verified hands it to whoever made that key.",
    fix: "In a trusted guest, verify the host key document, then run `genprotimg -i /boot/vmlinuz-VERSION -r /boot/initramfs-VERSION.img -p \
          PARMFILE -k HOSTKEY.crt -o /boot/secure-image`, name it in the zipl configuration, run `zipl -V`, restart, and shred the clear originals.",
    impact: "Each update of the kernel needs a new image. An image boots only on the hosts whose keys it was built for.",
    apply: Apply::Manual,
    needs: "<launchSecurity> in the definition; the rest stands in the guest",
    judge: Judge::Definition(|facts, _, domain| {
        let message = "Look in the guest that it boots from an encrypted image for a verified host key, and that no clear kernel and initial RAM disk are left.";
        only_secure(facts, domain, || Ok(Verdict::info(message)))
    }),
};

pub static BOUNCE_BUFFER: Check = Check {
    id: "z.bounce-buffer",
    title: "The protected guest has room for its shared buffers",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &[IBM],
    why: "All input and output of a protected guest goes through shared buffers. Where they are too small, its disks report errors under load.",
    fix: "In the guest, add `swiotlb=262144` (512 MiB, enough in most cases) to the kernel's parameters before you build the secure image.",
    impact: "That memory is not there for anything else.",
    apply: Apply::Manual,
    needs: "<launchSecurity> in the definition; the rest stands in the guest",
    judge: Judge::Definition(|facts, _, domain| {
        let message = "Look in the guest that its kernel's parameters have swiotlb=262144, which suits most cases.";
        only_secure(facts, domain, || Ok(Verdict::info(message)))
    }),
};
