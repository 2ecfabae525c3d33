// SPDX-License-Identifier: LGPL-2.1-or-later
//! Enhanced hardware security: Windows as a hypervisor for itself.

use super::hardware::standard;
use super::only;
use crate::checks::domain::{child, children};
use crate::checks::vm::{arch, is_x86};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

const SLUG: &str = "enabling-enhanced-hardware-security-on-windows-virtual-machines";

pub static ENLIGHTENMENTS: Check = Check {
    id: "win.hyperv-enlightenments",
    title: "The Hyper-V enlightenments are on",
    severity: Severity::Low,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG, "https://libvirt.org/formatdomain.html#hypervisor-features"],
    why: "Enhanced hardware security runs a hypervisor of Windows in the guest. Without the interfaces of Hyper-V that it knows (enlightenments) \
          that is so slow that people switch the protection off.",
    fix: "Run `virt-xml VM --edit --features hyperv.relaxed.state=on,hyperv.vapic.state=on,hyperv.spinlocks.state=on,\
          hyperv.spinlocks.retries=8191,hyperv.vpindex.state=on,hyperv.synic.state=on,hyperv.stimer.state=on`.",
    impact: "Windows sees other hardware at its next start. The VM cannot be migrated to a host whose QEMU lacks one of them.",
    apply: Apply::NextStart,
    needs: "<features><hyperv> and the guest's operating system in the definition",
    judge: Judge::Definition(|_, vm, domain| only(vm, domain, || Ok(enlightenments(domain)))),
};

/// Those that Red Hat's guide names and the others build on.
const ENLIGHTENMENT_NAMES: [&str; 6] = ["relaxed", "vapic", "spinlocks", "vpindex", "synic", "stimer"];

fn enlightenments(domain: &Domain) -> Verdict {
    let Some(hyperv) = domain.find("features/hyperv") else {
        return Verdict::warn("The VM has no Hyper-V enlightenments.").because([domain.absence("features/hyperv")]);
    };
    if matches!(hyperv.attribute("mode"), Some("passthrough" | "host-model")) {
        return Verdict::pass("The VM has all Hyper-V enlightenments that its host offers.");
    }
    let on = |name: &&str| child(hyperv, name).is_some_and(|node| node.attribute("state") == Some("on"));
    let missing: Vec<&str> = ENLIGHTENMENT_NAMES.into_iter().filter(|name| !on(name)).collect();
    if missing.is_empty() {
        Verdict::pass("The Hyper-V enlightenments are on.")
    } else if missing.len() == ENLIGHTENMENT_NAMES.len() {
        Verdict::warn("None of the usual Hyper-V enlightenments is on.")
            .and(domain.path(hyperv), missing.join(", ") + ": not on")
    } else {
        Verdict::info(format!("These Hyper-V enlightenments are not on: {}.", missing.join(", ")))
            .and(domain.path(hyperv), missing.join(", ") + ": not on")
    }
}

pub static VBS: Check = Check {
    id: "win.vbs",
    title: "Windows can run virtualization-based security",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[SLUG],
    why: "With virtualization-based security Windows keeps credentials and the check of kernel code in a small VM of its own, where even its \
          administrator's malware does not reach them. For that the guest must be able to run a hypervisor.",
    fix: "Run `virt-xml VM --edit --cpu host-passthrough`, switch nested virtualization on for the host (`options kvm_intel nested=1` in \
          /etc/modprobe.d/kvm.conf), and mend what win.standard-hw-security finds. Weigh it against host.kvm-nested first, and waive that \
          one for this host if you decide so.",
    impact: "Nested virtualization is a large piece of kernel code that the guest can attack. VMs with the host's processor migrate only between \
             equal hosts.",
    apply: Apply::HostReboot,
    needs: "<cpu>, the guest's operating system and what win.standard-hw-security looks at in the definition; /sys/module/kvm_*/parameters/nested",
    judge: Judge::Definition(|facts, vm, domain| only(vm, domain, || vbs(facts, vm, domain))),
};

fn vbs(facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    if !is_x86(arch(facts, domain)?) {
        return Ok(Verdict::not_applicable("Red Hat's chapter is about x86, and this VM has another architecture."));
    }
    let nested = &facts.host.processor.nested;
    let cpu = virtualizes(domain);
    let mut lacking = Vec::new();
    if *nested.get()? != Some(true) {
        lacking.push("nested virtualization on the host");
    }
    if !cpu {
        lacking.push("a processor with VMX or SVM");
    }
    let standard = standard(facts, vm, domain)?;
    match standard.outcome {
        Outcome::Pass => {}
        Outcome::Unknown => return Ok(standard),
        _ => lacking.push("standard hardware security"),
    }
    if lacking.is_empty() {
        return Ok(Verdict::pass("Windows can run virtualization-based security in this VM."));
    }
    let verdict = Verdict::info(format!(
        "Windows cannot run virtualization-based security here: {} is missing.",
        lacking.join(", ")
    ));
    let shown = nested.get()?.map_or("(no KVM module with this parameter)", |on| if on { "on" } else { "off" });
    Ok(verdict.and(nested.origin(), shown).because(domain.find("cpu").map(|cpu| domain.evidence(cpu, "mode"))))
}

/// Whether the guest's processor can run VMs itself, where its host can.
fn virtualizes(domain: &Domain) -> bool {
    let Some(cpu) = domain.find("cpu") else { return false };
    let features = children(cpu, "feature").filter(|feature| matches!(feature.attribute("name"), Some("vmx" | "svm")));
    let last = features.last().map(|feature| feature.attribute("policy"));
    match (cpu.attribute("mode"), last) {
        (_, Some(Some("disable" | "forbid"))) => false,
        (Some("host-passthrough" | "host-model" | "maximum"), _) | (_, Some(Some("require" | "force") | None)) => true,
        _ => false,
    }
}

pub static ENHANCED: Check = Check {
    id: "win.enhanced-hw-security",
    title: "Memory integrity is on in Windows",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Guest,
    basis: &[SLUG],
    why: "With memory integrity only signed code runs in the kernel of Windows: a driver with a weakness, or a malicious one, cannot be used to \
          take the kernel over.",
    fix: "In the guest, open Windows Security, Device Security, Core isolation details, switch Memory integrity on and restart. Then Device \
          Security must say that the device meets the requirements for enhanced hardware security, and `msinfo32` must list \
          `Hypervisor enforced Code Integrity` among the running services.",
    impact: "Drivers that are not signed for it stop to work; Windows names them before.",
    apply: Apply::Manual,
    needs: "The guest's operating system in the definition; the rest stands in the guest",
    judge: Judge::Definition(|_, vm, domain| {
        let message =
            "Whether memory integrity is on is visible in Windows only: open Windows Security, Device Security.";
        only(vm, domain, || Ok(Verdict::info(message)))
    }),
};
