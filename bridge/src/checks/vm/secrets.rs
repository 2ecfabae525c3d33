// SPDX-License-Identifier: LGPL-2.1-or-later
//! Secrets in the definition.

use roxmltree::Node;

use super::Tally;
use crate::checks::domain::children;
use crate::checks::{Apply, Area, Check, Judge, Outcome, Severity, Verdict};
use crate::facts::NOT_RECORDED;
use crate::policy::Profile;

/// Namespace of what cockpit-machines notes about a VM that it is to install.
const MACHINES_NAMESPACE: &str = "https://github.com/cockpit-project/cockpit-machines";

pub static INSTALL: Check = Check {
    id: "vm.install-secrets",
    title: "The VM's metadata has no passwords",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Secrets,
    basis: &["https://github.com/cockpit-project/cockpit-machines", "https://libvirt.org/aclpolkit.html"],
    why: "A VM that was created in Cockpit from a cloud image, without starting it at once, keeps the passwords for the guest in its \
          metadata until it is installed. Metadata is part of the definition that libvirt shows to every local user who may \
          connect to its read-only socket.",
    fix: "Install the VM or delete it. If the elements stay, run `virsh metadata VM \
          https://github.com/cockpit-project/cockpit-machines --remove --config` (and `--live` while it runs). Then change the passwords \
          in the guest.",
    impact: "Cockpit forgets that the VM still has to be installed, and its Install button disappears.",
    apply: Apply::Live,
    needs: "<metadata> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let ours = |node: &Node| node.is_element() && node.tag_name().namespace() == Some(MACHINES_NAMESPACE);
        let data = domain.find("metadata").into_iter().flat_map(|metadata| metadata.children().filter(ours));
        for node in data.flat_map(|data| data.descendants().filter(ours)) {
            let what = match node.tag_name().name() {
                "root_password" => "the password of root",
                "user_password" => "the password of the user",
                "extra_arguments" => "",
                _ => continue,
            };
            if node.text().is_none_or(|text| text.trim().is_empty()) {
                continue;
            }
            // The value is a secret: it must not become evidence.
            let outcome = if what.is_empty() { Outcome::Warn } else { Outcome::Fail };
            tally.add(outcome, || {
                let message = if what.is_empty() {
                    "The VM's metadata holds arguments for the installation, which may contain passwords.".to_owned()
                } else {
                    format!("The VM's metadata holds {what} in clear.")
                };
                Verdict::new(outcome, message).and(domain.path(node), "(set, not shown)")
            });
        }
        Ok(tally.finish(|| Verdict::pass("The VM's metadata holds no installation passwords.")))
    }),
};

pub static SYSINFO: Check = Check {
    id: "vm.sysinfo-secrets",
    title: "No secrets are handed to the guest through its firmware",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatdomain.html", "https://systemd.io/CREDENTIALS/"],
    why: "SMBIOS strings, QEMU's firmware configuration and the kernel's arguments are a part of the definition, which libvirt shows to every local \
          user who may connect to its read-only socket. They stand in QEMU's command line and, in the guest, many programs can read them.",
    fix: "Delete the entry with `virsh edit VM`, and hand the secret over on a configuration disk (cloud-init) that you take away after the first start. \
          Then change the secret.",
    impact: "The guest no longer finds the secret at its next start.",
    apply: Apply::NextStart,
    needs: "<sysinfo> and <os><cmdline> in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let mut tally = Tally::default();
        let sysinfo = children(domain.root(), "sysinfo").flat_map(|sysinfo| sysinfo.descendants());
        for node in sysinfo.filter(|node| node.tag_name().name() == "entry").chain(domain.find("os/cmdline")) {
            let name = node.attribute("name").unwrap_or("");
            let message = if speaks_of_secret(name) || node.text().is_some_and(speaks_of_secret) {
                match node.tag_name().name() {
                    "entry" if name.is_empty() => "An SMBIOS string seems to hold a secret.".to_owned(),
                    "entry" => format!("The entry {name} of the VM's firmware seems to hold a secret."),
                    _ => "The arguments of the guest's kernel seem to hold a secret.".to_owned(),
                }
            } else {
                continue;
            };
            // The value is a secret: it must not become evidence.
            tally.add(Outcome::Warn, || Verdict::warn(message).and(domain.path(node), "(set, not shown)"));
        }
        Ok(tally.finish(|| Verdict::pass("Nothing that the guest gets through its firmware looks like a secret.")))
    }),
};

/// Whether a text names a secret, or is one that was not recorded.
fn speaks_of_secret(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    ["passw", "secret", "token=", "io.systemd.credential", "private key", NOT_RECORDED]
        .iter()
        .any(|word| lower.contains(word))
}
