// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the VM starts from.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Outcome, Severity, Verdict, is_person};
use crate::facts::permissions::FileMode;
use crate::facts::{Gap, Vm};
use crate::policy::Profile;

pub static ORDER: Check = Check {
    id: "vm.boot-order",
    title: "The VM starts from its own disk first",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Firmware,
    basis: &[
        "https://github.com/vmware/vcf-security-and-compliance-guidelines",
        "https://libvirt.org/formatdomain.html",
    ],
    why: "A VM that starts from the network runs whatever the first server that answers there offers, and one that starts from a CD or a USB stick whatever \
          is inserted. Either takes over the guest with its data. With Secure Boot the started system still must be signed.",
    fix: "Once the guest is installed, run `virt-xml VM --edit --boot hd`, and where devices have `<boot order='1'/>` change that with `virsh edit VM`.",
    impact: "To install the guest anew, the order must be changed again.",
    apply: Apply::NextStart,
    needs: "<os> and the boot order of devices in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(order(domain))),
};

fn order(domain: &Domain) -> Verdict {
    if let Some(kernel) = domain.find("os/kernel") {
        return Verdict::not_applicable("The VM starts a kernel of the host directly.")
            .because([domain.text_evidence(kernel)]);
    }
    let first = first_device(domain).or_else(|| {
        let boot = domain.find("os/boot")?;
        let what = match boot.attribute("dev") {
            Some("network") => "the network",
            Some("cdrom") => "a CD",
            Some("fd") => "a floppy disk",
            _ => "",
        };
        Some((what, domain.evidence(boot, "dev")))
    });
    let (what, evidence) = first.map_or(("", None), |(what, evidence)| (what, Some(evidence)));
    if !what.is_empty() {
        let has_disk = domain.devices("disk").any(|disk| is_disk(disk.attribute("device")));
        return if has_disk {
            Verdict::warn(format!("The VM tries to start from {what} before its disk.")).because(evidence)
        } else {
            Verdict::info(format!("The VM starts from {what}; it has no disk.")).because(evidence)
        };
    }
    match domain.find("os/bootmenu").filter(|menu| menu.attribute("enable") == Some("yes")) {
        Some(menu) => {
            Verdict::info("The VM starts from its disk first, but whoever sees its console can choose something else.")
                .because(evidence)
                .because([domain.evidence(menu, "enable")])
        }
        None => Verdict::pass("The VM starts from its disk first.").because(evidence),
    }
}

fn is_disk(device: Option<&str>) -> bool {
    matches!(device, None | Some("disk" | "lun"))
}

/// The device with the lowest boot order, and what it is unless a disk.
fn first_device(domain: &Domain) -> Option<(&'static str, Evidence)> {
    let devices = ["disk", "interface", "hostdev", "redirdev"].into_iter().flat_map(|name| domain.devices(name));
    let ordered = devices.filter_map(|node| {
        let boot = child(node, "boot")?;
        Some((boot.attribute("order")?.parse::<u32>().ok()?, node, boot))
    });
    let (_, node, boot) = ordered.min_by_key(|(order, ..)| *order)?;
    let usb = |node: Node| child(node, "target").and_then(|target| target.attribute("bus")) == Some("usb");
    let what = match (node.tag_name().name(), node.attribute("device").or_else(|| node.attribute("type"))) {
        ("interface", _) => "the network",
        ("disk", Some("cdrom")) => "a CD",
        ("disk", Some("floppy")) => "a floppy disk",
        ("disk", _) if usb(node) => "a USB disk",
        ("redirdev", _) | ("hostdev", Some("usb")) => "a USB device",
        _ => "",
    };
    Some((what, domain.evidence(boot, "order")))
}

pub static DIRECT_KERNEL: Check = Check {
    id: "vm.direct-kernel-boot",
    title: "The VM starts its own kernel",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Firmware,
    basis: &["https://libvirt.org/formatdomain.html"],
    why: "With direct kernel boot the host gives the guest its kernel, from a file that the guest's own updates do not reach: it stays as old as it is. \
          Whoever may write that file controls the guest, and firmware with Secure Boot may start a kernel that comes in this way unchecked.",
    fix: "Once the guest is installed, run `virsh edit VM` and delete `<kernel>`, `<initrd>` and `<cmdline>`. Otherwise run \
          `chown root:root FILE; chmod 644 FILE`.",
    impact: "The guest needs a boot loader and a kernel on its own disk.",
    apply: Apply::NextStart,
    needs: "<os> in the definition; owner and permissions of the files that it names",
    judge: Judge::Definition(|_, vm, domain| direct_kernel(vm, domain)),
};

fn direct_kernel(vm: &Vm, domain: &Domain) -> Judged {
    let Some(kernel) = domain.find("os/kernel") else {
        return Ok(Verdict::pass("The VM starts what its firmware finds on its own devices."));
    };
    let mut tally = Tally::default();
    let mut gap = None;
    for node in [Some(kernel), domain.find("os/initrd")].into_iter().flatten() {
        let path = node.text().map_or("", str::trim);
        match file(vm, path) {
            Ok(Some(file)) => {
                if let Some(who) = writers(vm, file) {
                    tally.add(Outcome::Fail, || {
                        Verdict::fail(format!("The guest's kernel comes from {path}, which {who} may write."))
                            .because([domain.text_evidence(node)])
                            .and(path, format!("owner {}:{}, mode {:04o}", file.uid, file.gid, file.mode))
                    });
                }
            }
            Ok(None) => {}
            Err(missing) => gap = gap.or(Some(missing)),
        }
    }
    if let Some(node) = claims_secure_boot(domain)
        && domain.find("os/shim").is_none()
    {
        tally.add(Outcome::Warn, || {
            Verdict::warn("The definition wants Secure Boot, but starts a kernel of the host directly and without a shim that would check it.")
                .because([domain.text_evidence(kernel), node])
        });
    }
    match (tally.found(), gap) {
        (Some(bad), _) => Ok(bad),
        (None, Some(gap)) => Err(gap),
        (None, None) => {
            Ok(Verdict::info("The host gives the guest its kernel; the guest's own updates do not renew it.")
                .because([domain.text_evidence(kernel)]))
        }
    }
}

/// `None`: the file is not there, so that nobody can start it.
fn file<'a>(vm: &'a Vm, path: &str) -> Result<Option<&'a FileMode>, Gap> {
    match vm.named_files.get(path) {
        Some(fact) => fact.get().map(Option::as_ref),
        None => Err(Gap::new(path, format!("the owner of {path} was not read"))),
    }
}

/// Who may write a file, beside the system itself. QEMU's own user owns it while the VM runs.
fn writers(vm: &Vm, file: &FileMode) -> Option<String> {
    if file.mode & 0o002 != 0 {
        Some("everybody".to_owned())
    } else if file.mode & 0o020 != 0 && is_person(file.gid) {
        Some(format!("the group {}", file.gid))
    } else if is_person(file.uid) && vm.connection != "session" {
        Some(format!("the user {}", file.uid))
    } else {
        None
    }
}

fn claims_secure_boot(domain: &Domain) -> Option<Evidence> {
    let yes = |node: Node, name: &str| node.attribute(name) == Some("yes");
    let feature = domain.find("os/firmware").into_iter().flat_map(|firmware| children(firmware, "feature"));
    let mut wanted = feature.filter(|node| node.attribute("name") == Some("secure-boot") && yes(*node, "enabled"));
    if let Some(node) = wanted.next() {
        return Some(domain.evidence(node, "enabled"));
    }
    domain.find("os/loader").filter(|loader| yes(*loader, "secure")).map(|loader| domain.evidence(loader, "secure"))
}
