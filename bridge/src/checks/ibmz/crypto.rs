// SPDX-License-Identifier: LGPL-2.1-or-later
//! Cryptographic coprocessors that are handed to a VM, and the wrapping of its keys.

use std::collections::BTreeMap;

use crate::checks::domain::{child, children};
use crate::checks::vm::Tally;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

pub static AP: Check = Check {
    id: "z.crypto-ap",
    title: "Cryptographic coprocessors are given to one VM only",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Devices,
    basis: &[
        "attaching-cryptographic-coprocessors-to-virtual-machines-on-ibm-z",
        "https://docs.kernel.org/arch/s390/vfio-ap.html",
    ],
    why: "A queue of a coprocessor holds master keys. Whoever else can use the queue, another VM or the host, can use the keys.",
    fix: "Take the queues from the host with `chzdev -t ap apmask=-5 aqmask=-4,-171` (and once more with `-p`, to keep it), see with `lszcrypt \
          -V` that their driver is vfio_ap, make one mediated device for each VM with `virsh nodedev-define` and `virsh nodedev-autostart`, and \
          attach it with `virsh attach-device VM FILE --config`.",
    impact: "Programs on the host cannot use these queues any more. VMs with coprocessors migrate only with more preparations.",
    apply: Apply::Manual,
    needs: "//hostdev in the definition, /sys/devices/vfio_ap/matrix, /sys/bus/ap/devices and /etc/mdevctl.d/matrix",
    judge: Judge::Definition(|facts, _, domain| ap(facts, domain)),
};

fn ap(facts: &Facts, domain: &Domain) -> Judged {
    let mut devices =
        domain.devices("hostdev").filter(|device| device.attribute("model") == Some("vfio-ap")).peekable();
    if devices.peek().is_none() {
        return Ok(Verdict::not_applicable("The VM has no cryptographic coprocessor."));
    }
    let s390 = &facts.host.s390;
    let (matrices, drivers, kept) = (s390.matrices.get()?, s390.queues.get()?, s390.kept_matrices.get()?);
    let mut owners: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (uuid, queues) in matrices {
        for queue in queues {
            owners.entry(queue).or_default().push(uuid);
        }
    }
    let mut tally = Tally::default();
    for device in devices {
        let address = child(device, "source").and_then(|source| child(source, "address"));
        let Some((address, uuid)) = address.and_then(|address| Some((address, address.attribute("uuid")?))) else {
            return Err(Gap::new(domain.path(device), "the definition names no UUID of the mediated device"));
        };
        let mut add = |outcome, origin: &str, value: &str, message: &dyn Fn() -> String| {
            tally.add(outcome, || {
                Verdict::new(outcome, message()).because([domain.evidence(address, "uuid")]).and(origin, value)
            });
        };
        let Some(own) = matrices.get(uuid) else {
            add(Outcome::Warn, s390.matrices.origin(), "(not there)", &|| {
                format!("The mediated device {uuid} does not exist now, so that the VM cannot use it.")
            });
            continue;
        };
        for queue in own {
            let mut users = owners.get(queue.as_str()).into_iter().flatten();
            if let Some(other) = users.find(|other| **other != uuid) {
                add(Outcome::Fail, s390.matrices.origin(), other, &|| {
                    format!("The queue {queue} belongs to the mediated device {other} too.")
                });
            }
            match drivers.get(queue).map(Option::as_deref) {
                Some(Some("vfio_ap")) => {}
                Some(driver) => {
                    let driver = driver.unwrap_or("none");
                    add(Outcome::Fail, s390.queues.origin(), driver, &|| {
                        format!("The queue {queue} is not kept for VMs: its driver is {driver}, not vfio_ap.")
                    });
                }
                None => add(Outcome::Warn, s390.queues.origin(), "(not there)", &|| {
                    format!("The host has no queue {queue} that the mediated device {uuid} names.")
                }),
            }
        }
        if own.is_empty() {
            add(Outcome::Warn, s390.matrices.origin(), "(none)", &|| {
                format!("The mediated device {uuid} has no queue.")
            });
        }
        if !kept.contains(uuid) {
            add(Outcome::Warn, s390.kept_matrices.origin(), "(not there)", &|| {
                format!("The mediated device {uuid} is gone after a restart of the host: mdevctl does not know it.")
            });
        }
    }
    Ok(tally.finish(|| Verdict::pass("The queues of the VM's coprocessor are its own.")))
}

pub static KEYWRAP: Check = Check {
    id: "z.keywrap",
    title: "The guest's keys are wrapped",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatdomain.html#key-wrap"],
    why: "With protected keys a guest never sees its own keys in the clear: the firmware wraps them with a key that only this VM has. Switched \
          off, the guest's programs keep clear keys in memory.",
    fix: "Run `virsh edit VM` and delete `<keywrap>`; without it both AES and DEA are granted.",
    impact: "None for guests that do not use protected keys.",
    apply: Apply::NextStart,
    needs: "<keywrap> in the definition",
    judge: Judge::Definition(|facts, _, domain| super::only(facts, domain, || Ok(keywrap(domain)))),
};

fn keywrap(domain: &Domain) -> Verdict {
    let mut tally = Tally::default();
    let ciphers = domain.find("keywrap").into_iter().flat_map(|keywrap| children(keywrap, "cipher"));
    for cipher in ciphers.filter(|cipher| cipher.attribute("state") == Some("off")) {
        tally.add(Outcome::Warn, || {
            let name = cipher.attribute("name").unwrap_or("a cipher");
            Verdict::warn(format!("The wrapping of protected keys is switched off for {name}."))
                .because([domain.evidence(cipher, "state")])
        });
    }
    tally.finish(|| Verdict::pass("The guest can use protected keys."))
}
