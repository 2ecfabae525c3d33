// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the guest is told about its host.

use super::Tally;
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static LEAK: Check = Check {
    id: "vm.host-info-leak",
    title: "The guest is not told about its host",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[
        "https://github.com/vmware/vcf-security-and-compliance-guidelines",
        "https://github.com/ComplianceAsCode/content",
        "https://libvirt.org/formatdomain.html",
    ],
    why: "Serial numbers, the exact model and the load of the host tell an attacker in the guest which errors to try, which VMs are neighbours, \
          and how they react to what it does.",
    fix: "Run `virsh edit VM`: set `<smbios mode='emulate'/>`, and delete the disk vhostmd0 and the channel org.github.vhostmd.1.",
    impact: "Software that is licensed to the host's serial number, and SAP's monitoring, miss this information.",
    apply: Apply::NextStart,
    needs: "<os><smbios>, //disk and //channel in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        if let Some(node) = domain.find("os/smbios").filter(|node| node.attribute("mode") == Some("host")) {
            tally.add(Outcome::Warn, || {
                Verdict::warn("The guest sees the host's serial numbers and model in its SMBIOS.")
                    .because([domain.evidence(node, "mode")])
            });
        }
        for source in domain.devices("disk").filter_map(|disk| child(disk, "source")) {
            if let Some(path) = source.attribute("file").filter(|path| path.ends_with("/vhostmd0")) {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!("The guest reads the host's load from the disk {path}."))
                        .because([domain.evidence(source, "file")])
                });
            }
        }
        for target in domain.devices("channel").filter_map(|channel| child(channel, "target")) {
            if let Some(name) = target.attribute("name").filter(|name| name.starts_with("org.github.vhostmd")) {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!("The guest reads the host's load from the channel {name}."))
                        .because([domain.evidence(target, "name")])
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("Nothing in the definition tells the guest about its host.")))
    }),
};
