// SPDX-License-Identifier: LGPL-2.1-or-later
//! Virtual functions of network cards: what the card lets the guest send.

use roxmltree::Node;

use super::{Tally, not_known};
use crate::checks::assigned::pci_address;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::sriov::VirtualFunction;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static SPOOFCHECK: Check = Check {
    id: "vm.sriov-spoofcheck",
    title: "The network card keeps the VM to its own address and VLAN",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &["https://github.com/ComplianceAsCode/content", "https://libvirt.org/formatdomain.html"],
    why: "Frames of a virtual function pass neither the host's bridge nor its filters; only the card can hold them back. With spoof checking off the \
          guest sends under any address, a trusted one may also listen to its neighbours' frames, and without a VLAN it is on the \
          network that the card itself is on.",
    fix: "Run `ip link set CARD vf NUMBER spoofchk on trust off`, and put `<vlan><tag id='N'/></vlan>` into the interface with `virsh edit VM`.",
    impact: "Bonding and routing inside the guest, which change or add addresses, stop working.",
    apply: Apply::HostNow,
    needs: "//interface and //hostdev in the definition, the card's settings from the kernel (`ip -d link show`)",
    judge: Judge::Definition(|facts, vm, domain| Ok(spoofcheck(facts, vm, domain))),
};

fn spoofcheck(facts: &Facts, vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut count = 0_usize;
    for node in domain.devices("interface").chain(domain.devices("hostdev")) {
        let address = match virtual_function(facts, node) {
            Ok(Some(address)) => address,
            Ok(None) => continue,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known("Whether the VM has a virtual function", &gap));
                continue;
            }
        };
        count = count.saturating_add(1);
        let functions = &facts.host.virtual_functions;
        let settings = functions.get().and_then(|functions| {
            let missing = || Gap::new(functions_origin(facts), format!("the kernel says nothing about {address}"));
            functions.get(&address).ok_or_else(missing)
        });
        match settings {
            Ok(settings) => judge(vm, domain, node, settings, &mut tally),
            Err(gap) => tally.add(Outcome::Unknown, || {
                not_known(&format!("What the virtual function {address} may do"), &gap)
                    .because([domain.evidence(node, "type")])
            }),
        }
    }
    tally.finish(|| match count {
        0 => Verdict::not_applicable("The VM has no virtual function of a network card."),
        _ => Verdict::pass(
            "The card checks the sender of each frame, trusts the guest with nothing, and puts its frames into a VLAN.",
        ),
    })
}

fn functions_origin(facts: &Facts) -> &str {
    facts.host.virtual_functions.origin()
}

fn judge(vm: &Vm, domain: &Domain, node: Node, settings: &VirtualFunction, tally: &mut Tally) {
    let VirtualFunction { interface, number, spoof_check, trust, vlan } = settings;
    let name = format!("{interface} vf {number}");
    let place = |verdict: Verdict, setting: &str, value: String| {
        verdict
            .because([domain.evidence(node, "type")])
            .and(format!("ip -d link show {interface}: vf {number} {setting}"), value)
    };
    match trust {
        Some(true) => tally.add(Outcome::Fail, || {
            let message = format!("The card trusts the guest's virtual function ({name}).");
            place(Verdict::fail(message), "trust", "on".to_owned())
        }),
        Some(false) => {}
        None => tally.add(Outcome::Unknown, || {
            let message = format!(
                "The driver of {interface} does not say whether it trusts the guest's virtual function ({name})."
            );
            place(Verdict::unknown(message), "trust", "(not reported)".to_owned())
        }),
    }
    match spoof_check {
        Some(true) => {}
        Some(false) => tally.add(Outcome::Warn, || {
            let message = format!("The card does not check under which address the guest sends ({name}).");
            place(Verdict::warn(message), "spoof checking", "off".to_owned())
        }),
        None => tally.add(Outcome::Unknown, || {
            let message = format!(
                "The driver of {interface} does not say whether it checks under which address the guest sends ({name})."
            );
            place(Verdict::unknown(message), "spoof checking", "(not reported)".to_owned())
        }),
    }
    // libvirt sets the definition's VLAN when the VM starts, and none where it has none; a <hostdev> keeps the card's.
    let tagged = child(node, "vlan").is_some_and(|vlan| children(vlan, "tag").next().is_some());
    let kept = *vlan != 0 && (node.tag_name().name() == "hostdev" || vm.is_active().unwrap_or(false));
    if !tagged && !kept {
        tally.add(Outcome::Warn, || {
            let message = format!("The guest's virtual function is in no VLAN ({name}).");
            place(Verdict::warn(message), "vlan", vlan.to_string())
        });
    }
}

/// PCI address of the virtual network function that a device gives away.
fn virtual_function(facts: &Facts, node: Node) -> Result<Option<String>, Gap> {
    let devices = &facts.host.pci_devices;
    if let Some(address) = pci_address(node) {
        // An interface of this type is a network function for certain, but it may be a physical one.
        return Ok(match devices.get()?.get(&address) {
            Some(device) if device.physical_function.is_some() && device.base_class() == 0x02 => Some(address),
            _ => None,
        });
    }
    let Some(source) = direct_passthrough(node) else { return Ok(None) };
    let functions = devices.get()?.iter().filter(|(_, device)| device.physical_function.is_some());
    let mut named = functions.filter(|(_, device)| device.interfaces.iter().any(|interface| interface == source));
    Ok(named.next().map(|(address, _)| address.clone()))
}

/// The interface of the host that a macvtap device hands through as a whole.
fn direct_passthrough<'a>(node: Node<'a, '_>) -> Option<&'a str> {
    let source = (node.attribute("type") == Some("direct")).then(|| child(node, "source")).flatten()?;
    (source.attribute("mode") == Some("passthrough")).then(|| source.attribute("dev")).flatten()
}
