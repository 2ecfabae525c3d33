// SPDX-License-Identifier: LGPL-2.1-or-later
//! When the guest's memory is written to the host's disk.

use roxmltree::Node;

use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::host::DumpDirectory;
use crate::facts::permissions::FileMode;
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static WATCHDOG: Check = Check {
    id: "vm.watchdog-dump",
    title: "A crash of the guest does not write its memory to disk",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Secrets,
    basis: &[
        "https://libvirt.org/formatdomain.html#watchdog-device",
        "https://libvirt.org/formatdomain.html#events-configuration",
    ],
    why: "A dump holds everything that was in the guest's memory, keys and passwords of its users included. A guest that is told \
          to crash again and again fills the host's disk with dumps.",
    fix: "Run `virsh edit VM`, set the watchdog's `action='reset'` and `<on_crash>` to destroy or restart, shut the VM down and start it again. \
          If dumps are wanted, run `chmod 0700` on the directory (auto_dump_path in /etc/libvirt/qemu.conf), and delete dumps after use.",
    impact: "A crash of the guest's kernel leaves nothing to examine; kdump in the guest keeps that inside.",
    apply: Apply::NextStart,
    needs: "//watchdog and <on_crash> in the definition; auto_dump_path in /etc/libvirt/qemu.conf and the permissions of that directory \
            (administrative access)",
    judge: Judge::Definition(watchdog),
};

fn watchdog(facts: &Facts, vm: &Vm, domain: &Domain) -> Judged {
    let dog = domain.devices("watchdog").find(|dog| dog.attribute("action") == Some("dump"));
    let dumps = |crash: &Node| crash.text().is_some_and(|text| text.trim().starts_with("coredump-"));
    let (when, evidence) = if let Some(dog) = dog {
        ("its watchdog fires", domain.evidence(dog, "action"))
    } else if let Some(crash) = domain.find("on_crash").filter(dumps) {
        ("the guest crashes", domain.text_evidence(crash))
    } else {
        return Ok(Verdict::pass("The guest's memory is not written to disk when it crashes."));
    };
    if matches!(vm.connection.as_str(), "session" | "qemu:///session") {
        let message = format!("The guest's memory is written to a file of the user's when {when}.");
        return Ok(Verdict::info(message).because([evidence]));
    }
    let fact = &facts.host.dump_directory;
    let place = |mode: &str| Evidence { origin: format!("stat {}", fact.origin()), value: mode.to_owned() };
    Ok(match fact.get()? {
        None => Verdict::info(format!("The guest's memory is written to {} when {when}.", fact.origin()))
            .because([evidence, place("(does not exist yet)")]),
        Some(directory) => {
            let path = &directory.own.path;
            if is_open(directory) {
                Verdict::warn(format!(
                    "The guest's memory is written to {path} when {when}, and other users of the host may look into that directory."
                ))
            } else {
                Verdict::info(format!("The guest's memory is written to {path} when {when}."))
            }
            .because([evidence, place(&directory.own.shown())])
        }
    })
}

/// Whether users of the host list the directory or put files into it. That it is QEMU's user's own is libvirt's doing.
fn is_open(directory: &DumpDirectory) -> bool {
    let FileMode { gid, mode, .. } = directory.own;
    directory.closed_by.is_none() && (gid != 0 && mode & 0o060 != 0 || mode & 0o006 != 0)
}

pub static DUMP_CORE: Check = Check {
    id: "vm.memory-dumpcore",
    title: "A crash of QEMU does not write the guest's memory to disk",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatdomain.html#memory-allocation", "https://libvirt.org/drvqemu.html"],
    why: "`dumpCore='on'` puts the guest's whole memory into the core dump of a QEMU that crashes, whatever qemu.conf says about \
          all VMs. A core dump goes to the host's crash handler, and from there to a disk and perhaps to a report: with the keys and \
          passwords of the guest's users.",
    fix: "Run `virsh edit VM`, set `dumpCore='off'` at `<memory>`, shut the VM down and start it again.",
    impact: "A core dump of QEMU no longer shows the guest's state, which support may ask for.",
    apply: Apply::NextStart,
    needs: "<memory> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        Ok(match domain.find("memory").filter(|memory| memory.attribute("dumpCore") == Some("on")) {
            Some(memory) => Verdict::fail("A crash of QEMU writes the guest's whole memory into its core dump.")
                .because([domain.evidence(memory, "dumpCore")]),
            None => Verdict::pass("The definition does not ask for the guest's memory in core dumps."),
        })
    }),
};
