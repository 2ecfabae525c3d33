// SPDX-License-Identifier: LGPL-2.1-or-later
//! AppArmor, on hosts without SELinux.

use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::host::SelinuxMode;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static LIBVIRT: Check = Check {
    id: "host.apparmor-libvirt",
    title: "AppArmor confines libvirt and each of its VMs",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Mac,
    basis: &["https://libvirt.org/drvqemu.html"],
    why: "libvirt gives each VM an AppArmor profile only if its own profile is loaded when it starts. Without them a guest that breaks out of QEMU may \
          touch everything that the user of all VMs may.",
    fix: "Run `aa-enforce /etc/apparmor.d/usr.sbin.libvirtd` (modular daemons: usr.sbin.virtqemud), restart the daemon, and start the VMs anew.",
    impact: "Access that the profile does not foresee, such as images in unusual places, is denied; /etc/apparmor.d/local can allow it.",
    apply: Apply::DaemonRestart,
    needs: "/sys/module/apparmor/parameters/enabled, /sys/kernel/security/apparmor/profiles (administrative access), which VMs run",
    judge: Judge::Host(|facts, _| libvirt(facts)),
};

fn libvirt(facts: &Facts) -> Judged {
    let (mode, enabled) = (&facts.host.selinux.mode, &facts.host.apparmor.enabled);
    if *mode.get()? != SelinuxMode::Disabled {
        return Ok(Verdict::not_applicable("SELinux is this host's security module.").with(mode));
    }
    if !*enabled.get()? {
        return Ok(Verdict::not_applicable("AppArmor is not on; host.selinux-enforcing judges that.").with(enabled));
    }
    let profiles = &facts.host.apparmor.profiles;
    let loaded = profiles.get()?;
    let daemon = loaded.iter().find(|(name, _)| ["libvirtd", "virtqemud"].contains(&super::selinux::program_of(name)));
    let Some((name, state)) = daemon else {
        return Ok(Verdict::fail("AppArmor has no profile for libvirtd or virtqemud, so that libvirt confines no VM.")
            .and(profiles.origin(), "(no profile of libvirt)"));
    };
    if state != "enforce" {
        return Ok(Verdict::fail(format!(
            "AppArmor holds its profile {name} in {state} mode, so that libvirt itself is not confined."
        ))
        .and(profiles.origin(), format!("{name} ({state})")));
    }
    let mut gap: Option<Gap> = None;
    let mut running = 0_usize;
    for vm in facts.vms.iter().filter(|vm| vm.connection == "system" || vm.connection == "qemu:///system") {
        match vm.is_active() {
            Ok(false) => continue,
            Ok(true) => running += 1,
            Err(missing) => {
                gap = gap.or(Some(missing));
                continue;
            }
        }
        let profile = format!("libvirt-{}", vm.uuid);
        match loaded.get(&profile).map(String::as_str) {
            Some("enforce") => {}
            Some(other) => {
                return Ok(Verdict::fail(format!(
                    "AppArmor does not confine the VM {}: its profile is in {other} mode.",
                    vm.name
                ))
                .and(profiles.origin(), format!("{profile} ({other})")));
            }
            None => {
                return Ok(Verdict::fail(format!("AppArmor does not confine the VM {}: it has no profile.", vm.name))
                    .and(profiles.origin(), format!("(no profile {profile})")));
            }
        }
    }
    if let Some(gap) = gap {
        return Err(gap);
    }
    super::sebool_state::all_vms_known(facts)?;
    Ok(Verdict::pass(match running {
        0 => "AppArmor confines libvirt. No VM runs that it could confine.",
        _ => "AppArmor confines libvirt and each running VM.",
    })
    .and(profiles.origin(), format!("{name} (enforce), {running} profiles of VMs (enforce)")))
}
