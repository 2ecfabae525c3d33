// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guest's TPM.

use roxmltree::Node;

use super::{Tally, arch, is_x86, not_known};
use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static PRESENT: Check = Check {
    id: "vm.tpm",
    title: "The guest has an emulated TPM 2.0",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Firmware,
    basis: &[
        "enabling-standard-hardware-security-on-windows-virtual-machines",
        "https://libvirt.org/formatdomain.html#tpm-device",
    ],
    why: "With a TPM of its own the guest can measure what it booted and bind the keys of its disks to that, so that a copied disk \
          image stays closed. TPM 1.2 rests on SHA-1. The host's own TPM handed through serves one VM only, and gives the guest a say over \
          keys that may protect the host.",
    fix: "Install swtpm and run `virt-xml VM --add-device --tpm backend.type=emulator,backend.version=2.0,model=tpm-crb`; remove \
          another TPM before with `virt-xml VM --remove-device --tpm all`.",
    impact: "Adding a TPM costs nothing. Removing or replacing one loses the keys that the guest sealed in it: have the recovery \
             keys of its encrypted disks at hand. The TPM's state in /var/lib/libvirt/swtpm belongs into the backup.",
    apply: Apply::NextStart,
    needs: "//tpm and the guest's operating system (libosinfo) in the definition",
    judge: Judge::Definition(|facts, _, domain| Ok(judge(facts, domain))),
};

fn judge(facts: &Facts, domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let mut found = None;
    for tpm in domain.devices("tpm") {
        found.get_or_insert(tpm);
        let Some(backend) = child(tpm, "backend") else {
            tally.add(Outcome::Unknown, || {
                not_known("What backs the TPM", &Gap::new(domain.path(tpm), "the definition names no backend"))
            });
            continue;
        };
        match backend.attribute("type") {
            Some("emulator") => match version(facts, domain, tpm, backend) {
                Ok("2.0") => {}
                Ok(version) => tally.add(Outcome::Warn, || {
                    Verdict::warn(format!("The guest's TPM is version {version}, which rests on SHA-1."))
                        .because([domain.evidence(backend, "version"), domain.evidence(tpm, "model")])
                }),
                Err(gap) => tally.add(Outcome::Unknown, || not_known("The version of the guest's TPM", &gap)),
            },
            Some("passthrough") => tally.add(Outcome::Warn, || {
                Verdict::warn("The guest uses the host's own TPM.").because([domain.evidence(backend, "type")])
            }),
            _ => tally.add(Outcome::Unknown, || {
                let reason = "its backend runs outside of libvirt's control";
                not_known("The version of the guest's TPM", &Gap::new(domain.path(backend), reason))
            }),
        }
    }
    if let Some(tpm) = found {
        let good = || Verdict::pass("The guest has an emulated TPM 2.0.").because([domain.evidence(tpm, "model")]);
        return tally.finish(good);
    }
    if arch(facts, domain).is_ok_and(|arch| arch == "s390x") {
        return Verdict::not_applicable("QEMU has no TPM for s390x.");
    }
    match domain.guest_os() {
        Some("http://microsoft.com/win/11" | "http://microsoft.com/win/2k25") => {
            Verdict::fail("The guest has no TPM, which its version of Windows requires.")
                .because([domain.absence("devices/tpm")])
                .because(domain.guest_os_evidence())
        }
        _ => Verdict::info("The guest has no TPM, so it cannot measure its start or seal keys.")
            .because([domain.absence("devices/tpm")]),
    }
}

/// Where none is given, libvirt chooses 1.2 for a TIS on x86, for the sake of old definitions, and 2.0 otherwise.
pub(in crate::checks) fn version<'a>(
    facts: &Facts,
    domain: &Domain,
    tpm: Node<'a, '_>,
    backend: Node<'a, '_>,
) -> Result<&'a str, Gap> {
    if let Some(version) = backend.attribute("version") {
        return Ok(version);
    }
    if tpm.attribute("model").is_some_and(|model| model != "tpm-tis") {
        return Ok("2.0");
    }
    Ok(if is_x86(arch(facts, domain)?) { "1.2" } else { "2.0" })
}

pub static ENCRYPTED: Check = Check {
    id: "vm.tpm-encrypted",
    title: "The TPM's state is encrypted on the host",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Firmware,
    basis: &["https://libvirt.org/formatdomain.html#tpm-device"],
    why: "The emulated TPM keeps the keys that the guest sealed in files in /var/lib/libvirt/swtpm. Whoever has these files, from a backup for \
          example, together with a copy of the guest's disk opens the disk that the TPM was to protect.",
    fix: "Define a secret with `virsh secret-define` and `virsh secret-set-value`, and add `<encryption secret='UUID'/>` to the TPM's \
          `<backend>` with `virsh edit VM`. This works for a new TPM only: remove its state in /var/lib/libvirt/swtpm before.",
    impact: "With the old state the guest loses every key that it sealed in this TPM: have the recovery keys of its encrypted disks at \
             hand. The VM does not start without the secret.",
    apply: Apply::Manual,
    needs: "//tpm in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let mut emulated = false;
        let backends = domain.devices("tpm").filter_map(|tpm| child(tpm, "backend"));
        for backend in backends.filter(|backend| backend.attribute("type") == Some("emulator")) {
            emulated = true;
            if child(backend, "encryption").is_none_or(|encryption| encryption.attribute("secret").is_none()) {
                tally.add(Outcome::Info, || {
                    Verdict::info("The TPM's state stands on the host without encryption.")
                        .and(format!("{}/encryption/@secret", domain.path(backend)), "(not set)")
                });
            }
        }
        Ok(tally.finish(|| {
            if emulated {
                Verdict::pass("The TPM's state is encrypted with a secret of libvirt's.")
            } else {
                Verdict::not_applicable("The VM has no emulated TPM.")
            }
        }))
    }),
};
