// SPDX-License-Identifier: LGPL-2.1-or-later
//! libvirt's secrets: keys of disks, passwords of storage.

use crate::checks::vm::Tally;
use crate::checks::{Apply, Area, Check, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static FLAGS: Check = Check {
    id: "storage.secret-flags",
    title: "Secrets are private",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatsecret.html"],
    why: "A secret without `private='yes'` is handed to whoever may manage VMs: `virsh secret-get-value` shows the key of a disk. One that is not ephemeral also lies in \
          /etc/libvirt/secrets, encoded but not encrypted by most releases of libvirt, and goes into each backup of that directory.",
    fix: "Run `virsh secret-dumpxml UUID`, set `private='yes'` in it, and `virsh secret-define FILE`; the value stays. With `ephemeral='yes'` the value is kept in memory only and must be \
          set anew with `virsh secret-set-value` after each restart of libvirt's daemon.",
    impact: "Nobody can read a private secret back from libvirt: keep the value in a safe place. VMs with an ephemeral secret do not start before it is set.",
    apply: Apply::Live,
    needs: "libvirt's secrets, without their values",
    judge: Judge::Host(|facts, _| flags(facts)),
};

fn flags(facts: &Facts) -> Judged {
    let secrets = facts.libvirt.secrets.get()?;
    if secrets.is_empty() {
        return Ok(Verdict::not_applicable("libvirt has no secrets.").and(facts.libvirt.secrets.origin(), "none"));
    }
    let mut tally = Tally::default();
    for (uuid, secret) in secrets {
        let usage = if secret.usage.is_empty() { String::new() } else { format!(" (usage {})", secret.usage) };
        let origin = |name: &str| format!("virsh secret-dumpxml {uuid}: /secret/@{name}");
        if !secret.private {
            tally.add(Outcome::Warn, || {
                Verdict::warn(format!("libvirt gives the secret {uuid}{usage} to whoever may manage VMs."))
                    .and(origin("private"), "no")
            });
        } else if !secret.ephemeral {
            tally.add(Outcome::Info, || {
                Verdict::info(format!("The secret {uuid}{usage} is private and stored in /etc/libvirt/secrets."))
                    .and(origin("ephemeral"), "no")
            });
        }
    }
    Ok(tally.finish(|| Verdict::pass("All secrets are private and kept in memory only.")))
}
