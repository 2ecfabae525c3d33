// SPDX-License-Identifier: LGPL-2.1-or-later
//! Secrets in the definition.

use roxmltree::Node;

use super::Tally;
use crate::checks::{Apply, Area, Check, Judge, Outcome, Severity, Verdict};
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
