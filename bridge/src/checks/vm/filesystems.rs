// SPDX-License-Identifier: LGPL-2.1-or-later
//! Directories of the host that the guest shares.

use roxmltree::Node;

use super::{Tally, not_known};
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Gap, Vm};
use crate::policy::Profile;

const FORMAT: &str = "https://libvirt.org/formatdomain.html";
const VIRTIOFS: &str = "https://libvirt.org/kbase/virtiofs.html";

fn is_virtiofs(node: Node) -> bool {
    child(node, "driver").is_some_and(|driver| driver.attribute("type") == Some("virtiofs"))
}

/// How the guest calls it.
fn tag<'a>(node: Node<'a, '_>) -> &'a str {
    child(node, "target").and_then(|target| target.attribute("dir")).unwrap_or("without a tag")
}

/// Only directories: the other types are for containers.
fn shared<'b, 'i>(domain: &'b Domain<'i>) -> impl Iterator<Item = Node<'b, 'i>> {
    domain.devices("filesystem").filter(|node| matches!(node.attribute("type"), None | Some("mount" | "bind")))
}

pub static ACCESSMODE: Check = Check {
    id: "vm.filesystem-9p-passthrough",
    title: "The guest does not set owners and permissions on the host by 9p",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[FORMAT, "https://wiki.qemu.org/Documentation/9psetup"],
    why: "With the access mode passthrough QEMU makes files on the host with the owners, permissions and device numbers that the guest asks for: a set-uid \
          program or a device node that a user of the host then opens. Guests have left the shared directory by it (CVE-2023-2861).",
    fix: "Run `virsh edit VM` and use virtiofs (`<driver type='virtiofs'/>`), or set accessmode='mapped'.",
    impact: "With mapped, owners that the guest sets are kept in extended attributes, and programs of the host see QEMU's user as the owner of all. \
             virtiofs needs shared memory.",
    apply: Apply::NextStart,
    needs: "//filesystem in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut count = 0_usize;
        for node in shared(domain).filter(|node| !is_virtiofs(*node)) {
            count = count.saturating_add(1);
            // libvirt's default is passthrough.
            let (outcome, what) = match node.attribute("accessmode") {
                Some("mapped") => continue,
                Some("squash") => (Outcome::Warn, "with most of what the guest asks for (squash)"),
                Some("passthrough") => (Outcome::Fail, "as the guest asks for (passthrough)"),
                _ => (Outcome::Fail, "as the guest asks for (passthrough, libvirt's default)"),
            };
            tally.add(outcome, || {
                Verdict::new(
                    outcome,
                    format!("QEMU sets owners and permissions in the shared directory {} {what}.", tag(node)),
                )
                .because([domain.evidence(node, "accessmode")])
            });
        }
        Ok(tally.finish(|| match count {
            0 => Verdict::not_applicable("The VM shares no directory by 9p."),
            _ => Verdict::pass("Owners that the guest sets by 9p are mapped and do not reach the host's files."),
        }))
    }),
};

pub static SCOPE: Check = Check {
    id: "vm.filesystem-scope",
    title: "The guest shares no directory that the host depends on",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Storage,
    basis: &[FORMAT, VIRTIOFS],
    why: "What the guest can read tells it the host's passwords and keys, and what it can write, the host may run: whoever controls the guest controls \
          the host without breaking out at all.",
    fix: "Run `virsh edit VM` and share a directory that is made for it, such as /srv/share/VM; add `<readonly/>` where the guest only reads.",
    impact: "The guest sees the files in the new directory only; move there what it needs.",
    apply: Apply::NextStart,
    needs: "//filesystem in the definition; where its directory lies when links are followed",
    judge: Judge::Definition(|_, vm, domain| Ok(scope(vm, domain))),
};

/// Nothing in or above these is shared.
const CLOSED: [&str; 8] = ["/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/var/lib/libvirt"];
/// Single users' directories may be shared, but not all of them at once.
const WHOLE: [&str; 3] = ["/", "/home", "/usr"];
/// libvirt makes this one for such a purpose.
const MEANT: &str = "/var/lib/libvirt/filesystems";

