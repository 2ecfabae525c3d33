// SPDX-License-Identifier: LGPL-2.1-or-later
//! The device nodes that a QEMU process can reach.

use std::collections::BTreeSet;

use super::{is_session, judge};
use crate::checks::domain::children;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::devices::DeviceNode;
use crate::facts::host::Process;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

/// What libvirt gives each QEMU (`defaultDeviceACL`), and what a mount of `/dev` brings by itself.
const DEFAULT: [&str; 9] = [
    "/dev/null",
    "/dev/full",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/ptmx",
    "/dev/kvm",
    "/dev/userfaultfd",
    "/dev/mapper/control",
];
/// Devices of a family that a definition asks for without naming the node: the element, and where its nodes are.
const IMPLIED: [(&str, &[&str]); 7] = [
    ("hostdev", &["/dev/vfio/", "/dev/bus/usb/", "/dev/sg", "/dev/iommu", "/dev/vhost-scsi"]),
    ("interface", &["/dev/net/tun", "/dev/vhost-net", "/dev/vhost-vdpa", "/dev/tap", "/dev/vfio/"]),
    ("vsock", &["/dev/vhost-vsock"]),
    ("graphics", &["/dev/dri/", "/dev/udmabuf"]),
    ("video", &["/dev/dri/", "/dev/udmabuf"]),
    ("memory", &["/dev/sgx_vepc", "/dev/sgx_provision", "/dev/dax"]),
    ("tpm", &["/dev/tpm"]),
];
const GOOD: &str = "QEMU sees no devices but those of its VM.";
/// No more nodes are named.
const NAMED: usize = 5;

pub static DEV_NODES: Check = Check {
    id: "proc.dev-nodes",
    title: "QEMU sees only the devices of its VM",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Process,
    basis: &[
        "https://libvirt.org/kbase/qemu-passthrough-security.html",
        "https://github.com/libvirt/libvirt/blob/master/src/qemu/qemu_cgroup.c",
    ],
    why: "A node in QEMU's /dev that the VM does not need is one that a broken-out guest may open: a disk of another VM, or a driver of the \
          kernel with a hole in it.",
    fix: "Remove entries that no VM needs from cgroup_device_acl in /etc/libvirt/qemu.conf, restart libvirt's daemon, then shut the VM down and start it again.",
    impact: "The VM must be started anew. A device that it uses without the definition saying so is missing then.",
    apply: Apply::NextStart,
    needs: "/proc/PID/root/dev (administrative access), cgroup_device_acl in /etc/libvirt/qemu.conf, the running definition",
    judge: Judge::Vm(|facts, vm, _| {
        if is_session(vm) {
            return Ok(Verdict::not_applicable("This is a VM of a user's session, for which libvirt makes no /dev."));
        }
        judge(vm, |process| {
            if process.mount_namespace.get()? == facts.host.mount_namespace.get()? {
                return Ok(Verdict::not_applicable("QEMU sees the host's own /dev; proc.mount-namespace judges that."));
            }
            nodes(facts, vm, process)
        })
    }),
};

fn nodes(facts: &Facts, vm: &Vm, process: &Process) -> Judged {
    let nodes = process.devices.get()?;
    let conf = facts.host.config.qemu.get()?;
    let listed = conf.list("cgroup_device_acl")?.unwrap_or_default();
    let usual = |node: &DeviceNode| DEFAULT.contains(&node.path.as_str()) || listed.contains(&node.path);
    if nodes.iter().all(usual) {
        return Ok(Verdict::pass(GOOD).and(process.devices.origin(), format!("{} nodes", nodes.len())));
    }
    let Some(text) = vm.live.get()? else {
        return Err(Gap::new(vm.live.origin(), "libvirt returned no running definition of this VM"));
    };
    let domain = Domain::parse(text, true)?;
    let named = named(&domain);
    let implied: Vec<&str> = IMPLIED
        .iter()
        .filter(|(element, _)| domain.devices(element).next().is_some())
        .flat_map(|(_, places)| places.iter().copied())
        .chain(domain.find("launchSecurity").map(|_| "/dev/sev"))
        .collect();
    let numbers = |node: &DeviceNode| (node.block, node.major, node.minor);
    // A link has its target's numbers, so that each name of an allowed device is allowed.
    let is_named = |node: &&DeviceNode| usual(node) || named.contains(node.path.as_str());
    let allowed: BTreeSet<_> = nodes.iter().filter(is_named).map(numbers).collect();
    let extra = nodes
        .iter()
        .filter(|node| !allowed.contains(&numbers(node)) && !implied.iter().any(|place| node.path.starts_with(place)));
    let (disks, others): (Vec<&DeviceNode>, Vec<&DeviceNode>) = extra.partition(|node| node.block);
    let evidence = |node: &&DeviceNode| {
        let kind = if node.block { "block" } else { "character" };
        Evidence {
            origin: process.devices.origin().to_owned(),
            value: format!("{} ({kind} {}:{})", node.path, node.major, node.minor),
        }
    };
    let list =
        |nodes: &[&DeviceNode]| nodes.iter().take(NAMED).map(|node| node.path.as_str()).collect::<Vec<_>>().join(", ");
    // Below a mapped disk, libvirt gives QEMU the disks that it consists of.
    let mapped = nodes
        .iter()
        .any(|node| node.block && (node.path.starts_with("/dev/dm-") || node.path.starts_with("/dev/mapper/")));
    Ok(match (disks.as_slice(), others.as_slice()) {
        ([], []) => Verdict::pass(GOOD).and(process.devices.origin(), format!("{} nodes", nodes.len())),
        (disks @ [_, ..], _) if mapped => Verdict::warn(format!(
            "QEMU sees disks that its VM's definition does not name: {}. They may be parts of a disk that it does name.",
            list(disks)
        ))
        .because(disks.iter().take(NAMED).map(evidence)),
        (disks @ [_, ..], _) => Verdict::fail(format!("QEMU sees disks that its VM's definition does not name: {}.", list(disks)))
            .because(disks.iter().take(NAMED).map(evidence)),
        ([], others) => Verdict::warn(format!("QEMU sees devices that its VM's definition does not name: {}.", list(others)))
            .because(others.iter().take(NAMED).map(evidence)),
    })
}

/// Every path below `/dev` that stands anywhere in the definition's devices.
fn named<'a>(domain: &'a Domain) -> BTreeSet<&'a str> {
    let mut found = BTreeSet::new();
    for devices in children(domain.root(), "devices") {
        for node in devices.descendants() {
            let values = node.attributes().map(|attribute| attribute.value()).chain(node.text().map(str::trim));
            found.extend(values.filter(|value| value.starts_with("/dev/")));
        }
    }
    found
}
