// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the host must offer because a VM uses it: of each thing the first VM. Learnt in the one pass over all definitions.

use std::collections::BTreeMap;

use roxmltree::Node;

use super::domain::child;
use super::{Domain, Evidence};
use crate::facts::mounts::Mounts;
use crate::facts::{Gap, Vm};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Need {
    /// A USB device of the host, or one that a console redirects.
    Usb,
    /// A serial or parallel port of the host.
    Port,
    /// A processor that QEMU emulates.
    Emulation,
    /// A window on the host's screen.
    Sdl,
    Smartcard,
    /// Images on `GlusterFS`, which QEMU or a mount of libvirt's reads.
    Gluster,
    BlockDisk,
    /// Virtualisation inside the guest.
    Nesting,
    /// The guest's memory in core files.
    GuestCore,
    /// Memory that the host may swap out.
    Swap,
    Nfs,
    Cifs,
    Fuse,
}

/// A VM that needs something, and where its definition says so.
pub struct User<'a> {
    pub vm: &'a str,
    pub evidence: Evidence,
}

#[derive(Default)]
pub struct Needs<'a> {
    first: BTreeMap<Need, User<'a>>,
    /// VMs that run, as far as that is known.
    pub running: usize,
    /// Whether a VM of which there is no knowing that.
    pub not_known_to_run: Option<Gap>,
    /// The first image of which the definition does not say where it lies.
    pub unplaced: Option<Gap>,
}

impl<'a> Needs<'a> {
    pub fn get(&self, need: Need) -> Option<&User<'a>> {
        self.first.get(&need)
    }

    pub(super) fn count(&mut self, vm: &Vm) {
        match vm.is_active() {
            Ok(true) => self.running = self.running.saturating_add(1),
            Ok(false) => {}
            Err(gap) => self.not_known_to_run = self.not_known_to_run.take().or(Some(gap)),
        }
    }

    pub(super) fn learn(&mut self, vm: &'a Vm, domain: &Domain, mounts: Option<&Mounts>) {
        let root = domain.root();
        if root.attribute("type") == Some("qemu") {
            self.add(Need::Emulation, vm, || domain.evidence(root, "type"));
        }
        if domain.attribute("memory", "dumpCore") == Some("on")
            && let Some(memory) = domain.find("memory")
        {
            self.add(Need::GuestCore, vm, || domain.evidence(memory, "dumpCore"));
        }
        // Huge pages are not swapped out either.
        if domain.find("memoryBacking/locked").is_none() && domain.find("memoryBacking/hugepages").is_none() {
            self.add(Need::Swap, vm, || domain.absence("memoryBacking/locked"));
        }
        if let Some(node) = nesting(domain) {
            let attribute = if node.tag_name().name() == "cpu" { "mode" } else { "name" };
            self.add(Need::Nesting, vm, || domain.evidence(node, attribute));
        }
        let Some(devices) = child(root, "devices") else { return };
        for device in devices.children().filter(Node::is_element) {
            self.device(vm, domain, device);
            if ["disk", "filesystem"].contains(&device.tag_name().name()) {
                self.sources(vm, domain, device, mounts);
            }
        }
    }

    fn add(&mut self, need: Need, vm: &'a Vm, evidence: impl FnOnce() -> Evidence) {
        self.first.entry(need).or_insert_with(|| {
            let evidence = evidence();
            User {
                vm: &vm.name,
                evidence: Evidence { origin: format!("{}: {}", vm.name, evidence.origin), ..evidence },
            }
        });
    }

    fn device(&mut self, vm: &'a Vm, domain: &Domain, device: Node) {
        let is = |name: &str, value: &str| device.attribute(name) == Some(value);
        let (need, attribute) = match device.tag_name().name() {
            "hostdev" if is("type", "usb") => (Need::Usb, "type"),
            "redirdev" if is("bus", "usb") => (Need::Usb, "bus"),
            "serial" | "parallel" | "console" if is("type", "dev") => (Need::Port, "type"),
            "graphics" if is("type", "sdl") => (Need::Sdl, "type"),
            // One that a console passes through stays away from the host's readers.
            "smartcard" if !is("mode", "passthrough") => (Need::Smartcard, "mode"),
            "disk" if is("type", "block") => (Need::BlockDisk, "type"),
            _ => return,
        };
        self.add(need, vm, || domain.evidence(device, attribute));
    }

    /// All that a disk is made of, the images below it included.
    fn sources(&mut self, vm: &'a Vm, domain: &Domain, device: Node, mounts: Option<&Mounts>) {
        for source in device.descendants().filter(|node| node.has_tag_name("source")) {
            if source.attribute("protocol") == Some("gluster") {
                self.add(Need::Gluster, vm, || domain.evidence(source, "protocol"));
            }
            let Some((attribute, path)) =
                ["file", "dev", "dir"].into_iter().find_map(|name| Some((name, source.attribute(name)?)))
            else {
                if let (Some(pool), None) = (source.attribute("pool"), &self.unplaced) {
                    let reason = format!("where the storage pool {pool} of the VM {} lies was not read", vm.name);
                    self.unplaced = Some(Gap::new(domain.path(source), reason));
                }
                continue;
            };
            let Some(mount) = mounts.and_then(|mounts| mounts.for_path(path)).filter(|mount| !mount.is_labelled())
            else {
                continue;
            };
            if let Some(need) = unlabelled(&mount.fs_type) {
                self.add(need, vm, || domain.evidence(source, attribute));
            }
            if mount.fs_type == "fuse.glusterfs" {
                self.add(Need::Gluster, vm, || domain.evidence(source, attribute));
            }
        }
    }
}

/// The file systems that SELinux has a boolean for.
fn unlabelled(kind: &str) -> Option<Need> {
    match kind {
        "nfs" | "nfs4" => Some(Need::Nfs),
        "cifs" | "smb3" | "smbfs" => Some(Need::Cifs),
        "fuse" | "fuseblk" => Some(Need::Fuse),
        _ => kind.starts_with("fuse.").then_some(Need::Fuse),
    }
}

/// What gives a guest the processor's virtualisation: the feature itself, or a model that takes all that the host has.
fn nesting<'b>(domain: &'b Domain) -> Option<Node<'b, 'b>> {
    let cpu = domain.find("cpu")?;
    let names = ["vmx", "svm", "sie"];
    let is_feature =
        |node: &Node| node.has_tag_name("feature") && node.attribute("name").is_some_and(|name| names.contains(&name));
    if let Some(feature) = cpu.children().find(is_feature) {
        let refused = ["disable", "forbid"].contains(&feature.attribute("policy").unwrap_or("require"));
        return (!refused).then_some(feature);
    }
    let all = ["host-passthrough", "host-model", "maximum"];
    cpu.attribute("mode").is_some_and(|mode| all.contains(&mode)).then_some(cpu)
}
