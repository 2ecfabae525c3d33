// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux's domains of virtualization: whether they are enforced, and what was denied to them.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::facts::host::SelinuxMode;
use crate::policy::Profile;

pub static PERMISSIVE_TYPES: Check = Check {
    id: "host.selinux-permissive-types",
    title: "No SELinux domain of virtualization is permissive",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: &[
        "https://man7.org/linux/man-pages/man8/semanage-permissive.8.html",
        "https://github.com/fedora-selinux/selinux-policy/blob/rawhide/policy/modules/contrib/virt.te",
    ],
    why: "A permissive type is exempt from SELinux while `getenforce` still says Enforcing. With svirt_t exempt, nothing separates VMs; with virtqemud_t or virtd_t exempt, \
          the daemon that runs as root is free.",
    fix: "Look for what was denied with `ausearch -m avc -ts recent`, repair that, and run `semanage permissive -d TYPE`. Types that a module of the policy makes permissive need another module.",
    impact: "What SELinux only logged for this type is now denied; a VM that depends on it may not start.",
    apply: Apply::HostNow,
    needs: "/sys/fs/selinux/enforce, the permissive types in the policy below /etc/selinux",
    judge: Judge::Host(|facts, _| permissive_types(facts)),
};

/// Types of VMs, of libvirt's daemons and of their helpers: `svirt_t`, `virtqemud_t`, `virtd_t`, `swtpm_t`.
fn of_virtualization(name: &str) -> bool {
    ["svirt", "virt", "swtpm", "passt", "sanlock"].iter().any(|start| name.starts_with(start))
}

fn permissive_types(facts: &Facts) -> Judged {
    let selinux = &facts.host.selinux;
    if *selinux.mode.get()? == SelinuxMode::Disabled {
        return Ok(
            Verdict::not_applicable("SELinux is not in use on this host, so it has no domains.").with(&selinux.mode)
        );
    }
    let fact = &selinux.permissive_types;
    let types = fact.get()?;
    let bad: Vec<&str> = types.iter().map(String::as_str).filter(|name| of_virtualization(name)).collect();
    if !bad.is_empty() {
        let names = bad.join(", ");
        return Ok(Verdict::fail(format!("SELinux does not enforce its policy for these types: {names}."))
            .and(fact.origin(), format!("permissive: {names}")));
    }
    if types.is_empty() {
        return Ok(Verdict::pass("SELinux's policy exempts no type from being enforced.")
            .and(fact.origin(), "no permissive types"));
    }
    Ok(Verdict::pass("SELinux's policy exempts types from being enforced, but none of virtualization.")
        .and(fact.origin(), format!("permissive: {}", types.join(", "))))
}

pub static SVIRT_DENIALS: Check = Check {
    id: "host.svirt-denials",
    title: "SELinux denied nothing to VMs in the last days",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Mac,
    basis: &[
        "https://libvirt.org/drvqemu.html#selinux-svirt-confinement",
        "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/9/html/using_selinux/troubleshooting-problems-related-to-selinux_using-selinux",
    ],
    why: "A VM that does only what its definition says is denied nothing. A denial is a wrong label or a missing boolean, or it is a guest that has taken over \
          its QEMU and tries what it can reach.",
    fix: "Run `ausearch -m avc -ts week-ago | grep -E 'svirt|swtpm'`, and find out what each VM was doing. Repair labels with `restorecon`; do not make the type permissive.",
    impact: "Looking changes nothing. A VM that does things which its definition does not explain should be shut off and examined.",
    apply: Apply::Manual,
    needs: "the end of /var/log/audit/audit.log (administrative access)",
    judge: Judge::Host(|facts, _| svirt_denials(facts)),
};

/// No more kinds are named in one finding.
const NAMED: usize = 5;

fn svirt_denials(facts: &Facts) -> Judged {
    let mode = &facts.host.selinux.mode;
    if *mode.get()? == SelinuxMode::Disabled {
        return Ok(Verdict::not_applicable("SELinux is not in use on this host, so it denies nothing.").with(mode));
    }
    let fact = &facts.host.svirt_denials;
    let denials = fact.get()?;
    let Some(first) = denials.kinds.first() else {
        let message = if denials.cut {
            "SELinux denied nothing to VMs in the part of the audit log that was read, which does not reach back seven days."
        } else {
            "SELinux denied nothing to VMs in the seven days before the audit log's last record."
        };
        return Ok(Verdict::pass(message).and(fact.origin(), "no denial of a domain svirt*"));
    };
    let times = if denials.count == 1 { "once".to_owned() } else { format!("{} times", denials.count) };
    let message = format!(
        "SELinux denied something to VMs {times} lately, most often {} to {} a {} with the type {}.",
        first.domain, first.permissions, first.class, first.target
    );
    Ok(denials.kinds.iter().take(NAMED).fold(Verdict::warn(message), |verdict, kind| {
        let name = if kind.name.is_empty() { String::new() } else { format!(" ({})", kind.name) };
        let value =
            format!("{} × {}: {} of {} {}{name}", kind.count, kind.domain, kind.permissions, kind.class, kind.target);
        verdict.and(fact.origin(), value)
    }))
}
