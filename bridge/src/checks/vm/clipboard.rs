// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the guest and whoever sits at its console exchange beside screen and keys.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

/// What differs between the features of the SPICE agent.
struct Row {
    id: &'static str,
    title: &'static str,
    why: &'static str,
    fix: &'static str,
    impact: &'static str,
    judge: fn(&Facts, &Vm, &Domain) -> Judged,
}

const fn row(row: &Row) -> Check {
    Check {
        id: row.id,
        title: row.title,
        severity: Severity::Low,
        profile: Profile::MultiTenant,
        area: Area::Console,
        basis: &[
            "https://libvirt.org/formatdomain.html#graphical-framebuffers",
            "https://github.com/vmware/vcf-security-and-compliance-guidelines",
        ],
        why: row.why,
        fix: row.fix,
        impact: row.impact,
        apply: Apply::NextStart,
        needs: "//graphics[@type='spice'] and //channel in the definition",
        judge: Judge::Definition(row.judge),
    }
}

pub static SPICE_CLIPBOARD: Check = row(&Row {
    id: "vm.spice-clipboard",
    title: "The guest cannot read the clipboard of a SPICE viewer",
    why: "With SPICE the guest's agent reads and writes the clipboard of the viewer's desktop, while the viewer is connected. A hostile guest collects \
          the passwords that its operator copies, and puts commands of its own where they are pasted.",
    fix: "Run `virt-xml VM --edit --graphics clipboard.copypaste=no`, shut the VM down and start it again.",
    impact: "Copying and pasting between the guest and the viewer's desktop stops working.",
    judge: |_, _, domain| {
        Ok(agent_feature(
            domain,
            "clipboard",
            "copypaste",
            "The guest can read and write the clipboard of whoever is connected with SPICE.",
        ))
    },
});

pub static SPICE_FILE_TRANSFER: Check = row(&Row {
    id: "vm.spice-filetransfer",
    title: "Files do not go from a SPICE viewer into the guest",
    why: "With SPICE a file that is dropped on the viewer's window is written into the guest: data leaves the operator's desktop past \
          what watches the network and the guest's shares.",
    fix: "Run `virt-xml VM --edit --graphics filetransfer.enable=no`, shut the VM down and start it again.",
    impact: "Files can no longer be dragged into the guest; copy them over the network.",
    judge: |_, _, domain| {
        Ok(agent_feature(
            domain,
            "filetransfer",
            "enable",
            "Whoever is connected with SPICE can drop files into the guest.",
        ))
    },
});

/// A feature that is on unless the definition says no, and that the agent in the guest needs a channel for.
fn agent_feature(domain: &Domain, element: &str, attribute: &str, message: &'static str) -> Verdict {
    let mut spice =
        domain.devices("graphics").filter(|graphics| graphics.attribute("type") == Some("spice")).peekable();
    if spice.peek().is_none() {
        return Verdict::not_applicable("The VM has no SPICE console.");
    }
    if !domain.devices("channel").any(is_agent_channel) {
        return Verdict::pass("The VM has no channel for the SPICE agent, which this feature needs.");
    }
    let mut tally = Tally::default();
    for graphics in spice {
        let setting = child(graphics, element);
        if setting.and_then(|setting| setting.attribute(attribute)) != Some("no") {
            tally.add(Outcome::Warn, || {
                let verdict = Verdict::warn(message);
                match setting {
                    Some(setting) => verdict.because([domain.evidence(setting, attribute)]),
                    None => verdict.and(format!("{}/{element}/@{attribute}", domain.path(graphics)), "(not set: yes)"),
                }
            });
        }
    }
    tally.finish(|| Verdict::pass("The definition turns this feature of SPICE off."))
}

fn is_agent_channel(channel: Node) -> bool {
    let name = child(channel, "target").and_then(|target| target.attribute("name"));
    channel.attribute("type") == Some("spicevmc") && name.is_none_or(|name| name == "com.redhat.spice.0")
}

pub static VDAGENT_CLIPBOARD: Check = Check {
    id: "vm.vdagent-clipboard",
    title: "The guest cannot read a viewer's clipboard through QEMU's agent channel",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Console,
    basis: &["https://libvirt.org/formatdomain.html#channel"],
    why: "QEMU's own agent channel carries the clipboard between the guest and a VNC or D-Bus viewer. A hostile guest collects \
          the passwords that its operator copies, and puts commands of its own where they are pasted.",
    fix: "Run `virsh edit VM` and delete `<clipboard copypaste='yes'/>` from the channel of type qemu-vdagent, shut the VM down and start it again.",
    impact: "Copying and pasting between the guest and the viewer's desktop stops working.",
    apply: Apply::NextStart,
    needs: "//channel[@type='qemu-vdagent'] in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(vdagent(domain))),
};

fn vdagent(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut any = false;
    for channel in domain.devices("channel").filter(|channel| channel.attribute("type") == Some("qemu-vdagent")) {
        any = true;
        let clipboards = children(channel, "source").filter_map(|source| child(source, "clipboard"));
        for clipboard in clipboards.filter(|clipboard| clipboard.attribute("copypaste") == Some("yes")) {
            tally.add(Outcome::Warn, || {
                Verdict::warn("The guest can read and write the clipboard of whoever views its console.")
                    .because([domain.evidence(clipboard, "copypaste")])
            });
        }
    }
    tally.finish(|| {
        if any {
            Verdict::pass("QEMU's agent channel does not carry the clipboard.")
        } else {
            Verdict::not_applicable("The VM has no agent channel of QEMU's own.")
        }
    })
}
