// SPDX-License-Identifier: LGPL-2.1-or-later
//! Updates that wait for whoever looks after the host.

use crate::checks::{Apply, Area, Check, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::updates::Update;
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static SECURITY: Check = Check {
    id: "host.security-updates",
    title: "No security update for virtualization waits to be installed",
    severity: Severity::High,
    // Not baseline, though it is high: PackageKit runs only while somebody uses it, and is not on every host. Without it this is not
    // known, and a lab whose administrator updates by hand could never be proven to meet the lowest profile.
    profile: Profile::Server,
    area: Area::Kernel,
    basis: &[
        "https://www.freedesktop.org/software/PackageKit/gtk-doc/Transaction.html",
        "https://www.bsi.bund.de/EN/Topics/ITGrundschutz/itgrundschutz_node.html",
    ],
    why: "Holes in QEMU, KVM and firmware are mended by updates, and by nothing that one could configure. What an update mends is public from that \
          day on, and guests can try it on hosts that wait.",
    fix: "Run `dnf upgrade --security` (Debian and Ubuntu: `apt update && apt upgrade`), or use Cockpit's page Software updates. Then restart the host for a \
          kernel (host.reboot-pending), and shut VMs down and start them again, or migrate them, for QEMU (proc.stale-binary).",
    impact: "Running VMs go on with what they were started with until they are started anew; a new kernel needs a restart of the host.",
    apply: Apply::HostReboot,
    needs: "PackageKit, if it runs: the updates that it knows of, and when it last fetched the lists of packages",
    judge: Judge::Host(|facts, _| security(facts)),
};

/// Names of packages through which a guest reaches its host, or that keep it from doing so, begin like this.
const STACK: [&str; 26] = [
    "amd-ucode",
    "amd64-microcode",
    "edk2-",
    "intel-microcode",
    "intel-ucode",
    "ipxe-",
    "kernel",
    "libslirp",
    "libspice-server",
    "libtpms",
    "libvirglrenderer",
    "libvirt",
    "linux-firmware",
    "linux-image",
    "linux-modules",
    "microcode_ctl",
    "ovmf",
    "passt",
    "qemu",
    "seabios",
    "selinux-policy",
    "spice-server",
    "swtpm",
    "ucode-",
    "virglrenderer",
    "virtiofsd",
];
/// A week, in seconds: what was mended since the lists were fetched does not stand in them.
const STALE: u32 = 7 * 24 * 60 * 60;
const NAMED: usize = 5;

fn security(facts: &Facts) -> Judged {
    let fact = &facts.host.updates;
    let updates = fact.get()?;
    let of_stack = |update: &&Update| STACK.iter().any(|start| update.name.starts_with(start));
    let stack: Vec<&Update> = updates.packages.iter().filter(of_stack).collect();
    let (urgent, others): (Vec<&Update>, Vec<&Update>) = stack.into_iter().partition(|update| update.security);
    let evidence = |updates: &[&Update], kind: &str| {
        let shown = updates.iter().take(NAMED).map(|update| Evidence {
            origin: fact.origin().to_owned(),
            value: format!("{} {} ({kind})", update.name, update.version),
        });
        shown.collect::<Vec<_>>()
    };
    if !urgent.is_empty() {
        let message = format!("Security updates for virtualization wait to be installed: {}.", names(&urgent));
        return Ok(Verdict::fail(message).because(evidence(&urgent, "security")));
    }
    match updates.age {
        None => {
            return Err(Gap::new(fact.origin(), "PackageKit has never fetched the lists of packages"));
        }
        Some(age) if age > STALE => {
            let days = age / (24 * 60 * 60);
            return Err(Gap::new(fact.origin(), format!("PackageKit fetched the lists of packages {days} days ago")));
        }
        Some(_) => {}
    }
    Ok(if others.is_empty() {
        Verdict::pass("No update for virtualization waits to be installed.")
            .and(fact.origin(), format!("{} updates of other packages", updates.packages.len()))
    } else {
        // A repository that marks none as such looks like this too.
        let message =
            format!("No update for virtualization that waits is marked as a security update: {}.", names(&others));
        Verdict::pass(message).because(evidence(&others, "not security"))
    })
}

fn names(updates: &[&Update]) -> String {
    let mut names: Vec<&str> = updates.iter().map(|update| update.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let list = names.join(", ");
    if more == 0 { list } else { format!("{list} and {more} more") }
}
