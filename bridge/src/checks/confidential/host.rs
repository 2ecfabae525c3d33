// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether the host can encrypt the memory of its VMs.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Fact, Facts, Gap};
use crate::policy::Profile;

pub static CAPABILITY: Check = Check {
    id: "cc.host-capability",
    title: "The host uses what its processor has to encrypt VMs",
    severity: Severity::Info,
    profile: Profile::Confidential,
    area: Area::Encryption,
    basis: &[
        "https://libvirt.org/kbase/launch_security_sev.html",
        "https://docs.kernel.org/virt/kvm/x86/amd-memory-encryption.html",
    ],
    why: "Where the processor encrypts each VM's memory with a key of its own, neither root on the host nor a guest that broke out reads another \
          VM's memory. A host whose processor can do it and whose kernel does not has that for nothing.",
    fix: "On AMD, switch SEV on in the host's firmware and start the kernel with `mem_encrypt=on kvm_amd.sev=1 kvm_amd.sev_es=1 \
          kvm_amd.sev_snp=1`; on Intel, switch TDX on in the firmware and start with `kvm_intel.tdx=1`. Then restart the host and see \
          `virsh domcapabilities`.",
    impact: "A part of the host's memory is set aside. The number of such VMs is limited by the processor.",
    apply: Apply::HostReboot,
    needs: "The host's architecture, the flags in /proc/cpuinfo, the parameters of kvm_amd and kvm_intel, and /dev/sev",
    judge: Judge::Host(|facts, _| capability(facts)),
};

fn capability(facts: &Facts) -> Judged {
    match facts.host.arch.as_str() {
        "" => return Err(Gap::new("uname -m", "the host's architecture was not read")),
        "x86_64" => {}
        _ => {
            return Ok(Verdict::not_applicable(
                "SEV and TDX are features of x86, and this host has another architecture.",
            ));
        }
    }
    let host = &facts.host.memory_encryption;
    let flags = host.flags.get()?;
    let mut on: Vec<&str> = Vec::new();
    let mut off: Vec<(&str, &Fact<Option<bool>>)> = Vec::new();
    for (flag, name, parameter) in
        [("sev", "SEV", &host.sev), ("sev_es", "SEV-ES", &host.sev_es), ("sev_snp", "SEV-SNP", &host.sev_snp)]
    {
        if flags.contains(flag) {
            match parameter.get()? {
                Some(true) => on.push(name),
                _ => off.push((name, parameter)),
            }
        }
    }
    if *host.tdx.get()? == Some(true) {
        on.push("TDX");
    }
    let shown = flags.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
    let shown = if shown.is_empty() { "(none of sev, sev_es, sev_snp)" } else { &shown };
    let verdict = if !off.is_empty() {
        let names: Vec<&str> = off.iter().map(|(name, _)| *name).collect();
        Verdict::warn(format!("The processor has {}, but KVM does not use it.", names.join(", ")))
    } else if on.is_empty() {
        Verdict::info("The host cannot encrypt the memory of its VMs.")
    } else if on.contains(&"SEV") && !*host.device.get()? {
        Verdict::warn("KVM uses SEV, but there is no /dev/sev to start such VMs with.").with(&host.device)
    } else {
        Verdict::pass(format!("The host can encrypt the memory of its VMs with {}.", on.join(", "))).with(&host.device)
    };
    let show = |value: Option<bool>| value.map_or("(not there)", |on| if on { "on" } else { "off" });
    Ok(off.into_iter().fold(verdict.and(host.flags.origin(), shown), |verdict, (_, parameter)| {
        verdict.and(parameter.origin(), show(parameter.value().copied().flatten()))
    }))
}
