// SPDX-License-Identifier: LGPL-2.1-or-later
//! Single weaknesses of the processor that matter to guests, as the kernel reports on them. All of them together: `kernel.rs`.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const HW_VULN: &str = "https://docs.kernel.org/admin-guide/hw-vuln/index.html";

/// What the kernel says about one weakness.
enum Report<'a> {
    /// Its text, and where it stands.
    Text(&'a str, String),
    /// This kernel has no such file.
    Silent(String),
    /// Not a processor of that kind: the weaknesses here are of x86 ones.
    Other,
}

fn report<'a>(facts: &'a Facts, name: &str) -> Result<Report<'a>, Gap> {
    match facts.host.arch.as_str() {
        "" => return Err(Gap::new("uname -m", "the host's architecture was not read")),
        "x86_64" | "i686" => {}
        _ => return Ok(Report::Other),
    }
    let known = &facts.host.kernel.vulnerabilities;
    let origin = || format!("{}/{name}", known.origin());
    Ok(known.get()?.get(name).map_or_else(|| Report::Silent(origin()), |text| Report::Text(text, origin())))
}

fn other_processor() -> Verdict {
    Verdict::not_applicable("This weakness is one of x86 processors, and this host has another one.")
}

pub static L1TF_VMX: Check = Check {
    id: "host.cpu-l1tf-vmx",
    title: "The processor's first cache is cleared before a guest runs (L1TF)",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/hw-vuln/l1tf.html", "https://github.com/ComplianceAsCode/content"],
    why: "With L1 Terminal Fault a guest reads whatever lies in the processor's first cache: memory of the host and of the guests that \
          ran on the same core before.",
    fix: "Remove `l1tf=off`, `mitigations=off` and `kvm-intel.vmentry_l1d_flush=never` from the kernel's command line and from \
          /etc/modprobe.d, and restart the host. Where guests are not trusted, set `l1tf=full,force` or `kvm-intel.vmentry_l1d_flush=always`.",
    impact: "Clearing the cache costs a few per cent of speed, always doing so up to a third with much input and output; `l1tf=full,force` also turns hyper-threads off.",
    apply: Apply::HostReboot,
    needs: "/sys/devices/system/cpu/vulnerabilities/l1tf, vmentry_l1d_flush of the module kvm_intel",
    judge: Judge::Host(|facts, _| l1tf(facts)),
};

fn l1tf(facts: &Facts) -> Judged {
    let (text, origin) = match report(facts, "l1tf")? {
        Report::Other => return Ok(other_processor()),
        Report::Silent(origin) => return Err(Gap::new(origin, "this kernel does not report on L1TF")),
        Report::Text(text, origin) => (text, origin),
    };
    if text.starts_with("Not affected") {
        return Ok(Verdict::not_applicable("This processor does not have L1TF.").and(origin, text));
    }
    let parameter = &facts.host.processor.vmentry_l1d_flush;
    let never = matches!(parameter.value(), Some(Some(value)) if value == "never");
    let vmx = text.split_once("VMX:").map(|(_, state)| state.trim());
    let verdict = if never {
        Verdict::fail("KVM is told never to clear the first cache before a guest runs (vmentry_l1d_flush=never).")
    } else if text.starts_with("Vulnerable") || vmx.is_some_and(|state| state.starts_with("vulnerable")) {
        Verdict::fail("The first cache is not cleared before a guest runs, so that guests can read what is in it.")
    } else {
        match vmx {
            None => Verdict::not_applicable(
                "KVM's module for Intel processors is not loaded, so that no guest runs with it.",
            ),
            Some(state) if state.contains("SMT vulnerable") => Verdict::warn(
                "The first cache is cleared before a guest runs, but while it runs, another thread of the same core can fill it.",
            ),
            Some(state) if state.contains("cache flushes") => {
                Verdict::pass("The first cache is cleared before a guest runs.")
            }
            Some(state) if state.starts_with("flush not necessary") || state.starts_with("EPT disabled") => {
                Verdict::pass("The first cache need not be cleared before a guest runs.")
            }
            Some(_) => return Err(Gap::new(origin, "the kernel's words about L1TF in VMs are not known here")),
        }
    };
    let verdict = verdict.and(origin, text);
    Ok(match parameter.value() {
        Some(Some(value)) => verdict.and(parameter.origin(), value.as_str()),
        _ => verdict,
    })
}

