// SPDX-License-Identifier: LGPL-2.1-or-later
//! KVM: virtualisation inside guests, and who may open its devices.

use crate::checks::{Apply, Area, Check, Judge, Judged, Need, Severity, Verdict};
use crate::facts::permissions::FileMode;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static NESTED: Check = Check {
    id: "host.kvm-nested",
    title: "Guests cannot run VMs of their own unless they need to",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[
        "https://docs.kernel.org/virt/kvm/x86/running-nested-guests.html",
        "https://github.com/ComplianceAsCode/content",
    ],
    why: "Nested virtualisation lets a guest feed the host's KVM with its own control structures. Errors in how KVM checks them have let guests \
          write the host's memory.",
    fix: "If no VM needs it, write `options kvm_intel nested=0` (AMD: kvm_amd) to a file in /etc/modprobe.d, and restart the host. If some do, \
          take it from the others: `<feature policy='disable' name='vmx'/>` (AMD: svm) below <cpu>.",
    impact: "Guests can no longer run VMs: this includes Windows guests with virtualization-based security or WSL 2. CIS wants it off, the kernel has it on by default, and Red Hat \
          supports it in part only.",
    apply: Apply::HostReboot,
    needs: "nested of the modules kvm_intel, kvm_amd or kvm; where it is on, <cpu> in the definitions of all VMs",
    judge: Judge::Host(|facts, neighbours| {
        let nested = &facts.host.processor.nested;
        match nested.get()? {
            None => {
                return Ok(Verdict::pass("No module of KVM that lets guests run VMs is loaded.")
                    .and(nested.origin(), "(does not exist)"));
            }
            Some(false) => {
                return Ok(Verdict::pass("KVM lets no guest run VMs of its own.").and(nested.origin(), "off"));
            }
            Some(true) => {}
        }
        let used = super::sebool_state::used_by(facts, neighbours, Need::Nesting)?;
        Ok(match used {
            Some(user) => Verdict::warn(format!("KVM lets guests run VMs of their own, and the processor of the VM {} offers that.", user.vm))
                .and(nested.origin(), "on")
                .because([user.evidence.clone()]),
            None => Verdict::warn("KVM lets guests run VMs of their own, and no VM's processor offers that, so that it can be turned off.")
                .and(nested.origin(), "on"),
        })
    }),
};

/// One device node: its path, its owner and mode, and the name of its group.
struct Node<'a> {
    path: &'a str,
    access: &'a FileMode,
    group: String,
}

impl Node<'_> {
    fn shown(&self) -> String {
        format!("{:04o} uid {} group {}", self.access.mode, self.access.uid, self.group)
    }

    fn on(&self, verdict: Verdict) -> Verdict {
        verdict.and(self.path, self.shown())
    }
}

/// The device nodes whose path begins so.
fn nodes<'a>(facts: &'a Facts, starts: &[&str]) -> Result<Vec<Node<'a>>, Gap> {
    let all = facts.host.device_nodes.get()?;
    let wanted = all.iter().filter(|(path, _)| starts.iter().any(|start| path.starts_with(start)));
    let groups = facts.host.groups.value().map_or(&[][..], Vec::as_slice);
    let named = |gid: u32| match groups.iter().find(|group| group.gid == gid) {
        Some(group) => group.name.clone(),
        None => gid.to_string(),
    };
    Ok(wanted.map(|(path, node)| Node { path, access: node, group: named(node.gid) }).collect())
}

pub static DEV_KVM: Check = Check {
    id: "host.dev-kvm-perms",
    title: "Only the group kvm may use KVM",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Access,
    basis: &[
        "https://github.com/systemd/systemd/blob/main/rules.d/50-udev-default.rules.in",
        "https://libvirt.org/manpages/virt-host-validate.html",
    ],
    why: "Whoever may open /dev/kvm can start guests and reach KVM's whole surface in the kernel without libvirt, its limits and its log.",
    fix: "Write `KERNEL==\"kvm\", GROUP=\"kvm\", MODE=\"0660\"` to /etc/udev/rules.d/65-kvm.rules, and run `udevadm control --reload && udevadm trigger /dev/kvm`.",
    impact: "Users outside the group kvm can no longer run VMs of their own with KVM; VMs of the system are not touched.",
    apply: Apply::HostNow,
    needs: "owner and mode of /dev/kvm, /etc/group",
    judge: Judge::Host(|facts, _| {
        let found = nodes(facts, &["/dev/kvm"])?;
        let Some(kvm) = found.first() else {
            return Ok(Verdict::not_applicable("There is no /dev/kvm: KVM is not loaded, or this host cannot use it.")
                .and(facts.host.device_nodes.origin(), "(no kvm)"));
        };
        let node = kvm.access;
        Ok(kvm.on(if node.uid != 0 {
            Verdict::warn(format!("/dev/kvm belongs to the user with id {}, who may open it to anybody.", node.uid))
        } else if node.others_may_write() {
            Verdict::info("Every user may use KVM, as systemd has it by default (/dev/kvm has mode 0666).")
        } else if node.mode & 0o020 != 0 && !["kvm", "root"].contains(&kvm.group.as_str()) {
            Verdict::warn(format!("The group {} may use KVM; it is usually kvm.", kvm.group))
        } else {
            Verdict::pass("Only root and the group kvm may use KVM.")
        }))
    }),
};

