// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host's ends of serial ports, consoles and channels.

use roxmltree::Node;

use super::console::is_loopback;
use super::{Tally, not_known};
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Outcome, Severity, Verdict, is_person};
use crate::facts::host::ConfValue;
use crate::facts::named_files::{DEVICES, directory_of};
use crate::facts::permissions::FileMode;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

pub static NETWORK: Check = Check {
    id: "vm.serial-network",
    title: "No serial port or channel of the VM is on the network",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Console,
    basis: &[
        "https://libvirt.org/formatdomain.html#consoles-serial-parallel-channel-devices",
        "https://libvirt.org/drvqemu.html",
    ],
    why: "A serial port usually has a console of root's, and asks for a login at most. On TCP whoever connects has it, and can choose the boot \
          entry with kernel options that skip the login; everybody on the way reads and changes what passes. A channel is the \
          guest's side door to a program of the host.",
    fix: "Run `virt-xml VM --edit --serial pty` (for a console or channel likewise) and use `virsh console VM`, from elsewhere with \
          `virsh -c qemu+ssh://HOST/system console VM`. If it must be TCP, set chardev_tls = 1 in /etc/libvirt/qemu.conf.",
    impact: "Programs that connect to the port, such as console servers, must go through libvirt or learn TLS.",
    apply: Apply::NextStart,
    needs: "//serial, //parallel, //console and //channel in the definition; chardev_tls in /etc/libvirt/qemu.conf (administrative access)",
    judge: Judge::Definition(|facts, _, domain| Ok(network(facts, domain))),
};

/// The devices, each once: the first console often is the first serial port over again.
fn chardevs<'b, 'i>(domain: &'b Domain<'i>) -> impl Iterator<Item = Node<'b, 'i>> {
    let serial = domain.devices("serial").next().is_some();
    let devices = domain.find("devices").into_iter().flat_map(|devices| devices.children());
    devices.filter(|node| DEVICES.iter().any(|name| node.has_tag_name(*name))).filter(move |node| {
        let target = child(*node, "target").and_then(|target| target.attribute("type"));
        !(serial && node.has_tag_name("console") && target.is_none_or(|target| target == "serial"))
    })
}

/// As a message names it.
fn name(device: Node) -> &'static str {
    match device.tag_name().name() {
        "serial" => "serial port",
        "parallel" => "parallel port",
        "console" => "console",
        _ => "channel",
    }
}

fn network(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    for device in chardevs(domain).filter(|device| matches!(device.attribute("type"), Some("tcp" | "udp"))) {
        let kind = device.attribute("type").unwrap_or("");
        let name = name(device);
        for source in children(device, "source") {
            let listens = source.attribute("mode") == Some("bind");
            let host = source.attribute("host").filter(|host| !host.is_empty());
            let local = host.is_some_and(is_loopback);
            let (encrypted, key) = match is_encrypted(facts, device, source) {
                Ok(known) => known,
                Err(gap) => {
                    tally.add(Outcome::Unknown, || not_known(&format!("Whether the {name} uses TLS"), &gap));
                    continue;
                }
            };
            let outcome = match (listens, local, encrypted) {
                (true, false, false) => Outcome::Fail,
                (true, true, false) | (false, _, false) => Outcome::Warn,
                (true, false, true) => Outcome::Info,
                (true, true, true) | (false, _, true) => continue,
            };
            tally.add(outcome, || {
                let host = host.unwrap_or("all addresses");
                let place = if listens { format!("listens on {host}") } else { format!("connects to {host}") };
                let service = source.attribute("service").unwrap_or("(none)");
                let tls = if encrypted { "with TLS" } else { "without TLS" };
                Verdict::new(outcome, format!("A {name} of the VM {place}, {kind} port {service}, {tls}."))
                    .because([domain.evidence(source, "host")])
                    .because(key)
            });
        }
    }
    tally.finish(|| Verdict::pass("No serial port, console or channel is open to the network."))
}

/// Whether TLS is used, and the key that says so where the definition does not. Without a client's certificate nobody gets in then.
fn is_encrypted(facts: &Facts, device: Node, source: Node) -> Result<(bool, Option<Evidence>), Gap> {
    if device.attribute("type") == Some("udp") {
        return Ok((false, None));
    }
    match source.attribute("tls") {
        Some("yes") => return Ok((true, None)),
        Some("no") => return Ok((false, None)),
        _ => {}
    }
    let conf = facts.host.config.qemu.get()?;
    let value = conf.settings.get("chardev_tls").map(|setting| &setting.value);
    let on = matches!(value, Some(ConfValue::Integer(number)) if *number != 0);
    Ok((on, Some(Evidence { origin: conf.place("chardev_tls"), value: conf.shown("chardev_tls") })))
}

