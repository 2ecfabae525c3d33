// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where the guest gets its first random numbers from.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::{child, children};
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static SOURCE: Check = Check {
    id: "vm.rng",
    title: "The guest gets random numbers from its host",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &["https://libvirt.org/formatdomain.html", "https://github.com/virt-manager/virt-manager"],
    why: "A guest that has just started knows little that an attacker does not know, and makes keys that can be guessed. Numbers that come over \
          the network can be read or replaced on their way.",
    fix: "Run `virt-xml VM --add-device --rng /dev/urandom`; first take away another source with `virt-xml VM --remove-device --rng all`.",
    impact: "None. The guest sees one virtio device more.",
    apply: Apply::NextStart,
    needs: "//rng in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut count = 0_usize;
        for backend in domain.devices("rng").filter_map(|rng| child(rng, "backend")) {
            count = count.saturating_add(1);
            judge(domain, backend, &mut tally);
        }
        Ok(tally.finish(|| match count {
            0 => Verdict::info("The VM has no source of random numbers from its host."),
            _ => Verdict::pass("The guest gets random numbers from its host."),
        }))
    }),
};

fn judge(domain: &Domain, backend: Node, tally: &mut Tally) {
    match backend.attribute("model") {
        Some("egd") => {
            let mut hosts = children(backend, "source").filter_map(|source| Some((source, source.attribute("host")?)));
            if let Some((source, host)) = hosts.next() {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The guest gets its random numbers from {host} over the network, unencrypted."
                    ))
                    .because([domain.evidence(source, "host")])
                });
            }
        }
        Some("random") => {
            let path = backend.text().map_or("", str::trim);
            if !matches!(path, "" | "/dev/urandom" | "/dev/random" | "/dev/hwrng") {
                tally.add(Outcome::Warn, || {
                    Verdict::warn(format!(
                        "The guest gets its random numbers from {path}, which is not the kernel's source."
                    ))
                    .because([domain.text_evidence(backend)])
                });
            }
        }
        _ => {}
    }
}
