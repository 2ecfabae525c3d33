// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a definition gives to QEMU past libvirt: raw arguments, and the program itself.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::QEMU_NAMESPACE;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static COMMANDLINE: Check = Check {
    id: "vm.qemu-commandline",
    title: "The definition has no raw QEMU arguments",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &[
        "best-practices-for-securing-virtual-machines",
        "https://libvirt.org/kbase/qemu-passthrough-security.html",
        "https://libvirt.org/drvqemu.html",
    ],
    why: "libvirt hands `<qemu:commandline>` on to QEMU without understanding it: it neither labels the files that are named there nor \
          knows which devices they make. Some options turn protection off or open a second way into the VM, such as a monitor that \
          accepts commands from anybody who can connect.",
    fix: "Run `virsh edit VM`, express what is needed with libvirt's own elements, and delete `<qemu:commandline>`.",
    impact: "A feature that libvirt has no element for is lost. The VM is no longer marked as tainted.",
    apply: Apply::NextStart,
    needs: "<qemu:commandline> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut raw = None;
        for commandline in commandlines(domain) {
            let mut option = "";
            for node in commandline.children().filter(Node::is_element) {
                raw.get_or_insert(node);
                let danger = if in_qemu(&node, "env") {
                    // The value may be a secret of its own.
                    (node.attribute("name") == Some("LD_PRELOAD")).then(|| {
                        "The environment variable LD_PRELOAD puts other code into the QEMU process.".to_owned()
                    })
                } else {
                    let value = node.attribute("value").unwrap_or("");
                    let name = value.strip_prefix("--").or_else(|| value.strip_prefix('-'));
                    let danger = name.map_or_else(|| in_value(option, value), of_option);
                    option = name.unwrap_or("");
                    danger
                };
                if let Some(danger) = danger {
                    tally.add(Outcome::Fail, || Verdict::fail(danger).because([shown(domain, node)]));
                }
            }
        }
        Ok(tally.finish(|| match raw {
            None => Verdict::pass("The definition has no raw QEMU arguments."),
            Some(node) => Verdict::warn(
                "The definition hands raw arguments to QEMU, which libvirt neither understands nor confines.",
            )
            .because([shown(domain, node)]),
        }))
    }),
};

pub(super) fn in_qemu(node: &Node, name: &str) -> bool {
    node.tag_name() == (QEMU_NAMESPACE, name).into()
}

pub(super) fn commandlines<'a, 'i>(domain: &'a Domain<'i>) -> impl Iterator<Item = Node<'a, 'i>> {
    domain.root().children().filter(|node| in_qemu(node, "commandline"))
}

/// An option that is a danger by itself, without its dashes. QEMU takes options by their whole name.
fn of_option(name: &str) -> Option<String> {
    let does = match name {
        "sandbox" => "replaces the system call filter that libvirt sets",
        "runas" => "changes the user that QEMU runs as",
        "chroot" => "changes the file system that QEMU sees",
        "monitor" | "qmp" | "qmp-pretty" | "mon" => "opens a second control connection to QEMU",
        "gdb" | "s" => "lets a debugger into the guest",
        "virtfs" | "fsdev" => "shares a directory of the host that libvirt does not know of",
        "incoming" => "lets QEMU take its state from elsewhere",
        _ => return None,
    };
    Some(format!("The raw QEMU option -{name} {does}."))
}

/// The value of an option that is a danger by what it says.
fn in_value(option: &str, value: &str) -> Option<String> {
    if matches!(option, "netdev" | "nic" | "net") && value.split([',', ':', '"', '{', ' ']).any(|word| word == "user") {
        return Some(format!("The raw QEMU option -{option} user gives the guest the host's own way to the network."));
    }
    let path = value.split(',').find_map(|item| item.strip_prefix("file=").or_else(|| item.strip_prefix("path=")))?;
    let in_pool = path.starts_with("/var/lib/libvirt/images/") && path.split('/').all(|step| step != "..");
    (!in_pool)
        .then(|| format!("The raw QEMU option -{option} names {path}, which is in no storage pool that is known here."))
}

