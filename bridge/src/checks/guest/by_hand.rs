// SPDX-License-Identifier: LGPL-2.1-or-later
//! What only a look into the guest can tell. These rows say what to look at; they never pass.

use super::agent::channel;
use super::silent;
use crate::checks::vm::arch;
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

pub static HARDENED: Check = Check {
    id: "guest.hardened-as-physical",
    title: "The guest is secured like a physical machine",
    severity: Severity::Medium,
    profile: Profile::Baseline,
    area: Area::Guest,
    basis: &["best-practices-for-securing-virtual-machines"],
    why: "Most attacks on a VM come over its network and its users, as on any machine. No setting of the host stops an attacker who \
          logs in to a guest with a weak password or through an old service.",
    fix: "Secure the guest as its maker says; for RHEL that is its guide on security hardening. Scan it with OpenSCAP in the guest, for \
          example `oscap xccdf eval --profile cis --report report.html /usr/share/xml/scap/ssg/content/ssg-rhel9-ds.xml`, and repeat that every half year.",
    impact: "A scan changes nothing. What it recommends has a cost of its own in each case.",
    apply: Apply::Manual,
    needs: "The guest itself; nothing on the host shows it",
    judge: Judge::Definition(|_, _, _| {
        Ok(Verdict::info(
            "How well the guest is secured inside is not visible from the host: scan it with OpenSCAP, or by its maker's guide.",
        ))
    }),
};

pub static SECURE_BOOT_STATE: Check = Check {
    id: "guest.secure-boot-state",
    title: "The guest confirms that Secure Boot is on",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Guest,
    basis: &["creating-a-secureboot-virtual-machine"],
    why: "A definition that demands Secure Boot is the host's side. In the guest's firmware menu it can still be switched off, and then any \
          boot loader starts.",
    fix: "In a Linux guest run `mokutil --sb-state`: it must print `SecureBoot enabled`. In Windows run `Confirm-SecureBootUEFI` in an \
          administrator's PowerShell: it must print `True`.",
    impact: "None; both only look.",
    apply: Apply::Manual,
    needs: "<os> in the definition; the rest stands in the guest",
    judge: Judge::Definition(|facts, _, domain| secure_boot_state(facts, domain)),
};

fn secure_boot_state(facts: &Facts, domain: &Domain) -> Judged {
    if arch(facts, domain)? != "x86_64" {
        return Ok(Verdict::not_applicable("Secure Boot is for x86_64, and this VM has another architecture."));
    }
    if domain.find("launchSecurity").is_some() {
        return Ok(Verdict::not_applicable(
            "The guest's owner verifies its start by measurement (launch security) instead.",
        ));
    }
    if domain.attribute("os", "firmware") != Some("efi") && domain.find("os/loader").is_none() {
        return Ok(Verdict::not_applicable("The VM boots with BIOS firmware, which has no Secure Boot."));
    }
    let message = match domain.guest_os() {
        Some(id) if id.starts_with("http://microsoft.com/win") => {
            "Look in the guest whether Secure Boot is on: `Confirm-SecureBootUEFI` must print `True`."
        }
        _ => "Look in the guest whether Secure Boot is on: `mokutil --sb-state` must print `SecureBoot enabled`.",
    };
    Ok(Verdict::info(message))
}

pub static DISK_CRYPTO: Check = Check {
    id: "guest.disk-crypto-claim",
    title: "The guest says that it encrypts its disks",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &["https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainGetGuestInfo"],
    why: "A guest that encrypts its disks itself keeps their contents from whoever copies an image or a backup of it. What a guest says \
          about that is its claim, and BitLocker is not visible in it at all.",
    fix: "Install the guest with encrypted disks (LUKS, BitLocker), and bind the key to an emulated TPM.",
    impact: "Somebody has to have the recovery key; without a TPM somebody has to type a passphrase at each start.",
    apply: Apply::Manual,
    needs: "//channel in the definition, and the disks that the guest agent reports (virsh guestinfo --disk)",
    judge: Judge::Definition(|_, vm, domain| disk_crypto(vm, domain)),
};

fn disk_crypto(vm: &Vm, domain: &Domain) -> Judged {
    if channel(domain).is_none() {
        return Ok(Verdict::not_applicable(
            "The VM has no channel for a guest agent, so that its guest claims nothing.",
        ));
    }
    if let Some(silent) = silent(vm)? {
        return Ok(silent);
    }
    let disks = vm.guest.disks.get()?;
    // The names that installers give to what dm-crypt opens: `luks-UUID`, `vda3_crypt`, `cryptroot`.
    let encrypted = disks.iter().find(|name| {
        let name = name.to_ascii_lowercase();
        name.contains("luks") || name.contains("crypt")
    });
    Ok(match encrypted {
        Some(name) => Verdict::info("The guest reports a disk that is named as an encrypted one.")
            .and(vm.guest.disks.origin(), name.as_str()),
        None => Verdict::info("The guest reports no disk that is named as an encrypted one, which proves nothing.")
            .and(vm.guest.disks.origin(), format!("{} names", disks.len())),
    })
}
