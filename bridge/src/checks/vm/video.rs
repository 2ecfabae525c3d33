// SPDX-License-Identifier: LGPL-2.1-or-later
//! Graphics cards.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::Gap;
use crate::policy::Profile;

pub static QXL: Check = Check {
    id: "vm.video-qxl",
    title: "The VM has no QXL graphics card",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &["https://nvd.nist.gov/vuln/detail/CVE-2021-4207", "https://libvirt.org/formatdomain.html#video-devices"],
    why: "QXL takes drawing commands from the guest and carries them out in the QEMU process. Guests could write beyond its memory \
          (CVE-2021-4206, CVE-2021-4207), and hardly anybody maintains it.",
    fix: "Run `virt-xml VM --edit --video model=virtio`, or `model=vga` for a guest without a driver for virtio; shut the VM down and start \
          it again.",
    impact: "A SPICE viewer no longer gets accelerated 2D drawing and several screens from QXL.",
    apply: Apply::NextStart,
    needs: "//video in the definition",
    judge: Judge::Definition(|_, _, domain| models(domain, &["qxl"], "The VM has no QXL graphics card.")),
};

pub static LEGACY: Check = Check {
    id: "vm.video-legacy",
    title: "The VM has no graphics card of the nineties",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://libvirt.org/formatdomain.html#video-devices"],
    why: "The Cirrus card and VMware's card do much drawing in old code inside QEMU, from which guests broke out more than once. \
          A plain frame buffer does none.",
    fix: "Run `virt-xml VM --edit --video model=virtio`, or `model=vga` for a guest without a driver for virtio; shut the VM down and start \
          it again.",
    impact: "Guests from before about 2005 have no driver for another card than Cirrus.",
    apply: Apply::NextStart,
    needs: "//video in the definition",
    judge: Judge::Definition(|_, _, domain| {
        models(domain, &["cirrus", "vmvga"], "The VM has no graphics card of an outdated kind.")
    }),
};

/// Warns about cards of some models.
fn models(domain: &Domain, bad: &[&str], good: &'static str) -> Judged {
    let mut tally = Tally::default();
    let mut any = false;
    for model in domain.devices("video").filter_map(|video| child(video, "model")) {
        any = true;
        let Some(kind) = model.attribute("type").filter(|kind| bad.contains(kind)) else { continue };
        tally.add(Outcome::Warn, || {
            Verdict::warn(format!("The VM's graphics card is {kind}.")).because([domain.evidence(model, "type")])
        });
    }
    if !any && domain.devices("graphics").next().is_some() {
        let reason = "the definition has a console and names no graphics card, so that libvirt will choose one";
        return Err(Gap::new("/domain/devices/video/model/@type", reason));
    }
    Ok(tally.finish(|| Verdict::pass(good)))
}

pub static ACCELERATION: Check = Check {
    id: "vm.video-3d",
    title: "The guest does not use the host's graphics processor",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &[
        "https://libvirt.org/formatdomain.html#video-devices",
        "https://github.com/vmware/vcf-security-and-compliance-guidelines",
    ],
    why: "With 3D acceleration the guest's drawing commands reach the host's OpenGL library and the kernel's graphics driver. Both are large, \
          and made for programs that mean no harm.",
    fix: "Run `virsh edit VM`, set `accel3d='no'` at `<acceleration>` and `enable='no'` at `<gl>`, and delete `<graphics type='egl-headless'>`; \
          shut the VM down and start it again.",
    impact: "The guest draws with its own processor: desktops become slower, and programs that need OpenGL may not run.",
    apply: Apply::NextStart,
    needs: "//video and //graphics in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(acceleration(domain))),
};

fn acceleration(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut warn = |message: &'static str, node: Node, attribute: &str| {
        tally.add(Outcome::Warn, || Verdict::warn(message).because([domain.evidence(node, attribute)]));
    };
    for model in domain.devices("video").filter_map(|video| child(video, "model")) {
        for acceleration in children(model, "acceleration").filter(|node| node.attribute("accel3d") == Some("yes")) {
            warn("The graphics card has 3D acceleration by the host's graphics processor.", acceleration, "accel3d");
        }
    }
    for graphics in domain.devices("graphics") {
        if graphics.attribute("type") == Some("egl-headless") {
            warn("QEMU draws the guest's screen with the host's graphics processor (egl-headless).", graphics, "type");
        }
        for gl in children(graphics, "gl").filter(|gl| gl.attribute("enable") == Some("yes")) {
            warn("A console draws with the host's graphics processor (OpenGL).", gl, "enable");
        }
    }
    tally.finish(|| Verdict::pass("The guest has no 3D acceleration."))
}
