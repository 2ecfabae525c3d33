// SPDX-License-Identifier: LGPL-2.1-or-later
//! The kernel and the processor.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static KASLR: Check = Check {
    id: "host.kaslr",
    title: "The kernel's addresses are randomised",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["automatic-features-for-virtual-machine-security"],
    why: "Whoever breaks out of QEMU attacks the kernel next. Without address randomisation every exploit knows where the \
          kernel's code and data lie.",
    fix: "Run `grubby --update-kernel=ALL --remove-args=nokaslr` and restart the host.",
    impact: "None for the VMs but the restart. Kernel debuggers and crash tools need the offset of each boot, which they read themselves.",
    apply: Apply::HostReboot,
    needs: "/proc/cmdline, CONFIG_RANDOMIZE_BASE of the running kernel's configuration",
    judge: Judge::Host(|facts, _| kaslr(facts)),
};

fn kaslr(facts: &Facts) -> Judged {
    let kernel = &facts.host.kernel;
    let arch = facts.host.arch.as_str();
    let cmdline = kernel.cmdline.get()?;
    if arch.is_empty() {
        return Err(Gap::new("uname -m", "the host's architecture was not read"));
    }
    let built = kernel.randomize_base.value();
    let config = (
        kernel.randomize_base.origin().to_owned(),
        match built {
            Some(Some(true)) => "y".to_owned(),
            Some(Some(false)) => "n".to_owned(),
            Some(None) => "(not set)".to_owned(),
            None => kernel.randomize_base.clone().map(|_| "").shown(),
        },
    );
    let expected = ["x86_64", "aarch64", "s390x"].contains(&arch);
    if !expected && built != Some(&Some(true)) {
        let message = format!("The kernel of this architecture ({arch}) is not known to randomise its addresses.");
        return Ok(Verdict::not_applicable(message).and(config.0, config.1));
    }
    let verdict = if cmdline.split_whitespace().any(|word| word == "nokaslr") {
        Verdict::fail("The kernel argument nokaslr switches the randomisation of the kernel's addresses off.")
    } else {
        match built {
            Some(Some(true)) => Verdict::pass("The kernel randomises its addresses at each boot."),
            Some(_) => Verdict::fail("This kernel was built without address randomisation (CONFIG_RANDOMIZE_BASE)."),
            None => Verdict::pass(
                "Nothing switches the randomisation of the kernel's addresses off. \
                 That this kernel was built with it is assumed: its configuration could not be read.",
            ),
        }
    };
    Ok(verdict.with(&kernel.cmdline).and(config.0, config.1))
}

pub static CPU_VULNERABILITIES: Check = Check {
    id: "host.cpu-vulnerabilities",
    title: "The processor's known weaknesses are mitigated",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/hw-vuln/index.html", "https://github.com/ComplianceAsCode/content"],
    why: "Through an unmitigated side channel a guest reads the host's memory, or another guest's, without breaking out at all: \
          keys and passwords leak and nothing is logged.",
    fix: "Update the kernel and the processor's microcode, remove `mitigations=off` and single switches such as `mds=off` from the \
          kernel's command line, and restart the host. Where hyper-threads stay vulnerable, use `nosmt`.",
    impact: "Mitigations cost between one and thirty per cent of speed, depending on processor and load; `nosmt` halves the number of logical processors.",
    apply: Apply::HostReboot,
    needs: "/sys/devices/system/cpu/vulnerabilities",
    judge: Judge::Host(|facts, _| {
        let known = &facts.host.kernel.vulnerabilities;
        let files = known.get()?;
        if files.is_empty() {
            return Err(Gap::new(known.origin(), "the kernel reports on no weakness of its processor"));
        }
        let rated = |rating| files.iter().filter(move |(_, text)| rate(text) == rating);
        let (open, partial) = (rated(Rating::Open).count(), rated(Rating::Partial).count());
        let verdict = if open + partial == 0 {
            let count = files.len();
            return Ok(Verdict::pass(format!(
                "All {count} weaknesses that the kernel knows are mitigated or absent in this processor."
            ))
            .and(known.origin(), format!("{count} files: Mitigation or Not affected")));
        } else if open > 0 {
            Verdict::fail(format!("The kernel does not protect against: {}.", names(rated(Rating::Open))))
        } else {
            Verdict::warn(format!("The kernel protects only in part against: {}.", names(rated(Rating::Partial))))
        };
        let place = |name| format!("{}/{name}", known.origin());
        Ok(rated(Rating::Open)
            .chain(rated(Rating::Partial))
            .fold(verdict, |verdict, (name, text)| verdict.and(place(name), text)))
    }),
};

