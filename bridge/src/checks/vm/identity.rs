// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who the VM is: to itself after a step back in time, and to whoever is responsible.

use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict, counted};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static GENID: Check = Check {
    id: "vm.genid",
    title: "The guest notices when it is set back",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::State,
    basis: &["https://libvirt.org/formatdomain.html"],
    why: "A guest that is set back to a snapshot, or copied, repeats random numbers that it has used: keys and session ids come twice. A Windows \
          domain controller also repeats numbers in its directory and loses changes. The generation id tells the guest to start anew.",
    fix: "Run `virsh edit VM` and add `<genid/>` below `<domain>`.",
    impact: "None. The guest sees one ACPI device more.",
    apply: Apply::NextStart,
    needs: "<genid> in the definition; for Windows servers /var/lib/libvirt/qemu/snapshot (administrative access)",
    judge: Judge::Definition(genid),
};

fn genid(_: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    if let Some(node) = domain.find("genid") {
        return Ok(Verdict::pass("The VM has a generation id.").because([domain.text_evidence(node)]));
    }
    let verdict =
        Verdict::info("The VM has no generation id: its guest does not notice when it is set back or copied.");
    // Servers are called by the year (`win/2k22`); others are no domain controllers.
    let server = domain.guest_os().is_some_and(|os| os.starts_with("http://microsoft.com/win/2k"));
    if !server || !matches!(vm.connection.as_str(), "system" | "session") {
        return Ok(verdict.because([domain.absence("genid")]));
    }
    let snapshots = &vm.left.snapshots;
    Ok(match snapshots.get()?.len() {
        0 => verdict.because([domain.absence("genid")]),
        count => {
            let message = format!(
                "The Windows server has {} and no generation id: set back to one, it repeats what it did.",
                counted(count, "snapshot")
            );
            Verdict::warn(message)
                .because([domain.absence("genid")])
                .because(domain.guest_os_evidence())
                .and(snapshots.origin(), counted(count, "snapshot"))
        }
    })
}

pub static PURPOSE: Check = Check {
    id: "vm.acknowledged-purpose",
    title: "It is noted what the VM is for",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::State,
    basis: &[
        "https://libvirt.org/formatdomain.html",
        "https://www.bsi.bund.de/EN/Topics/ITGrundschutz/itgrundschutz_node.html",
    ],
    why: "A VM that nobody knows the purpose of is neither updated nor switched off, and nobody can say whether a finding about it may be accepted.",
    fix: "Run `virsh desc VM --title 'NAME' --config` and `virsh desc VM --config 'WHAT IT IS FOR, AND WHO IS RESPONSIBLE'`.",
    impact: "None. Every local user who may connect to libvirt's read-only socket can read the text.",
    apply: Apply::Live,
    needs: "<title> and <description> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let noted =
            ["title", "description"].into_iter().filter(|name| domain.text(name).is_some_and(|text| !text.is_empty()));
        let nodes: Vec<_> = noted.filter_map(|name| domain.find(name)).collect();
        Ok(if nodes.is_empty() {
            Verdict::info("The VM has neither a title nor a description.")
                .because(["title", "description"].map(|name| domain.absence(name)))
        } else {
            Verdict::pass("The definition says what the VM is for.")
                .because(nodes.into_iter().map(|node| domain.text_evidence(node)))
        })
    }),
};
