// SPDX-License-Identifier: LGPL-2.1-or-later
//! Password files and keys with which one reaches libvirt.

use crate::checks::{Apply, Area, Check, Judge, Severity, Verdict};
use crate::facts::access::HOST_KEY;
use crate::policy::Profile;

pub static SASL_DB: Check = Check {
    id: "access.sasl-db",
    title: "Only root reads libvirt's password database",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: &["https://libvirt.org/auth.html", "https://man.archlinux.org/man/saslpasswd2.8"],
    why: "The file /etc/libvirt/passwd.db holds, in the clear, the passwords with which users manage VMs from elsewhere. Whoever reads it manages all VMs, and so the host.",
    fix: "Run `chown root:root /etc/libvirt/passwd.db; chmod 600 /etc/libvirt/passwd.db`, and set new passwords with \
          `saslpasswd2 -a libvirt USER` where others could read it.",
    impact: "None: libvirt's daemon reads it as root.",
    apply: Apply::HostNow,
    needs: "the owner and mode of /etc/libvirt/passwd.db",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.access.sasl_db;
        let Some(file) = fact.get()? else {
            return Ok(Verdict::not_applicable("libvirt has no password database of its own (SASL).")
                .and(fact.origin(), "(does not exist)"));
        };
        let path = &file.path;
        let verdict = if file.mode & 0o006 != 0 || file.gid != 0 && file.mode & 0o060 != 0 {
            Verdict::fail(format!("{path} may be read or written by others than root (mode {:04o}).", file.mode))
        } else if file.uid != 0 {
            Verdict::warn(format!("{path} belongs to the user with the id {}, not to root.", file.uid))
        } else {
            Verdict::pass("Only root reads libvirt's password database.")
        };
        Ok(verdict.and(fact.origin(), file.shown()))
    }),
};

pub static CLIENT_KEYS: Check = Check {
    id: "access.tls-client-keys",
    title: "Private keys of libvirt's clients are private",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Access,
    basis: &["https://libvirt.org/kbase/tlscerts.html", "https://libvirt.org/manpages/virt-pki-validate.html"],
    why: "Whoever reads a client's key manages the VMs of every host that trusts it, as if he were that client.",
    fix: "Run `chmod 600 FILE`. Where others could read it, make a new key and certificate, and take the old one off the hosts' lists \
          (tls_allowed_dn_list).",
    impact: "Other users of this machine can no longer use that key.",
    apply: Apply::HostNow,
    needs: "the modes of /etc/pki/libvirt/private/clientkey.pem and ~/.pki/libvirt/clientkey.pem (administrative access)",
    judge: Judge::Host(|facts, _| {
        let fact = &facts.host.access.client_keys;
        let keys = fact.get()?;
        if keys.is_empty() {
            return Ok(
                Verdict::not_applicable("There is no private key of a client of libvirt.").and(fact.origin(), "(none)")
            );
        }
        let opened = keys.iter().filter(|(_, file)| file.others_may_read() || file.others_may_write());
        // All users of the host may connect with its own key: virt-pki-validate wants mode 0644 for that, and 0600 for a user's.
        let (shared, open): (Vec<_>, Vec<_>) =
            opened.partition(|(path, file)| *path == HOST_KEY && !file.others_may_write());
        let verdict = match (open.as_slice(), shared.as_slice()) {
            ([], []) => Verdict::pass("Private keys of libvirt's clients are private."),
            ([], [(path, file), ..]) => Verdict::info(format!(
                "Every user of this host may connect to others as this host: the key {path} is for all (mode {:04o}).",
                file.mode
            )),
            ([(path, file)], _) => {
                let may = if file.others_may_write() { "write" } else { "read" };
                Verdict::fail(format!("Every user may {may} the private key {path} (mode {:04o}).", file.mode))
            }
            ([(path, _), rest @ ..], _) => {
                Verdict::fail(format!("Every user may use the private key {path} and {} more.", rest.len()))
            }
        };
        Ok(keys.iter().take(8).fold(verdict, |verdict, (path, file)| verdict.and(format!("stat {path}"), file.shown())))
    }),
};