/// A raw argument as evidence, without what may be a secret.
pub(super) fn shown(domain: &Domain, node: Node) -> Evidence {
    let Some(value) = node.attribute("value").filter(|_| node.tag_name().name() != "env") else {
        return domain.evidence(node, "name");
    };
    let hides = ["password", "secret", "data=", "passwd"].iter().any(|word| value.contains(word));
    let mut evidence = domain.evidence(node, "value");
    if hides {
        "(set, not shown)".clone_into(&mut evidence.value);
    }
    evidence
}

pub static OVERRIDES: Check = Check {
    id: "vm.qemu-overrides",
    title: "The definition has no experimental overrides of QEMU",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Confinement,
    basis: &["https://libvirt.org/drvqemu.html"],
    why: "`<qemu:override>` changes properties of devices, and `<qemu:capabilities>` what libvirt believes QEMU can do, without libvirt \
          checking either. libvirt's documentation calls them means for experiments that must not be used in production: the \
          VM may lose a protection that libvirt takes for given, or crash.",
    fix: "Run `virsh edit VM`, express what is needed with libvirt's own elements, and delete `<qemu:override>`, \
          `<qemu:capabilities>` and `<qemu:deprecation>`.",
    impact: "What the override worked around comes back. The VM is no longer marked as tainted.",
    apply: Apply::NextStart,
    needs: "<qemu:override>, <qemu:capabilities> and <qemu:deprecation> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for node in domain.root().children().filter(|node| node.tag_name().namespace() == Some(QEMU_NAMESPACE)) {
            let filled = node.children().any(|child| child.is_element());
            let message = match node.tag_name().name() {
                "override" if filled => "The definition overrides properties of QEMU's devices.",
                "capabilities" if filled => "The definition overrides what libvirt knows about QEMU's capabilities.",
                "deprecation" if node.attribute("behavior") != Some("none") => {
                    "The definition changes what QEMU does with deprecated options."
                }
                _ => continue,
            };
            tally.add(Outcome::Warn, || Verdict::warn(message).and(domain.path(node), "present"));
        }
        Ok(tally.finish(|| Verdict::pass("The definition has no experimental overrides of QEMU.")))
    }),
};

pub static EMULATOR: Check = Check {
    id: "vm.emulator-path",
    title: "The emulator is the distribution's QEMU",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "libvirt runs the program that the definition names, with the VM's disks and devices at its disposal. One that others than root \
          can replace runs their code; one that was built by hand gets no security updates.",
    fix: "Run `virsh edit VM` and set `<emulator>` to the distribution's program: /usr/libexec/qemu-kvm on RHEL, \
          /usr/bin/qemu-system-x86_64 on Fedora, Debian and Ubuntu. Deleting the element lets libvirt choose.",
    impact: "A feature that only the other QEMU has is lost, and a machine type that only it knows must be changed.",
    apply: Apply::NextStart,
    needs: "<emulator> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let Some(emulator) = domain.find("devices/emulator") else {
            return Ok(Verdict::pass("The definition leaves the choice of the emulator to libvirt.")
                .because([domain.absence("devices/emulator")]));
        };
        let path = emulator.text().unwrap_or("").trim();
        let verdict = if is_distribution(path) {
            Verdict::pass(format!("The emulator is {path}."))
        } else if let Some(place) = exposed_place(path) {
            Verdict::fail(format!(
                "The emulator is {path}: {place} is no place for a program that only root may replace."
            ))
        } else {
            Verdict::unknown(format!("The emulator is {path}, and which package it belongs to was not read."))
        };
        Ok(verdict.because([domain.text_evidence(emulator)]))
    }),
};

/// Where distributions install it. `kvm` and `kvm-spice` are Debian's and Ubuntu's.
fn is_distribution(path: &str) -> bool {
    matches!(path, "/usr/libexec/qemu-kvm" | "/usr/bin/qemu-kvm" | "/usr/bin/kvm" | "/usr/bin/kvm-spice")
        || path.strip_prefix("/usr/bin/qemu-system-").is_some_and(|target| !target.is_empty() && !target.contains('/'))
}

/// Places that users write to, or that no package of a distribution installs to.
fn exposed_place(path: &str) -> Option<&'static str> {
    if path.split('/').any(|step| step == "..") {
        return Some("a path with `..`");
    }
    ["/home", "/tmp", "/opt", "/var/tmp", "/dev/shm"]
        .into_iter()
        .find(|place| path.strip_prefix(place).is_some_and(|rest| rest.starts_with('/')))
}