fn scope(vm: &Vm, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut count = 0_usize;
    for node in shared(domain) {
        let Some((source, given)) = child(node, "source").and_then(|source| Some((source, source.attribute("dir")?)))
        else {
            continue;
        };
        count = count.saturating_add(1);
        let resolved = resolve(vm, given);
        let path = resolved.as_deref().unwrap_or(given);
        let place = |verdict: Verdict| {
            let verdict = verdict.because([domain.evidence(source, "dir")]);
            if path == given { verdict } else { verdict.and(given, path) }
        };
        let readonly = child(node, "readonly").is_some();
        if let Some(matter) = matters(path) {
            tally.add(Outcome::Fail, || {
                let how = if readonly { "reads" } else { "writes" };
                place(Verdict::fail(format!("The guest {how} the host's {path}{matter}.")))
            });
        } else if let Err(gap) = &resolved {
            tally.add(Outcome::Unknown, || {
                not_known(&format!("Where the shared directory {given} lies"), gap)
                    .because([domain.evidence(source, "dir")])
            });
        } else if !readonly {
            tally.add(Outcome::Warn, || place(Verdict::warn(format!("The guest writes the host's {path}."))));
        }
    }
    tally.finish(|| match count {
        0 => Verdict::not_applicable("The VM shares no directory of the host."),
        _ => Verdict::pass("The guest only reads the directories of the host that it shares."),
    })
}

/// Where a path leads once links are followed. One that does not exist leads nowhere else.
fn resolve(vm: &Vm, given: &str) -> Result<String, Gap> {
    let fact = vm.named_files.get(given).ok_or_else(|| Gap::new(given, "the directory itself was not looked at"))?;
    Ok(fact.get()?.as_ref().map_or_else(|| plain(given), |file| file.path.clone()))
}

/// Without doubled slashes, and one at the end.
fn plain(path: &str) -> String {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    format!("/{}", parts.join("/"))
}

/// Why a directory is not to be shared, as the end of a sentence.
fn matters(path: &str) -> Option<String> {
    let path = plain(path);
    let path = path.as_str();
    let within = |path: &str, above: &str| path.strip_prefix(above).is_some_and(|rest| rest.starts_with('/'));
    if path == MEANT || within(path, MEANT) {
        None
    } else if CLOSED.contains(&path) || WHOLE.contains(&path) {
        Some(String::new())
    } else if let Some(above) = CLOSED.iter().find(|closed| within(path, closed)) {
        Some(format!(", which belongs to {above}"))
    } else {
        CLOSED.iter().find(|closed| within(closed, path)).map(|below| format!(" with {below} in it"))
    }
}

pub static SANDBOX: Check = Check {
    id: "vm.virtiofs-sandbox",
    title: "The program that serves shared directories is confined",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &[FORMAT, VIRTIOFS],
    why: "The program virtiofsd works as root and does what the guest asks. In a mount namespace of its own it sees nothing but the shared directory; \
          without, a mistake in it (CVE-2021-20263, CVE-2022-0358) lets the guest reach other files of the host.",
    fix: "Run `virsh edit VM` and set `<sandbox mode='namespace'/>` in `<binary>`, or delete `<sandbox>`. Instead of `<source socket=…>` give the directory, so that \
          libvirt starts and labels virtiofsd.",
    impact: "None on a usual host. In a container, where namespaces cannot be made, virtiofsd does not start.",
    apply: Apply::NextStart,
    needs: "//filesystem in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut count = 0_usize;
        for node in domain.devices("filesystem").filter(|node| is_virtiofs(*node)) {
            count = count.saturating_add(1);
            let sandbox = child(node, "binary").and_then(|binary| child(binary, "sandbox"));
            match sandbox.map(|sandbox| (sandbox, sandbox.attribute("mode"))) {
                None | Some((_, None | Some("namespace"))) => {}
                Some((sandbox, Some("chroot"))) => tally.add(Outcome::Warn, || {
                    let message = format!(
                        "virtiofsd for {} is only in a chroot, which a process with root's rights can leave.",
                        tag(node)
                    );
                    Verdict::warn(message).because([domain.evidence(sandbox, "mode")])
                }),
                Some((sandbox, Some(mode))) => tally.add(Outcome::Fail, || {
                    let message = format!("virtiofsd for {} is not confined (sandbox mode {mode}).", tag(node));
                    Verdict::fail(message).because([domain.evidence(sandbox, "mode")])
                }),
            }
            let socket = children(node, "source").find_map(|source| Some((source, source.attribute("socket")?)));
            if let Some((source, socket)) = socket {
                tally.add(Outcome::Warn, || {
                    let message = format!(
                        "libvirt neither starts nor labels the virtiofsd for {}: it is behind {socket}.",
                        tag(node)
                    );
                    Verdict::warn(message).because([domain.evidence(source, "socket")])
                });
            }
        }
        Ok(tally.finish(|| match count {
            0 => Verdict::not_applicable("The VM shares no directory by virtiofs."),
            _ => Verdict::pass("virtiofsd is in namespaces of its own."),
        }))
    }),
};
