// SPDX-License-Identifier: LGPL-2.1-or-later
//! Managing from elsewhere: SSH.

use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::facts::sshd::SshSetting;
use crate::policy::Profile;

pub static SSH: Check = Check {
    id: "access.ssh-management",
    title: "Nobody manages VMs by logging in as root with a password",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Access,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "Red Hat's chapter tells to manage VMs through SSH. With `qemu+ssh://root@HOST` and a password that is guessed or typed in the wrong \
          place, the host is gone; and nobody can tell afterwards who it was.",
    fix: "Write `PermitRootLogin no` (or prohibit-password) into a file of /etc/ssh/sshd_config.d, run `systemctl reload sshd`, and manage as \
          a user of the group libvirt: `virsh -c qemu+ssh://USER@HOST/system`.",
    impact: "Scripts and virt-manager connections that log in as root must use another user, or a key.",
    apply: Apply::HostNow,
    needs: "PermitRootLogin and PasswordAuthentication in /etc/ssh/sshd_config and what it includes (administrative access)",
    judge: Judge::Host(|facts, _| ssh(facts)),
};

fn ssh(facts: &Facts) -> Judged {
    let fact = &facts.host.access.sshd;
    let Some(sshd) = fact.get()? else {
        return Ok(Verdict::not_applicable("This host has no SSH server.").and(fact.origin(), "(does not exist)"));
    };
    let evidence = |key: &str, setting: Option<&SshSetting>| Evidence {
        origin: setting.map_or_else(|| sshd.file.clone(), |setting| setting.place.clone()),
        value: setting.map_or_else(|| format!("{key} (not set)"), |setting| format!("{key} {}", setting.value)),
    };
    let root = sshd.root_login.as_ref();
    let passwords = sshd.passwords.as_ref().is_none_or(|setting| setting.value != "no");
    let verdict = match root.map(|setting| setting.value.as_str()) {
        Some("yes") if passwords => Verdict::warn("root may log in over SSH with a password."),
        Some("yes") => Verdict::warn(
            "root may log in over SSH (PermitRootLogin yes), with a key only as long as passwords stay off for everybody.",
        ),
        Some("no") => Verdict::pass("root may not log in over SSH."),
        Some("forced-commands-only") => {
            Verdict::pass("root may log in over SSH for commands only that its keys are bound to.")
        }
        Some("prohibit-password" | "without-password") => Verdict::info("root may log in over SSH with a key."),
        None => Verdict::info("root may log in over SSH with a key, as it is by default."),
        Some(other) => {
            Verdict::warn(format!("The SSH server's PermitRootLogin has a value that is not known: {other}."))
        }
    };
    let matched = sshd.matched.iter().find(|setting| setting.value == "yes");
    if let Some(matched) = matched.filter(|_| verdict.outcome < crate::checks::Outcome::Warn) {
        let message =
            "root may log in over SSH with a password on some connections (PermitRootLogin yes in a Match block).";
        return Ok(Verdict::warn(message)
            .because([evidence("PermitRootLogin", Some(matched)), evidence("PermitRootLogin", root)]));
    }
    Ok(verdict
        .because([evidence("PermitRootLogin", root), evidence("PasswordAuthentication", sshd.passwords.as_ref())]))
}
