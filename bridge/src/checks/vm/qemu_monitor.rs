// SPDX-License-Identifier: LGPL-2.1-or-later
//! Monitors and debuggers that raw arguments open beside the monitor that libvirt uses.

use roxmltree::Node;

use super::Tally;
use super::qemu_options::{commandlines, in_qemu, shown};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static EXPOSED: Check = Check {
    id: "vm.qemu-monitor-exposed",
    title: "No QEMU monitor or debugger listens on a network",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Confinement,
    basis: &["https://www.qemu.org/docs/master/system/security.html#monitor-console-qmp-and-hmp"],
    why: "QEMU's monitor opens any file of the host that the process may open, and starts programs. It asks for no login. Whoever \
          connects to a monitor on TCP, any local user in the case of 127.0.0.1, has the guest and whatever its QEMU may do on the host; \
          a debugger's port gives them the guest's memory and processor.",
    fix: "Run `virsh edit VM` and delete these arguments. Use libvirt's own connection instead: `virsh qemu-monitor-command` for a \
          question, or a Unix socket in a directory of root's where a program really needs its own monitor.",
    impact: "The program or the person that used the port must use libvirt.",
    apply: Apply::NextStart,
    needs: "<qemu:commandline> in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(exposed(domain))),
};

/// An option without its dashes, with the argument that follows it.
struct QemuOption<'a, 'i> {
    name: &'a str,
    value: &'a str,
    node: Node<'a, 'i>,
}

fn options<'a, 'i>(domain: &'a Domain<'i>) -> Vec<QemuOption<'a, 'i>> {
    let mut options: Vec<QemuOption> = Vec::new();
    for node in commandlines(domain).flat_map(|commandline| commandline.children()).filter(|node| in_qemu(node, "arg"))
    {
        let value = node.attribute("value").unwrap_or("");
        match (value.strip_prefix("--").or_else(|| value.strip_prefix('-')), options.last_mut()) {
            (Some(name), _) => options.push(QemuOption { name, value: "", node }),
            (None, Some(option)) if option.value.is_empty() => {
                option.value = value;
                option.node = node;
            }
            (None, _) => {}
        }
    }
    options
}

fn exposed(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let options = options(domain);
    let monitors: Vec<&str> = options.iter().filter_map(monitor_backend).collect();
    for QemuOption { name, value, node } in options {
        let (outcome, what) = match name {
            "s" => (Outcome::Fail, "lets a debugger into the guest over the network"),
            "gdb" if is_reachable(value) => (Outcome::Fail, "lets a debugger into the guest over the network"),
            "monitor" | "qmp" | "qmp-pretty" if is_reachable(value) => {
                (Outcome::Fail, "opens QEMU's monitor to the network")
            }
            // A serial line that shares its connection with the monitor.
            "serial" | "parallel" | "virtioconsole" | "debugcon"
                if value.strip_prefix("mon:").is_some_and(is_reachable) =>
            {
                (Outcome::Fail, "opens QEMU's monitor to the network")
            }
            "chardev" if is_network(value) => {
                if item(value, "id").is_some_and(|id| monitors.contains(&id)) {
                    (Outcome::Fail, "opens QEMU's monitor to the network")
                } else {
                    (Outcome::Warn, "opens a connection of QEMU to the network")
                }
            }
            _ => continue,
        };
        tally.add(outcome, || {
            let message = if value.is_empty() {
                format!("The raw QEMU option -{name} {what}.")
            } else {
                format!("The raw QEMU option -{name} … {what}.")
            };
            Verdict::new(outcome, message).because([shown(domain, node)])
        });
    }
    tally.finish(|| Verdict::pass("The definition opens no monitor and no debugger to the network."))
}

/// The character device that a monitor or a debugger uses.
fn monitor_backend<'a>(option: &QemuOption<'a, '_>) -> Option<&'a str> {
    match option.name {
        "mon" => item(option.value, "chardev")
            .or_else(|| option.value.split(',').next().filter(|first| !first.contains('='))),
        "monitor" | "qmp" | "qmp-pretty" | "gdb" => option.value.strip_prefix("chardev:")?.split(',').next(),
        _ => None,
    }
}

fn item<'a>(value: &'a str, name: &str) -> Option<&'a str> {
    value.split(',').find_map(|item| item.strip_prefix(name)?.strip_prefix('='))
}

/// What stays on this host and behind the permissions of its file system; everything else counts as reachable.
fn is_reachable(value: &str) -> bool {
    let kind = value.split([':', ',']).next().unwrap_or("");
    let local = matches!(kind, "unix" | "stdio" | "none" | "null" | "chardev" | "pty" | "vc" | "file" | "pipe");
    !local && !kind.starts_with("/dev/")
}

/// A character device of type `socket` is a Unix socket when it has a path.
fn is_network(chardev: &str) -> bool {
    match chardev.split(',').next().unwrap_or("") {
        "udp" => true,
        "socket" => item(chardev, "path").is_none() && item(chardev, "fd").is_none(),
        _ => false,
    }
}
