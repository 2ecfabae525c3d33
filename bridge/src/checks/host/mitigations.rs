// SPDX-License-Identifier: LGPL-2.1-or-later
//! Kernel arguments that take the barrier between guest and host away.

use std::collections::BTreeMap;

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static DISABLED: Check = Check {
    id: "host.cpu-mitigations-disabled",
    title: "No kernel argument switches protection from the processor's weaknesses off",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Kernel,
    basis: &[
        "https://docs.kernel.org/admin-guide/kernel-parameters.html",
        "https://docs.kernel.org/admin-guide/hw-vuln/attack_vector_controls.html",
        "https://github.com/ComplianceAsCode/content",
    ],
    why: "Somebody removed the barrier between guests and host on purpose, usually for speed: any guest can then read the host's memory, and that \
          of other guests, without breaking out and without a trace.",
    fix: "Run `grubby --update-kernel=ALL --remove-args=\"ARGUMENT\"` (Debian: edit GRUB_CMDLINE_LINUX in /etc/default/grub and run `update-grub`), \
          and restart the host.",
    impact: "The host becomes as fast as other protected hosts are: between one and thirty per cent slower, depending on processor and load.",
    apply: Apply::HostReboot,
    needs: "/proc/cmdline; where it has such an argument, /sys/devices/system/cpu/vulnerabilities",
    judge: Judge::Host(|facts, _| disabled(facts)),
};

/// Arguments that are a weakness by their name alone.
const BARE: [(&str, &str); 4] = [
    ("nopti", "meltdown"),
    ("nospectre_v1", "spectre_v1"),
    ("nospectre_v2", "spectre_v2"),
    ("nospec_store_bypass_disable", "spec_store_bypass"),
];

/// Arguments whose value counts, the last one given. Beside it the weakness that they leave open.
const VALUES: [(&str, &[&str], &str); 19] = [
    ("gather_data_sampling", &["off"], "gather_data_sampling"),
    ("indirect_target_selection", &["off"], "indirect_target_selection"),
    ("kvm.nx_huge_pages", &["off", "never", "0", "N"], "itlb_multihit"),
    ("kvm_intel.vmentry_l1d_flush", &["never"], "l1tf"),
    ("l1tf", &["off"], "l1tf"),
    ("mds", &["off"], "mds"),
    ("mmio_stale_data", &["off"], "mmio_stale_data"),
    ("pti", &["off"], "meltdown"),
    ("reg_file_data_sampling", &["off"], "reg_file_data_sampling"),
    ("retbleed", &["off"], "retbleed"),
    ("spec_rstack_overflow", &["off"], "spec_rstack_overflow"),
    ("spec_store_bypass_disable", &["off"], "spec_store_bypass"),
    ("spectre_bhi", &["off"], "spectre_v2"),
    ("spectre_v2", &["off"], "spectre_v2"),
    ("spectre_v2_user", &["off"], "spectre_v2"),
    ("srbds", &["off"], "srbds"),
    ("tsa", &["off"], "tsa"),
    ("tsx_async_abort", &["off"], "tsx_async_abort"),
    ("vmscape", &["off"], "vmscape"),
];

/// An argument as it stands on the command line, and the weakness that it leaves open; without one, all of them.
struct Switch<'a> {
    argument: &'a str,
    weakness: Option<&'static str>,
}

fn disabled(facts: &Facts) -> Judged {
    let cmdline = &facts.host.kernel.cmdline;
    let switches = switches(cmdline.get()?);
    if switches.is_empty() {
        return Ok(
            Verdict::pass("No kernel argument switches protection from the processor's weaknesses off.").with(cmdline)
        );
    }
    let known = &facts.host.kernel.vulnerabilities;
    let files = known.get()?;
    if files.is_empty() {
        return Err(Gap::new(known.origin(), "the kernel reports on no weakness of its processor"));
    }
    let absent = |text: &String| text.starts_with("Not affected");
    // A weakness that the kernel does not report on may be there.
    let harmful = |switch: &&Switch| match switch.weakness {
        Some(name) => !files.get(name).is_some_and(absent),
        None => !files.values().all(absent),
    };
    let arguments: Vec<&str> = switches.iter().filter(harmful).map(|switch| switch.argument).collect();
    Ok(if arguments.is_empty() {
        let named: Vec<&str> = switches.iter().map(|switch| switch.argument).collect();
        Verdict::pass(format!(
            "This processor has none of the weaknesses that the kernel does not protect from because of {}.",
            named.join(", ")
        ))
    } else {
        Verdict::fail(format!(
            "Kernel arguments switch off protection from weaknesses that this processor may have: {}.",
            arguments.join(", ")
        ))
    }
    .with(cmdline))
}

fn switches(cmdline: &str) -> Vec<Switch<'_>> {
    // What follows `--` is for the first program, not for the kernel. In names a dash is as good as an underscore.
    let words = cmdline.split_whitespace().take_while(|word| *word != "--");
    let mut last: BTreeMap<String, &str> = BTreeMap::new();
    for word in words {
        last.insert(word.split('=').next().unwrap_or_default().replace('-', "_"), word);
    }
    let value = |word: &str| word.split_once('=').map(|(_, value)| value.to_owned());
    let mut found = Vec::new();
    if let Some(argument) = last.get("mitigations")
        && let Some(value) = value(argument)
        && value.split([',', ';']).any(|part| ["off", "no_guest_host", "no_guest_guest"].contains(&part))
    {
        found.push(Switch { argument, weakness: None });
    }
    for (name, weakness) in BARE {
        if let Some(argument) = last.get(name) {
            found.push(Switch { argument, weakness: Some(weakness) });
        }
    }
    for (name, values, weakness) in VALUES {
        if let Some(argument) = last.get(name)
            && value(argument).is_some_and(|value| values.contains(&value.as_str()))
        {
            found.push(Switch { argument, weakness: Some(weakness) });
        }
    }
    found
}
