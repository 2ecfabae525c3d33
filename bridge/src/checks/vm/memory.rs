// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guest's memory: with whom it is shared.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::permissions::FileMode;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html";

pub static NOSHAREPAGES: Check = Check {
    id: "vm.nosharepages",
    title: "The host does not merge the VM's memory pages with others'",
    severity: Severity::Medium,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &[
        "https://docs.redhat.com/en/documentation/red_hat_enterprise_linux/7/html/virtualization_security_guide/sect-virtualization_security_guide-guest_security-guest_security_recommended_practices",
        "https://docs.kernel.org/admin-guide/mm/ksm.html",
    ],
    why: "Kernel same-page merging (KSM) joins equal pages of different guests. By timing its own writes another guest learns what this one \
          holds in memory, and with a Rowhammer attack it can even change it.",
    fix: "Run `virt-xml VM --edit --memorybacking nosharepages=yes`, or switch KSM off for the whole host (`host.ksm`).",
    impact: "The VM uses all of its own memory, even where it holds the same as others.",
    apply: Apply::NextStart,
    needs: "<memoryBacking> in the definition, /sys/kernel/mm/ksm/run, the state of ksmtuned.service",
    judge: Judge::Definition(|facts, _, domain| nosharepages(facts, domain)),
};

fn nosharepages(facts: &Facts, domain: &Domain) -> Judged {
    let run = &facts.host.kernel.ksm_run;
    let tuned = facts.host.systemd.units.value().and_then(|units| units.get("ksmtuned.service"));
    let tuned = tuned.is_some_and(|unit| unit.active == "active");
    let how = match (*run.get()?, tuned) {
        (None, _) => return Ok(Verdict::not_applicable("This kernel does not merge pages: it has no KSM.")),
        (Some(0 | 2), false) => return Ok(Verdict::not_applicable("KSM is off on this host.")),
        (Some(0 | 2), true) => "ksmtuned.service may switch KSM on at any time",
        (Some(1), _) => "KSM is on",
        (Some(other), _) => {
            return Err(Gap::new(
                run.origin(),
                format!("{} holds {other}, which has no meaning known here", run.origin()),
            ));
        }
    };
    if let Some(node) = domain.find("memoryBacking/nosharepages") {
        return Ok(Verdict::pass("The VM's memory pages are not merged.").and(domain.path(node), "present"));
    }
    if let Some(node) = domain.find("memoryBacking/hugepages") {
        return Ok(Verdict::pass("The VM's memory is in huge pages, which KSM does not merge.")
            .and(domain.path(node), "present"));
    }
    let value = run.value().copied().flatten().map_or_else(String::new, |run| run.to_string());
    Ok(Verdict::warn(format!("{how}, and merges this VM's memory pages with those of others."))
        .because([domain.absence("memoryBacking/nosharepages")])
        .and(run.origin(), value))
}

pub static SHARED: Check = Check {
    id: "vm.memory-shared",
    title: "No other process may map the guest's memory without need",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Confinement,
    basis: &[FORMAT],
    why: "Shared memory is meant to be mapped by a second process, such as a vhost-user network switch. Whoever gets hold of its file descriptor, or of \
          its file on the host, reads and writes all that the guest holds in memory.",
    fix: "Run `virsh edit VM`: delete `<access mode='shared'/>` and memAccess='shared'.",
    impact: "None while the VM has no virtiofs and no vhost-user device; they need it.",
    apply: Apply::NextStart,
    needs: "<memoryBacking>, <numa> and the devices in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(shared(domain))),
};

fn shared(domain: &Domain) -> Verdict {
    let access = domain.find("memoryBacking/access").filter(|node| node.attribute("mode") == Some("shared"));
    let cells = || domain.find("cpu/numa").into_iter().flat_map(|numa| children(numa, "cell"));
    let evidence = match access {
        Some(node) => domain.evidence(node, "mode"),
        None => match cells().find(|cell| cell.attribute("memAccess") == Some("shared")) {
            Some(cell) => domain.evidence(cell, "memAccess"),
            None => return Verdict::pass("The guest's memory is its own process's alone."),
        },
    };
    match shares_memory(domain) {
        Some(device) => {
            Verdict::pass("The guest's memory is shared, which a device of the VM needs.").because([evidence, device])
        }
        None => Verdict::warn("The guest's memory is shared, and no device of the VM needs that.").because([evidence]),
    }
}