pub static HOST_DEVICE: Check = Check {
    id: "vm.serial-hostdev",
    title: "The guest has no serial or parallel port of the host",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Devices,
    basis: &[
        "virtualization-booleans-in-rhel",
        "https://libvirt.org/formatdomain.html#consoles-serial-parallel-channel-devices",
    ],
    why: "The guest speaks to whatever hangs on that port: a console server, a switch, a power supply, or the host's own login. With SELinux \
          this needs virt_use_comm, which opens the ports to all VMs.",
    fix: "Run `virsh edit VM`, delete the device of type dev or set its type to pty, shut the VM down and start it again. When no VM uses such \
          a port, run `setsebool -P virt_use_comm off`.",
    impact: "The guest can no longer use what is connected to the port.",
    apply: Apply::NextStart,
    needs: "//serial, //parallel, //console and //channel in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        for device in chardevs(domain).filter(|device| device.attribute("type") == Some("dev")) {
            tally.add(Outcome::Warn, || {
                let source = child(device, "source");
                let path = source.and_then(|source| source.attribute("path")).unwrap_or("a device");
                Verdict::warn(format!("A {} of the VM is {path} of the host.", name(device)))
                    .because([domain.evidence(source.unwrap_or(device), "path")])
            });
        }
        Ok(tally.finish(|| Verdict::pass("The VM has no serial or parallel port of the host.")))
    }),
};

pub static FILE_PATH: Check = Check {
    id: "vm.chardev-file-path",
    title: "What the guest writes to its serial ports stays in libvirt's directories",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    basis: &["https://libvirt.org/formatdomain.html#consoles-serial-parallel-channel-devices"],
    why: "The guest decides what such a file holds and how large it grows. Among the files of other programs it fills their file system, or \
          is read by one of them; in a directory of a user's that user can put a link in its place.",
    fix: "Run `virsh edit VM` and move the path to /var/log/libvirt/qemu, shut the VM down and start it again.",
    impact: "Whatever reads the file must look for it at the new place.",
    apply: Apply::NextStart,
    needs: "//serial, //parallel, //console and //channel in the definition; owner and mode of these files and of their directories",
    judge: Judge::Definition(|_, vm, domain| Ok(file_path(vm, domain))),
};

fn file_path(vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    for device in chardevs(domain) {
        let source = child(device, "source").filter(|_| matches!(device.attribute("type"), Some("file" | "pipe")));
        let log = child(device, "log");
        for (node, attribute) in [(source, "path"), (log, "file")] {
            let Some((node, path)) = node.and_then(|node| Some((node, node.attribute(attribute)?))) else { continue };
            if !is_libvirts(path) {
                tally.add(Outcome::Warn, || {
                    let name = name(device);
                    Verdict::warn(format!(
                        "What the guest writes to a {name} goes to {path}, which is no directory of libvirt's."
                    ))
                    .because([domain.evidence(node, attribute)])
                });
            } else if let Some((file, who)) = stranger(vm, path) {
                tally.add(Outcome::Warn, || {
                    let name = name(device);
                    Verdict::warn(format!(
                        "What the guest writes to a {name} goes to {path}, and {who} may put something else there."
                    ))
                    .because([domain.evidence(node, attribute)])
                    .and(format!("stat {}", file.path), file.shown())
                });
            }
        }
    }
    tally.finish(|| Verdict::pass("No serial port, console or channel writes a file outside of libvirt's directories."))
}

/// The file, or its directory, where somebody beside the system may write. A session's files are its user's.
fn stranger<'a>(vm: &'a Vm, path: &str) -> Option<(&'a FileMode, String)> {
    let named = |path: &str| vm.named_files.get(path)?.value()?.as_ref();
    let who = |file: &FileMode| {
        if is_person(file.uid) {
            Some(format!("the user {}", file.uid))
        } else if file.others_may_write() && file.mode & 0o1000 == 0 {
            Some("everybody".to_owned())
        } else {
            None
        }
    };
    [path, directory_of(path)].into_iter().filter(|_| vm.connection != "session").find_map(|path| {
        let file = named(path)?;
        Some((file, who(file)?))
    })
}

fn is_libvirts(path: &str) -> bool {
    path == "/dev/null"
        || ["/var/log/libvirt/", "/var/lib/libvirt/", "/run/libvirt/"].iter().any(|place| path.starts_with(place))
            && path.split('/').all(|step| step != "..")
}
