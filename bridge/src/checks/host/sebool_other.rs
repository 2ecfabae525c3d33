// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux booleans of virtualization beyond the fifteen of the RHEL chapter.

use super::sebool::{BOOLEAN, BOOLEAN_AND_VMS};
use super::sebool_state::{Row, check, needed, on, plain, settled, used_by};
use crate::checks::{Check, Evidence, Judged, Need, Neighbours, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

const POLICY: &[&str] =
    &["https://github.com/fedora-selinux/selinux-policy/blob/rawhide/policy/modules/contrib/virt.te"];

const fn row(profile: Profile, row: &Row) -> Check {
    check(profile, POLICY, row)
}

pub static USE_GLUSTERD: Check = row(
    Profile::MultiTenant,
    &Row {
        id: "host.sebool-virt-use-glusterd",
        title: "VMs may not talk to glusterd unless their disks lie there",
        severity: Severity::Low,
        why: "With virt_use_glusterd on, every QEMU may talk to GlusterFS's daemon, which runs as root and which VMs without disks on it do not need.",
        fix: "If no VM has a disk on GlusterFS, run `setsebool -P virt_use_glusterd off`.",
        impact: "VMs whose disks lie on GlusterFS no longer start.",
        needs: BOOLEAN_AND_VMS,
        judge: |facts, neighbours| {
            let used =
                |name: &str, vm: &str| Verdict::pass(format!("{name} is on, and the VM {vm} has a disk on GlusterFS."));
            needed(facts, neighbours, "virt_use_glusterd", Need::Gluster, used, |name| {
                Verdict::warn(format!("{name} is on, and no VM's definition names a disk on GlusterFS."))
            })
        },
    },
);

pub static USE_PCSCD: Check = row(
    Profile::MultiTenant,
    &Row {
        id: "host.sebool-virt-use-pcscd",
        title: "VMs may not use smart cards of the host unless they need to",
        severity: Severity::Low,
        why: "With virt_use_pcscd on, every QEMU may talk to the host's card readers, and have whatever card is in them sign or decrypt.",
        fix: "If no VM is given a smart card of the host, run `setsebool -P virt_use_pcscd off`.",
        impact: "A VM with <smartcard mode='host'> or 'host-certificates' loses its card.",
        needs: BOOLEAN_AND_VMS,
        judge: |facts, neighbours| {
            let used = |name: &str, vm: &str| {
                Verdict::pass(format!("{name} is on, and the VM {vm} has a smart card of the host."))
            };
            needed(facts, neighbours, "virt_use_pcscd", Need::Smartcard, used, |name| {
                Verdict::warn(format!("{name} is on, and no VM has a smart card of the host."))
            })
        },
    },
);

pub static HOOKS_UNCONFINED: Check = row(
    Profile::Baseline,
    &Row {
        id: "host.sebool-virt-hooks-unconfined",
        title: "libvirt's hook scripts are confined",
        severity: Severity::High,
        why: "With virt_hooks_unconfined on, the scripts in /etc/libvirt/hooks, which libvirt runs as root at each start of a VM, are outside SELinux's policy. Whoever can write one, or \
          steer what it does by a VM's definition, is free on the host.",
        fix: "Run `setsebool -P virt_hooks_unconfined off`, and give what a script needs to the type virt_hook_t with a policy module of your own.",
        impact: "Scripts that do more than the policy allows fail, and with a failing script the VM does not start.",
        needs: "the boolean's file in /sys/fs/selinux/booleans; where it is on, the names in /etc/libvirt/hooks (administrative access)",
        judge: |facts, _| {
            let name = "virt_hooks_unconfined";
            let Some(on) = on(facts, name)? else { return settled(facts, name) };
            let hooks = &facts.host.selinux.hooks;
            let found = hooks.get()?;
            Ok(match found.first() {
                Some(script) => Verdict::fail(format!(
                    "{name} is on, and libvirt runs a script as root without confinement: {script}."
                ))
                .because([on])
                .and(hooks.origin(), found.join(", ")),
                None => Verdict::warn(format!("{name} is on, and there is no hook script that would need it."))
                    .because([on])
                    .and(hooks.origin(), "(none)"),
            })
        },
    },
);

pub static LOCKD_BLK_DEVS: Check = row(
    Profile::MultiTenant,
    &Row {
        id: "host.sebool-virt-lockd-blk-devs",
        title: "virtlockd may not lock block devices unless it does",
        severity: Severity::Info,
        why: "With virt_lockd_blk_devs on, the daemon that locks disks may open the host's block devices themselves.",
        fix: "If qemu.conf does not set lock_manager = \"lockd\", or no VM has a block device as its disk, run `setsebool -P virt_lockd_blk_devs off`.",
        impact: "VMs with block devices as disks no longer start where virtlockd locks them.",
        needs: "the boolean's file in /sys/fs/selinux/booleans; where it is on, lock_manager in /etc/libvirt/qemu.conf (administrative access) and all VMs' disks",
        judge: |facts, neighbours| {
            let name = "virt_lockd_blk_devs";
            let Some(on) = on(facts, name)? else { return settled(facts, name) };
            let conf = facts.host.config.qemu.get()?;
            if conf.text("lock_manager")? != Some("lockd") {
                return Ok(Verdict::info(format!("{name} is on, and virtlockd is not libvirt's lock manager."))
                    .because([on])
                    .and(conf.place("lock_manager"), conf.shown("lock_manager")));
            }
            let used = |name: &str, vm: &str| {
                Verdict::pass(format!("{name} is on, and virtlockd locks the block device of the VM {vm}."))
            };
            needed(facts, neighbours, name, Need::BlockDisk, used, |name| {
                Verdict::info(format!("{name} is on, and no VM has a block device as its disk."))
            })
        },
    },
);

pub static VIRTQEMUD_USE_EXECMEM: Check = row(
    Profile::MultiTenant,
    &Row {
        id: "host.sebool-virtqemud-use-execmem",
        title: "libvirt's daemon may not use executable memory",
        severity: Severity::Info,
        why: "With virtqemud_use_execmem on (the policy's default), virtqemud may make its data executable, which makes an error in it easier to exploit.",
        fix: "Leave it as the policy has it, unless you have tried your VMs without: `setsebool -P virtqemud_use_execmem off`.",
        impact: "The daemon virtqemud may fail to ask QEMU what it can, and then no VM starts.",
        needs: BOOLEAN,
        judge: |facts, _| {
            plain(
                facts,
                "virtqemud_use_execmem",
                Verdict::info,
                "libvirt's daemon may use executable memory, as the policy has it by default",
            )
        },
    },
);

/// Those that are on, with their effect and the evidence.
fn all_on(
    facts: &Facts,
    booleans: &[(&'static str, &'static str)],
) -> Result<Vec<(&'static str, &'static str, Evidence)>, Gap> {
    let mut found = Vec::new();
    for (name, effect) in booleans {
        found.extend(on(facts, name)?.map(|evidence| (*name, *effect, evidence)));
    }
    Ok(found)
}

const ALL_CAPS: &str = "virt_sandbox_use_all_caps";

/// Booleans for libvirt's containers, with what each allows. The first is on by default.
const SANDBOX: [(&str, &str); 4] = [
    (ALL_CAPS, "use all capabilities"),
    ("virt_sandbox_use_fusefs", "use FUSE file systems"),
    ("virt_sandbox_use_mknod", "make device nodes"),
    ("virt_sandbox_share_apache_content", "share the web server's files"),
];

pub static SANDBOX_ALL_CAPS: Check = row(
    Profile::MultiTenant,
    &Row {
        id: "host.sebool-virt-sandbox-all-caps",
        title: "Sandbox containers have no rights beyond the policy's defaults",
        severity: Severity::Info,
        why: "These booleans give libvirt's sandbox and LXC containers all capabilities, device nodes, FUSE or the web server's files. They have no effect on KVM VMs, but each is a way out of a container.",
        fix: "Run `setsebool -P NAME off` for those that no container of this host needs.",
        impact: "Containers that use it stop working; KVM VMs are not touched.",
        needs: "the files of four booleans in /sys/fs/selinux/booleans",
        judge: |facts, _| {
            let found = all_on(facts, &SANDBOX)?;
            let Some((first, effect, _)) = found.iter().find(|(name, ..)| *name != ALL_CAPS).or(found.first()) else {
                return settled(facts, ALL_CAPS);
            };
            let verdict = if *first == ALL_CAPS {
                Verdict::info(format!(
                    "{first} is on: sandbox containers may {effect}. That is the policy's default, and no matter for KVM VMs."
                ))
            } else {
                Verdict::warn(format!("{first} is on: sandbox containers may {effect}."))
            };
            Ok(verdict.because(found.into_iter().map(|(_, _, evidence)| evidence)))
        },
    },
);

const RUN_UNCONFINED: &str = "virt_qemu_ga_run_unconfined";

/// Booleans for the agent that runs inside a guest, with what the host below may do by each. The first two are grave.
const AGENT: [(&str, &str); 5] = [
    (RUN_UNCONFINED, "run programs outside the policy"),
    ("virt_qemu_ga_manage_ssh", "change SSH keys"),
    ("virt_qemu_ga_read_nonsecurity_files", "read almost all files"),
    ("virt_read_qemu_ga_data", "have other programs read the agent's data"),
    ("virt_rw_qemu_ga_data", "have other programs change the agent's data"),
];

pub static QEMU_GA: Check = row(
    Profile::Server,
    &Row {
        id: "host.sebool-qemu-ga",
        title: "The host below cannot run what it likes in this one",
        severity: Severity::Medium,
        why: "This host is a VM itself. Through the guest agent the host below can act in it, and these booleans take SELinux's limits on the agent away.",
        fix: "Run `setsebool -P NAME off` for those that the host below does not need.",
        impact: "Backups, password resets and key management from the host below, where they go through the guest agent, stop working.",
        needs: "whether the host is a VM itself (/proc/cpuinfo), the files of five booleans in /sys/fs/selinux/booleans",
        judge: |facts, _| {
            let is_virtual = &facts.host.processor.is_virtual;
            if !*is_virtual.get()? {
                return Ok(Verdict::not_applicable(
                    "This host is not a VM itself, so that no host below it has an agent here.",
                )
                .with(is_virtual));
            }
            let found = all_on(facts, &AGENT)?;
            let Some((first, effect, _)) = found.first() else {
                // Older policies have not all of them.
                let some = AGENT
                    .iter()
                    .find(|(name, _)| facts.host.selinux.booleans.value().is_some_and(|all| all.contains_key(*name)));
                return settled(facts, some.map_or(RUN_UNCONFINED, |(name, _)| name));
            };
            let message = format!("{first} is on: through the guest agent the host below may {effect}.");
            let grave = AGENT.iter().take(2).any(|(name, _)| name == first);
            let verdict = if grave { Verdict::warn(message) } else { Verdict::info(message) };
            Ok(verdict.because(found.into_iter().map(|(_, _, evidence)| evidence)))
        },
    },
);

/// A boolean for a file system, by the files on it that definitions name.
pub(super) fn on_file_system(
    facts: &Facts,
    neighbours: &Neighbours,
    name: &str,
    file_system: &str,
    need: Need,
) -> Judged {
    let Some(on) = on(facts, name)? else {
        let settled = settled(facts, name)?;
        return Ok(match neighbours.needs.get(need) {
            Some(user) if facts.host.selinux.booleans.value().is_some_and(|all| all.contains_key(name)) => {
                Verdict::info(format!(
                    "{name} is off, and the VM {} has a file on {file_system}: SELinux will deny it to the VM.",
                    user.vm
                ))
                .because(settled.evidence)
                .because([user.evidence.clone()])
            }
            _ => settled,
        });
    };
    if let Some(user) = neighbours.needs.get(need) {
        return Ok(Verdict::pass(format!("{name} is on, and the VM {} has a file on {file_system}.", user.vm))
            .because([on, user.evidence.clone()]));
    }
    facts.host.mounts.get()?;
    used_by(facts, neighbours, need)?;
    if let Some(gap) = &neighbours.needs.unplaced {
        return Err(gap.clone());
    }
    Ok(Verdict::warn(format!(
        "{name} is on: every QEMU may use files on {file_system}. No VM's definition names one there."
    ))
    .because([on])
    .and(facts.host.mounts.origin(), format!("no disk on {file_system}")))
}