pub static DEV_SEV: Check = Check {
    id: "host.dev-sev-perms",
    title: "Only root may manage the processor's memory encryption",
    severity: Severity::Medium,
    profile: Profile::Confidential,
    area: Area::Access,
    basis: &[
        "https://libvirt.org/kbase/launch_security_sev.html",
        // Whether a process may change the platform's state is up to the mode of the node alone.
        "https://git.kernel.org/pub/scm/linux/kernel/git/torvalds/linux.git/commit/?id=b61028135843d5418f0469d11e2769ca77159463",
    ],
    why: "Through /dev/sev the keys and certificates of AMD's secure processor are made, exported and reset. Who may write there can replace the identity \
          that owners of confidential VMs trust.",
    fix: "Remove the udev rule that opens /dev/sev (`grep -r sev /etc/udev/rules.d /usr/lib/udev/rules.d`), and run `udevadm control --reload && udevadm trigger /dev/sev`.",
    impact: "Programs of users that manage SEV themselves stop working; libvirt does it as root.",
    apply: Apply::HostNow,
    needs: "owner and mode of /dev/sev",
    judge: Judge::Host(|facts, _| {
        let found = nodes(facts, &["/dev/sev"])?;
        let Some(sev) = found.first() else {
            return Ok(Verdict::not_applicable(
                "There is no /dev/sev: this host has no memory encryption of AMD's, or it is not on.",
            )
            .and(facts.host.device_nodes.origin(), "(no sev)"));
        };
        Ok(sev.on(if sev.access.others_may_write() {
            Verdict::fail(
                "Every user may change the state of the processor's memory encryption: others may write /dev/sev.",
            )
        } else if sev.access.others_may_read() {
            Verdict::warn(
                "Every user may ask the processor's memory encryption for its state: others may read /dev/sev.",
            )
        } else {
            Verdict::pass("Only the owner and the group of /dev/sev may use it.")
        }))
    }),
};

pub static DEV_VHOST: Check = Check {
    id: "host.dev-vhost-perms",
    title: "The kernel's devices for VMs are not open to every user",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Access,
    basis: &["https://github.com/systemd/systemd/blob/main/rules.d/50-udev-default.rules.in"],
    why: "The vhost devices carry out virtio inside the host's kernel. Every user who may open them has that much more of the kernel to attack.",
    fix: "Write `KERNEL==\"vhost-*\", GROUP=\"kvm\", MODE=\"0660\"` to /etc/udev/rules.d/65-vhost.rules, and run `udevadm control --reload && udevadm trigger`.",
    impact: "Users outside the group kvm can no longer give their own VMs fast networks or vsock; VMs of the system are not touched.",
    apply: Apply::HostNow,
    needs: "owner and mode of /dev/vhost-net, /dev/vhost-vsock and /dev/vhost-vdpa-*",
    judge: Judge::Host(|facts, _| vhost(facts)),
};

fn vhost(facts: &Facts) -> Judged {
    let found = nodes(facts, &["/dev/vhost-"])?;
    if found.is_empty() {
        return Ok(Verdict::not_applicable("There are no vhost devices on this host.")
            .and(facts.host.device_nodes.origin(), "(no vhost-*)"));
    }
    let open: Vec<&Node> = found.iter().filter(|node| node.access.others_may_write()).collect();
    if open.is_empty() {
        return Ok(found
            .iter()
            .fold(Verdict::pass("No vhost device is open to every user."), |verdict, node| node.on(verdict)));
    }
    let names: Vec<&str> = open.iter().map(|node| node.path).collect();
    let message = format!("Every user may open {}.", names.join(", "));
    Ok(open.iter().fold(Verdict::warn(message), |verdict, node| node.on(verdict)))
}
