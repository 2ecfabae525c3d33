// SPDX-License-Identifier: LGPL-2.1-or-later
//! Kernel settings that make it harder to go on from a QEMU that was taken over.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::{Fact, Gap};
use crate::policy::Profile;

const SYSCTL: &str = "https://docs.kernel.org/admin-guide/sysctl/kernel.html";
const LYNIS: &str = "https://github.com/CISOfy/lynis";

/// A value that has no meaning known here.
fn odd(fact: &Fact<Option<i64>>, value: i64) -> Gap {
    Gap::new(fact.origin(), format!("{} is {value}, which has no meaning known here", fact.origin()))
}

pub static ASLR: Check = Check {
    id: "host.aslr",
    title: "Programs are loaded at random addresses",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[SYSCTL, LYNIS],
    why: "QEMU is built to be loaded anywhere. Where the kernel always loads it at the same place, an error in one of its devices is \
          enough for an exploit: the attacker need not find out first where the code lies.",
    fix: "Run `sysctl -w kernel.randomize_va_space=2`, write `kernel.randomize_va_space = 2` to a file in /etc/sysctl.d, and start the VMs anew.",
    impact: "None for VMs. Very old programs and debuggers that count on fixed addresses can be started with `setarch -R`.",
    apply: Apply::HostNow,
    needs: "/proc/sys/kernel/randomize_va_space",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.sysctl.randomize_va_space;
        let value = (*fact.get()?).ok_or_else(|| Gap::new(fact.origin(), "this kernel has no such setting"))?;
        Ok(match value {
            2 => Verdict::pass("Programs, their data and their libraries are loaded at random addresses."),
            1 => Verdict::warn("Programs and libraries are loaded at random addresses, but not their data (kernel.randomize_va_space is 1)."),
            0 => Verdict::fail("Programs are always loaded at the same addresses (kernel.randomize_va_space is 0)."),
            other => return Err(odd(fact, other)),
        }
        .and(fact.origin(), value.to_string()))
    }),
};

pub static PTRACE_SCOPE: Check = Check {
    id: "host.ptrace-scope",
    title: "A process may not trace others of the same user",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/LSM/Yama.html", LYNIS],
    why: "All VMs of the system run as one user. Without Yama only SELinux or AppArmor keep a QEMU that was taken over from tracing another \
          and reading its guest's memory.",
    fix: "Run `sysctl -w kernel.yama.ptrace_scope=1`, and write `kernel.yama.ptrace_scope = 1` to a file in /etc/sysctl.d.",
    impact: "Users can debug only what they start under the debugger; `gdb -p` needs root.",
    apply: Apply::HostNow,
    needs: "/proc/sys/kernel/yama/ptrace_scope",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.sysctl.ptrace_scope;
        Ok(match *fact.get()? {
            None => Verdict::warn("This kernel has no Yama, so that a process may trace any other of its user.")
                .and(fact.origin(), "(does not exist)"),
            Some(0) => Verdict::warn("A process may trace any other of its user (kernel.yama.ptrace_scope is 0).")
                .and(fact.origin(), "0"),
            Some(value @ 1..=3) => {
                Verdict::pass("A process may trace no other of its user but its own children, or none at all.")
                    .and(fact.origin(), value.to_string())
            }
            Some(value) => return Err(odd(fact, value)),
        })
    }),
};

pub static UNPRIVILEGED_BPF: Check = Check {
    id: "host.unprivileged-bpf",
    title: "Only root may load BPF programs",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &[SYSCTL, LYNIS],
    why: "BPF runs code that users bring inside the kernel. Its checker had errors that gave root away, and it makes side channels easy to use: both \
          for whoever has got out of a VM.",
    fix: "Run `sysctl -w kernel.unprivileged_bpf_disabled=1`, and write `kernel.unprivileged_bpf_disabled = 1` to a file in /etc/sysctl.d.",
    impact: "None for VMs; libvirt and systemd load their programs as root. The value 1 cannot be taken back before the next boot, 2 can.",
    apply: Apply::HostNow,
    needs: "/proc/sys/kernel/unprivileged_bpf_disabled",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.sysctl.unprivileged_bpf_disabled;
        Ok(match *fact.get()? {
            None => {
                Verdict::pass("This kernel has no BPF that users could load.").and(fact.origin(), "(does not exist)")
            }
            Some(0) => Verdict::warn(
                "Every user may load BPF programs into the kernel (kernel.unprivileged_bpf_disabled is 0).",
            )
            .and(fact.origin(), "0"),
            Some(value @ 1..=2) => {
                Verdict::pass("Only root may load BPF programs into the kernel.").and(fact.origin(), value.to_string())
            }
            Some(value) => return Err(odd(fact, value)),
        })
    }),
};

pub static UNPRIVILEGED_USERNS: Check = Check {
    id: "host.unprivileged-userns",
    title: "Users cannot make namespaces of their own on a dedicated host",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Kernel,
    basis: &["https://docs.kernel.org/admin-guide/sysctl/user.html", "https://kspp.github.io/Recommended_Settings"],
    why: "In a user namespace anybody is root over parts of the kernel that were written for root only; many of the kernel's errors can \
          be reached no other way. A host that only runs VMs of the system does not need them.",
    fix: "On a host that runs nothing but VMs of the system, write `user.max_user_namespaces = 0` to a file in /etc/sysctl.d, and run `sysctl --system`.",
    impact: "It breaks rootless containers, the sandboxes of browsers, and virtiofsd and passt in users' own VMs. Never do it on a workstation.",
    apply: Apply::HostNow,
    needs: "/proc/sys/user/max_user_namespaces, /proc/sys/kernel/unprivileged_userns_clone and apparmor_restrict_unprivileged_userns where they exist",
    judge: Judge::Host(|facts, _| {
        let sysctl = &facts.host.sysctl;
        let (most, clone, confined) = (
            &sysctl.max_user_namespaces,
            &sysctl.unprivileged_userns_clone,
            &sysctl.apparmor_restrict_unprivileged_userns,
        );
        let number = (*most.get()?).unwrap_or(0);
        if number == 0 {
            return Ok(Verdict::pass("There are no user namespaces on this host.").and(most.origin(), "0"));
        }
        if *clone.get()? == Some(0) {
            return Ok(Verdict::pass("Only root may make user namespaces.").and(clone.origin(), "0"));
        }
        if *confined.get()? == Some(1) {
            return Ok(Verdict::pass("AppArmor lets only programs with a profile of their own make user namespaces.")
                .and(confined.origin(), "1"));
        }
        Ok(Verdict::info(format!("Every user may make user namespaces, up to {number} of them. A host that only runs VMs of the system needs none."))
            .and(most.origin(), number.to_string()))
    }),
};