fn names<'a>(files: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    files.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ")
}

#[derive(Clone, Copy, PartialEq)]
enum Rating {
    Closed,
    Partial,
    Open,
}

/// The texts are the kernel's own (`cpu_show_common`): a state, and after it the states of parts.
/// What is said about KVM or VMX is said about guests, whatever stands before it.
fn rate(text: &str) -> Rating {
    let lower = text.to_lowercase();
    let partial = ["vulnerable", "unknown", "no microcode"].iter().any(|word| lower.contains(word));
    if lower.starts_with("vulnerable") || lower.contains("kvm: vulnerable") || lower.contains("vmx: vulnerable") {
        Rating::Open
    } else if !partial && ["mitigation", "not affected", "kvm: mitigation"].iter().any(|good| lower.starts_with(good)) {
        Rating::Closed
    } else {
        Rating::Partial
    }
}

pub static KSM: Check = Check {
    id: "host.ksm",
    title: "Guests do not share memory pages",
    severity: Severity::Medium,
    // The row warns a host with one owner and fails one with several; here it is enforced for several, and informs below.
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &[
        "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/7/html/virtualization_security_guide/sect-virtualization_security_guide-guest_security-guest_security_recommended_practices",
        "https://github.com/ComplianceAsCode/content",
    ],
    why: "Kernel same-page merging (KSM) joins equal pages of different guests. By timing its own writes a guest learns what \
          its neighbours hold in memory, and with a Rowhammer attack (Flip Feng Shui) it can even change it.",
    fix: "Run `systemctl disable --now ksm ksmtuned`, then `echo 2 > /sys/kernel/mm/ksm/run` to separate the pages that are merged.",
    impact: "The VMs use more memory: as much as /sys/kernel/mm/ksm/pages_sharing pages of it are saved now.",
    apply: Apply::HostNow,
    needs: "/sys/kernel/mm/ksm/run and pages_sharing, the state of ksm.service and ksmtuned.service",
    judge: Judge::Host(|facts, _| ksm(facts)),
};

fn ksm(facts: &Facts) -> Judged {
    let run = &facts.host.kernel.ksm_run;
    let Some(value) = *run.get()? else {
        return Ok(
            Verdict::pass("This kernel does not merge pages: it has no KSM.").and(run.origin(), "(does not exist)")
        );
    };
    let tuned = facts.host.systemd.units.value().and_then(|units| units.get("ksmtuned.service"));
    let evidence = |verdict: Verdict| {
        let verdict = verdict.and(run.origin(), value.to_string());
        match facts.host.kernel.ksm_pages_sharing.value() {
            Some(Some(pages)) => verdict.and(facts.host.kernel.ksm_pages_sharing.origin(), pages.to_string()),
            _ => verdict,
        }
    };
    Ok(evidence(match value {
        1 => {
            let pages = facts.host.kernel.ksm_pages_sharing.value().copied().flatten();
            let now = pages.map_or_else(String::new, |pages| format!("; it saves {pages} pages now"));
            Verdict::fail(format!("KSM is on and merges equal pages of different guests{now}."))
        }
        0 | 2 if tuned.is_some_and(|unit| unit.active == "active") => {
            Verdict::info("KSM is off now, but ksmtuned.service is active and switches it on when memory runs short.")
                .and("org.freedesktop.systemd1: ksmtuned.service ActiveState", "active")
        }
        0 => Verdict::pass("KSM is off."),
        2 => Verdict::pass("KSM is off, and has separated all pages again."),
        other => {
            return Err(Gap::new(
                run.origin(),
                format!("{} holds {other}, which has no meaning known here", run.origin()),
            ));
        }
    }))
}
