// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether the host can run VMs under Secure Execution.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const SLUG: &str = "setting-up-ibm-secure-execution-on-ibm-z";
const IBM: &str = "https://www.ibm.com/docs/en/linux-on-systems?topic=ibmz-linux-secure-execution";
/// The unpack facility: the processor can load an encrypted boot image.
const UNPACK: u32 = 158;

/// Judges hosts of IBM Z only.
fn only(facts: &Facts, judge: impl FnOnce() -> Judged) -> Judged {
    match facts.host.arch.as_str() {
        "" => Err(Gap::new("uname -m", "the host's architecture was not read")),
        "s390x" => judge(),
        _ => Ok(Verdict::not_applicable("The host is not an IBM Z.")),
    }
}

pub static SUPPORT: Check = Check {
    id: "z.host-support",
    title: "The host can run VMs under Secure Execution",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[SLUG, IBM],
    why: "Under Secure Execution neither an administrator of the host nor somebody who broke out of another guest can read a VM's memory. \
          It needs an IBM z15, a LinuxONE III or later, and a kernel that can speak to its ultravisor.",
    fix: "See `grep facilities /proc/cpuinfo | grep 158` and `ls /sys/firmware | grep uv`. Older machines cannot be upgraded to it.",
    impact: "New hardware.",
    apply: Apply::Manual,
    needs: "The host's architecture, /proc/cpuinfo and /sys/firmware/uv",
    judge: Judge::Host(|facts, _| only(facts, || support(facts))),
};

fn support(facts: &Facts) -> Judged {
    let s390 = &facts.host.s390;
    let unpack = s390.facilities.get()?.contains(&UNPACK);
    let verdict = match (unpack, *s390.ultravisor.get()?) {
        (true, true) => Verdict::pass("Processor and kernel can run VMs under Secure Execution."),
        (false, _) => {
            Verdict::info("The processor has no facility 158, so that no VM can run under Secure Execution here.")
        }
        (true, false) => Verdict::info("The processor has facility 158, but the kernel shows no /sys/firmware/uv."),
    };
    let shown = if unpack { "158 is there" } else { "158 is not there" };
    Ok(verdict.and(s390.facilities.origin(), shown).with(&s390.ultravisor))
}

pub static PROT_VIRT: Check = Check {
    id: "z.prot-virt-host",
    title: "Secure Execution is switched on for the host",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Encryption,
    basis: &[SLUG, "https://libvirt.org/kbase/s390_protected_virt.html"],
    why: "A host that could protect its VMs from itself, and does not, leaves their memory open to whoever becomes root on it.",
    fix: "Run `grubby --update-kernel=ALL --args=\"prot_virt=1\"`, then `zipl`, and restart the host. \
          /sys/firmware/uv/prot_virt_host must then hold 1.",
    impact: "The kernel sets some memory aside for it. All VMs stop for the restart.",
    apply: Apply::HostReboot,
    needs: "The host's architecture, /proc/cpuinfo, /sys/firmware/uv/prot_virt_host and /proc/cmdline",
    judge: Judge::Host(|facts, _| only(facts, || prot_virt(facts))),
};

fn prot_virt(facts: &Facts) -> Judged {
    let s390 = &facts.host.s390;
    if s390.prot_virt_host.value() != Some(&true)
        && (!s390.facilities.get()?.contains(&UNPACK) || !*s390.ultravisor.get()?)
    {
        return Ok(Verdict::not_applicable("The host cannot run VMs under Secure Execution."));
    }
    if *s390.prot_virt_host.get()? {
        return Ok(Verdict::pass("Secure Execution is on.").with(&s390.prot_virt_host));
    }
    let cmdline = &facts.host.kernel.cmdline;
    let asked = cmdline.value().is_some_and(|line| line.split_whitespace().any(|word| word == "prot_virt=1"));
    let verdict = if asked {
        Verdict::warn("Secure Execution is off, although the kernel's command line has prot_virt=1.").with(cmdline)
    } else {
        Verdict::warn(
            "The host could run VMs under Secure Execution, but that is off: prot_virt=1 is not on the kernel's command line.",
        )
    };
    Ok(verdict.with(&s390.prot_virt_host))
}
