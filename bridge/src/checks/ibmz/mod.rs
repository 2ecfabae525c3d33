// SPDX-License-Identifier: LGPL-2.1-or-later
//! IBM Z: Secure Execution, processor features, cryptographic coprocessors.

pub mod cpu;
pub mod crypto;
pub mod guest;
pub mod host;
pub mod secure;

use roxmltree::Node;

use super::vm::arch;
use super::{Domain, Judged, Verdict};
use crate::facts::Facts;

/// Judges VMs of IBM Z only.
fn only(facts: &Facts, domain: &Domain, judge: impl FnOnce() -> Judged) -> Judged {
    if arch(facts, domain)? == "s390x" { judge() } else { Ok(Verdict::not_applicable("The VM is not one of IBM Z.")) }
}

/// `<launchSecurity type='s390-pv'>`.
fn launch_security<'a, 'i>(domain: &'a Domain<'i>) -> Option<Node<'a, 'i>> {
    domain.find("launchSecurity").filter(|node| node.attribute("type") == Some("s390-pv"))
}

/// Judges VMs under Secure Execution only.
fn only_secure(facts: &Facts, domain: &Domain, judge: impl FnOnce() -> Judged) -> Judged {
    only(facts, domain, || {
        if launch_security(domain).is_some() {
            judge()
        } else {
            Ok(Verdict::not_applicable("The definition does not ask for Secure Execution."))
        }
    })
}