pub static ITLB_MULTIHIT: Check = Check {
    id: "host.cpu-itlb-multihit",
    title: "A guest cannot stop the host by iTLB multihit",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/hw-vuln/multihit.html"],
    why: "On many Intel processors a guest that changes the size of its executable pages can raise a machine check that stops the whole \
          host, and all other VMs with it.",
    fix: "Run `echo auto > /sys/module/kvm/parameters/nx_huge_pages`, and remove `kvm.nx_huge_pages=off` and `mitigations=off` from the \
          kernel's command line and from /etc/modprobe.d.",
    impact: "Guests with huge pages become a little slower, real-time ones may see delays of some milliseconds.",
    apply: Apply::HostNow,
    needs: "/sys/devices/system/cpu/vulnerabilities/itlb_multihit, nx_huge_pages of the module kvm",
    judge: Judge::Host(|facts, _| itlb_multihit(facts)),
};

fn itlb_multihit(facts: &Facts) -> Judged {
    let (text, origin) = match report(facts, "itlb_multihit")? {
        Report::Other => return Ok(other_processor()),
        Report::Silent(origin) => return Err(Gap::new(origin, "this kernel does not report on iTLB multihit")),
        Report::Text(text, origin) => (text, origin),
    };
    let parameter = &facts.host.processor.nx_huge_pages;
    let verdict = if text.starts_with("Not affected") {
        Verdict::pass("This processor does not have iTLB multihit.")
    } else if text.starts_with("KVM: Mitigation") {
        Verdict::pass("KVM keeps guests from executable huge pages, or cannot run any.")
    } else if text.starts_with("KVM: Vulnerable") || text.starts_with("Processor vulnerable") {
        // Before the module is loaded the kernel says the same.
        match parameter.get()? {
            None => {
                Verdict::not_applicable("KVM is not loaded, so that no guest can do it. Its module decides when it is.")
            }
            Some(_) => {
                Verdict::fail("KVM lets guests have executable huge pages, and with them a guest can stop this host.")
            }
        }
    } else {
        return Err(Gap::new(origin, "the kernel's words about iTLB multihit are not known here"));
    };
    let verdict = verdict.and(origin, text);
    Ok(match parameter.value() {
        Some(Some(value)) => verdict.and(parameter.origin(), value.as_str()),
        _ => verdict,
    })
}

pub static VMSCAPE: Check = Check {
    id: "host.cpu-vmscape",
    title: "A guest cannot steer QEMU's branch prediction (VMScape)",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/hw-vuln/vmscape.html"],
    why: "With VMScape a guest trains the processor's branch prediction so that QEMU, in which it runs, gives away its own memory: keys of \
          encrypted disks, and what the guest's own kernel keeps from its users.",
    fix: "Update the kernel, remove `vmscape=off` and `mitigations=off` from its command line, and restart the host.",
    impact: "The mitigation costs about one per cent, more with emulated devices.",
    apply: Apply::HostReboot,
    needs: "/sys/devices/system/cpu/vulnerabilities/vmscape, whether the host is a VM itself (/proc/cpuinfo)",
    judge: Judge::Host(|facts, _| vmscape(facts)),
};

fn vmscape(facts: &Facts) -> Judged {
    let (text, origin) = match report(facts, "vmscape")? {
        Report::Other => return Ok(other_processor()),
        Report::Silent(origin) => {
            facts.host.kernel.vulnerabilities.get()?;
            let message = "This kernel does not report on VMScape: it is older than the weakness, or its maker did not take the mitigation.";
            return Ok(Verdict::warn(message).and(origin, "(does not exist)"));
        }
        Report::Text(text, origin) => (text, origin),
    };
    let verdict = if text.starts_with("Mitigation:") {
        Verdict::pass("The kernel keeps guests from steering QEMU's branch prediction.")
    } else if text.starts_with("Vulnerable") {
        Verdict::fail("The kernel does not keep guests from steering QEMU's branch prediction.")
    } else if text.starts_with("Not affected") {
        let is_virtual = &facts.host.processor.is_virtual;
        if *is_virtual.get()? {
            let message =
                "This host is a VM itself, where the kernel does not look for VMScape; the host below must protect it.";
            return Ok(Verdict::info(message).and(origin, text).with(is_virtual));
        }
        Verdict::pass("This processor does not have VMScape.")
    } else {
        return Err(Gap::new(origin, "the kernel's words about VMScape are not known here"));
    };
    Ok(verdict.and(origin, text))
}