/// A device whose other half is a process of its own, which maps the guest's memory.
fn shares_memory(domain: &Domain) -> Option<Evidence> {
    let driver =
        |node: &Node, name, value| child(*node, "driver").is_some_and(|driver| driver.attribute(name) == Some(value));
    if let Some(node) = domain.devices("filesystem").find(|node| driver(node, "type", "virtiofs")) {
        return child(node, "driver").map(|node| domain.evidence(node, "type"));
    }
    if let Some(node) = domain.devices("video").find(|node| driver(node, "name", "vhostuser")) {
        return child(node, "driver").map(|node| domain.evidence(node, "name"));
    }
    let node = domain
        .devices("interface")
        .chain(domain.devices("disk"))
        .find(|node| node.attribute("type") == Some("vhostuser"))?;
    Some(domain.evidence(node, "type"))
}

pub static IVSHMEM: Check = Check {
    id: "vm.ivshmem",
    title: "The VM shares no memory with other VMs",
    severity: Severity::Medium,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[FORMAT, "https://www.qemu.org/docs/master/system/devices/ivshmem.html"],
    why: "All VMs and programs with the same shared memory device read and write one piece of memory that no filter sees. Who controls one of them \
          can attack whatever program reads it in the others, and two guests that must not talk have a channel.",
    fix: "Run `virsh edit VM` and delete `<shmem>`. Let the guests talk over a network that is filtered.",
    impact: "Programs that use the shared memory stop working; some screen viewers (Looking Glass) are such programs.",
    apply: Apply::NextStart,
    needs: "//shmem in the definition; the owner of the server's socket",
    judge: Judge::Definition(|_, vm, domain| {
        let mut tally = Tally::default();
        for node in domain.devices("shmem") {
            let name = node.attribute("name").unwrap_or("");
            let server = child(node, "server").and_then(|server| Some((server, server.attribute("path")?)));
            let stranger = server.and_then(|(server, path)| Some((server, path, stranger(vm, path)?)));
            if let Some((server, path, file)) = stranger {
                tally.add(Outcome::Fail, || {
                    let message = format!(
                        "The server of the shared memory {name} belongs to another user: {path} is user {}'s.",
                        file.uid
                    );
                    Verdict::fail(message)
                        .because([domain.evidence(server, "path")])
                        .and(path, format!("owner {}", file.uid))
                });
            } else {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The VM has the shared memory {name}, which other VMs and programs can have too."
                    ))
                    .because([domain.evidence(node, "name")])
                });
            }
        }
        Ok(tally.finish(|| Verdict::pass("The VM shares no memory with other VMs.")))
    }),
};

/// The owner of a socket where it is a person, and not the system or QEMU's own user. A session's VMs are their user's.
fn stranger<'a>(vm: &'a Vm, path: &str) -> Option<&'a FileMode> {
    let file = vm.named_files.get(path)?.value()?.as_ref()?;
    (vm.connection != "session" && crate::checks::is_person(file.uid)).then_some(file)
}

pub static HARD_LIMIT: Check = Check {
    id: "vm.memtune-hard-limit",
    title: "No memory limit makes the host kill the VM",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::State,
    basis: &[FORMAT],
    why: "How much memory QEMU itself needs beside the guest's cannot be told beforehand. With a hard limit the guest can bring it over the limit, and the \
          kernel then kills the VM. libvirt's documentation advises against it; only VMs with locked memory or devices of the host need it.",
    fix: "Run `virsh edit VM` and delete `<hard_limit>` from `<memtune>`.",
    impact: "QEMU may use more memory than the limit said. A guest cannot make it use any amount.",
    apply: Apply::NextStart,
    needs: "<memtune>, <memoryBacking> and the devices in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(hard_limit(domain))),
};

fn hard_limit(domain: &Domain) -> Verdict {
    let Some(limit) = domain.find("memtune/hard_limit") else {
        return Verdict::pass("No hard limit is set on the memory of the VM's process.");
    };
    let locked = domain.find("memoryBacking/locked");
    let locked = locked.map(|node| Evidence { origin: domain.path(node), value: "present".to_owned() });
    let reason = locked.or_else(|| {
        let given = |node: &Node| match node.tag_name().name() {
            "hostdev" => matches!(node.attribute("type"), Some("pci" | "mdev")),
            _ => node.attribute("type") == Some("hostdev"),
        };
        let node = domain.devices("hostdev").chain(domain.devices("interface")).find(given);
        node.map(|node| domain.evidence(node, "type"))
    });
    let evidence = [domain.text_evidence(limit)];
    match reason {
        Some(reason) => {
            Verdict::pass("A hard limit is set on the memory of the VM's process, which may lock all of the guest's memory.").because(evidence).because([reason])
        }
        None => Verdict::info("A hard limit is set on the memory of the VM's process, and the kernel kills it where that was estimated too low.")
            .because(evidence),
    }
}
