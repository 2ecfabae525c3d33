// SPDX-License-Identifier: LGPL-2.1-or-later
//! USB: what a viewer may plug into the guest, and controllers that nothing is plugged into.

use roxmltree::Node;

use super::{arch, is_x86};
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static REDIRECTION: Check = Check {
    id: "vm.usb-redirection",
    title: "A viewer cannot plug any USB device into the guest",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[
        "https://nvd.nist.gov/vuln/detail/CVE-2021-3682",
        "https://libvirt.org/formatdomain.html#redirected-devices",
    ],
    why: "Through a redirected port a viewer's USB devices, and the data on them, go into the guest; a viewer that lies about its \
          device attacks the QEMU process and the guest (CVE-2021-3682).",
    fix: "Run `virt-xml VM --remove-device --redirdev all`, shut the VM down and start it again. If it is needed, list the devices in \
          `<redirfilter>`, the last line being `<usbdev allow='no'/>`.",
    impact: "Smart cards, memory sticks and cameras of the viewer's computer can no longer be used in the guest.",
    apply: Apply::NextStart,
    needs: "//redirdev and //redirfilter in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(redirection(domain))),
};

fn redirection(domain: &Domain) -> Verdict {
    let mut ports = domain.devices("redirdev");
    let Some(port) = ports.next() else { return Verdict::pass("The VM has no port for redirected USB devices.") };
    let number = ports.count() + 1;
    let has = if number == 1 {
        format!("The VM has {number} port for USB devices of a viewer")
    } else {
        format!("The VM has {number} ports for USB devices of a viewer")
    };
    let Some(filter) = domain.devices("redirfilter").next() else {
        return Verdict::warn(format!("{has}, and no filter says which devices."))
            .because([domain.evidence(port, "type")]);
    };
    // The first rule that fits decides, and a device that none fits is refused.
    let all = |rule: &Node| {
        ["class", "vendor", "product", "version"].iter().all(|name| matches!(rule.attribute(*name), None | Some("-1")))
    };
    match children(filter, "usbdev").find(all) {
        Some(rule) if rule.attribute("allow") == Some("yes") => {
            Verdict::warn(format!("{has}, and the filter lets every device through that it does not name."))
                .because([domain.evidence(rule, "allow")])
        }
        _ => Verdict::info(format!("{has}, limited by a filter.")).and(domain.path(filter), "present"),
    }
}

pub static CONTROLLER_UNUSED: Check = Check {
    id: "vm.usb-controller-unused",
    title: "The VM has no USB controller that nothing uses",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://libvirt.org/formatdomain.html#controllers"],
    why: "QEMU's USB code has let guests write beyond a buffer before (CVE-2020-14364). A controller without devices is that code \
          without any use.",
    fix: "Run `virsh edit VM`, replace the controllers of type usb by one `<controller type='usb' model='none'/>`, shut the VM down and \
          start it again.",
    impact: "USB devices cannot be attached while the VM runs. Keep the controller where a tablet is wanted for a mouse pointer that does not drift.",
    apply: Apply::NextStart,
    needs: "//controller and all devices that may be on USB, in the definition",
    judge: Judge::Definition(|facts, _, domain| controller_unused(facts, domain)),
};

fn controller_unused(facts: &Facts, domain: &Domain) -> Judged {
    let mut controllers = domain.devices("controller").filter(|node| node.attribute("type") == Some("usb")).peekable();
    let named = controllers.peek().is_some();
    let controller = controllers.find(|controller| controller.attribute("model") != Some("none"));
    if named && controller.is_none() {
        return Ok(Verdict::pass("The VM has no USB controller."));
    }
    let devices = domain.find("devices").into_iter().flat_map(|devices| devices.children());
    if let Some(device) = devices.filter(Node::is_element).find(is_on_usb) {
        return Ok(Verdict::pass("A device of the VM uses its USB controller.").and(domain.path(device), "present"));
    }
    let Some(controller) = controller else {
        return Ok(if is_x86(arch(facts, domain)?) {
            Verdict::info("libvirt adds a USB controller, as the definition does not forbid it, and no device uses it.")
                .because([domain.absence("devices/controller[@type='usb']")])
        } else {
            Verdict::pass("The VM has no USB controller.")
        });
    };
    Ok(Verdict::info("The VM has a USB controller that no device uses.").because([domain.evidence(controller, "type")]))
}

fn is_on_usb(device: &Node) -> bool {
    let bus = device.attribute("bus").or_else(|| child(*device, "target")?.attribute("bus"));
    let kind = device.attribute("type");
    match device.tag_name().name() {
        "disk" | "input" | "redirdev" => bus == Some("usb"),
        "hostdev" | "hub" => kind == Some("usb"),
        "sound" => device.attribute("model") == Some("usb"),
        "interface" => child(*device, "model").is_some_and(|model| model.attribute("type") == Some("usb-net")),
        "serial" => child(*device, "target").is_some_and(|target| target.attribute("type") == Some("usb-serial")),
        "smartcard" => true,
        _ => false,
    }
}
