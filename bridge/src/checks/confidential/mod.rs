// SPDX-License-Identifier: LGPL-2.1-or-later
//! Confidential computing on x86: memory that not even the host can read (AMD SEV and SEV-SNP, Intel TDX).

pub mod host;
pub mod launch;
pub mod policy;
pub mod start;
pub(super) mod virtio;

use roxmltree::Node;

use super::{Domain, Judged, Verdict};

/// Judges the VMs whose definition names one of these kinds of launch security.
fn only<'i>(domain: &Domain<'i>, kinds: &[&str], judge: impl FnOnce(Node<'_, 'i>, &str) -> Judged) -> Judged {
    match domain.find("launchSecurity").and_then(|node| Some((node, node.attribute("type")?))) {
        Some((node, kind)) if kinds.contains(&kind) => judge(node, kind),
        Some(_) => Ok(Verdict::not_applicable("The VM has another kind of launch security.")),
        None => Ok(Verdict::not_applicable("The VM's memory is not encrypted.")),
    }
}