pub static MICROCODE: Check = Check {
    id: "host.cpu-microcode",
    title: "The processor's microcode is not outdated",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/hw-vuln/old_microcode.html"],
    why: "Most protection against side channels is made of new instructions that only new microcode has. With an old one the kernel \
          cannot protect guests from each other, however new it is.",
    fix: "Update the package microcode_ctl or intel-microcode (AMD: linux-firmware or amd64-microcode) and the firmware (BIOS), and restart the host.",
    impact: "The host must be restarted; microcode that closes a side channel may make it a little slower.",
    apply: Apply::HostReboot,
    needs: "/sys/devices/system/cpu/vulnerabilities/old_microcode, whether the host is a VM itself (/proc/cpuinfo)",
    judge: Judge::Host(|facts, _| {
        let found = report(facts, "old_microcode")?;
        if matches!(found, Report::Other) {
            return Ok(Verdict::not_applicable(
                "The kernel judges the microcode of x86 processors only, and this host has another one.",
            ));
        }
        let is_virtual = &facts.host.processor.is_virtual;
        if *is_virtual.get()? {
            return Ok(Verdict::not_applicable("This host is a VM itself: the host below loads the microcode.")
                .with(is_virtual));
        }
        match found {
            Report::Text(text, origin) if text.starts_with("Not affected") => {
                Ok(Verdict::pass("The processor's microcode is not older than the kernel's list of released ones.")
                    .and(origin, text))
            }
            Report::Text(text, origin) if text.starts_with("Vulnerable") => {
                Ok(Verdict::fail("The processor ran old microcode with known faults when the host was started.")
                    .and(origin, text))
            }
            Report::Text(_, origin) => {
                Err(Gap::new(origin, "the kernel's words about the microcode are not known here"))
            }
            Report::Silent(origin) => {
                Err(Gap::new(origin, "this kernel does not report on the microcode's age, as Linux does from 6.16 on"))
            }
            Report::Other => Ok(other_processor()),
        }
    }),
};

pub static SMT_CROSS_THREAD: Check = Check {
    id: "host.smt-cross-thread",
    title: "VMs do not share the threads of a core where that leaks",
    severity: Severity::Medium,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &[HW_VULN, "https://libvirt.org/drvqemu.html"],
    why: "Two threads of one core share its caches and buffers. Where the processor leaks through them, a guest listens to whatever runs \
          beside it: another guest, or the host.",
    fix: "Set `sched_core = \"vcpus\"` in /etc/libvirt/qemu.conf (libvirt 8.9 and later) and start the VMs anew, so that only threads of one VM share a core; \
          or turn hyper-threads off: `echo off > /sys/devices/system/cpu/smt/control`, and the kernel argument `nosmt` for good.",
    impact: "With sched_core a VM with an odd number of processors leaves threads idle. Without hyper-threads the host has half as many logical processors.",
    apply: Apply::DaemonRestart,
    needs: "/sys/devices/system/cpu/smt/active, /sys/devices/system/cpu/vulnerabilities, sched_core in /etc/libvirt/qemu.conf (administrative access), how many VMs run",
    judge: Judge::Host(|facts, neighbours| {
        let active = &facts.host.processor.smt_active;
        match active.get()? {
            Some(true) => {}
            Some(false) => {
                return Ok(Verdict::pass("Cores are not shared by several threads.").and(active.origin(), "0"));
            }
            None => {
                return Ok(Verdict::pass("This kernel knows no threads that share a core.")
                    .and(active.origin(), "(does not exist)"));
            }
        }
        let known = &facts.host.kernel.vulnerabilities;
        let Some((name, text)) = known.get()?.iter().find(|(_, text)| text.contains("SMT vulnerable")) else {
            return Ok(Verdict::pass("The kernel knows no weakness by which threads of one core spy on each other.")
                .and(active.origin(), "1")
                .and(known.origin(), "nowhere: SMT vulnerable"));
        };
        let evidence =
            |verdict: Verdict| verdict.and(active.origin(), "1").and(format!("{}/{name}", known.origin()), text);
        let running = neighbours.needs.running;
        if running < 2 {
            if let Some(gap) = &neighbours.needs.not_known_to_run {
                return Err(gap.clone());
            }
            super::sebool_state::all_vms_known(facts)?;
            return Ok(evidence(Verdict::pass(
                "Threads of one core can spy on each other, but fewer than two VMs run.",
            )));
        }
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.text("sched_core")? {
            Some("vcpus" | "emulator" | "full") => Verdict::pass(
                "Threads of one core can spy on each other, but libvirt lets only threads of one VM share a core.",
            ),
            _ => Verdict::warn(format!(
                "Threads of one core can spy on each other ({name}), and {running} VMs run without core scheduling to keep them apart."
            )),
        };
        Ok(evidence(verdict).and(conf.place("sched_core"), conf.shown("sched_core")))
    }),
};
