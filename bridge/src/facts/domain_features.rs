// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt's domain capabilities say about protected VMs, TPMs and the host's processor model.

use std::collections::BTreeSet;

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

use super::Fact;

/// `None` where this libvirt has no such element: it says nothing about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DomainFeatures {
    /// The architecture that the document is about.
    pub arch: String,
    pub sev: Option<bool>,
    pub tdx: Option<bool>,
    pub sgx: Option<bool>,
    pub s390_pv: Option<bool>,
    /// Kinds of launch security that can be used (`sev`, `sev-snp`, `tdx`, `s390-pv`).
    pub launch_security: Option<BTreeSet<String>>,
    /// Features that the CPU model `host-model` stands for, without those that it switches off.
    pub host_model: BTreeSet<String>,
}

impl DomainFeatures {
    /// Whether the host can protect an x86 VM from itself; `None` when libvirt does not say.
    pub fn encrypts_x86(&self) -> Option<bool> {
        let kinds = self.launch_security.as_ref().map(|kinds| kinds.iter().any(|kind| kind != "s390-pv"));
        [self.sev, self.tdx, kinds].into_iter().flatten().reduce(|one, other| one || other)
    }
}

const ORIGIN: &str = "virsh domcapabilities";
/// No processor has more features.
const FEATURES: usize = 2000;

pub(super) fn read(capabilities: &Fact<String>) -> Fact<DomainFeatures> {
    let parsed = match capabilities {
        Fact::Known { value, .. } => parse(value),
        Fact::Missing(gap) => return gap.clone().into(),
    };
    match parsed {
        Ok(features) => Fact::known(ORIGIN, features),
        Err(reason) => Fact::missing(ORIGIN, reason),
    }
}

pub(super) fn parse(xml: &str) -> Result<DomainFeatures, String> {
    let document =
        Document::parse(xml).map_err(|error| format!("libvirt's domain capabilities do not parse ({error})"))?;
    let root = document.root_element();
    let features = child(root, "features");
    let supported = |name: &str| {
        let element = child(features?, name)?;
        Some(element.attribute("supported") == Some("yes"))
    };
    let launch_security = features.and_then(|features| child(features, "launchSecurity")).map(|element| {
        let kinds = element.children().filter(|node| node.attribute("name") == Some("sectype"));
        let values = kinds.flat_map(|kind| kind.children()).filter(|node| node.has_tag_name("value"));
        values.filter_map(|value| value.text()).take(FEATURES).map(str::to_owned).collect()
    });
    let modes = child(root, "cpu").into_iter().flat_map(|cpu| cpu.children());
    let host_model = modes.filter(|mode| mode.attribute("name") == Some("host-model"));
    let listed = host_model.flat_map(|mode| mode.children()).filter(|node| node.has_tag_name("feature"));
    let on = listed.filter(|feature| !matches!(feature.attribute("policy"), Some("disable" | "forbid")));
    Ok(DomainFeatures {
        arch: child(root, "arch").and_then(|arch| arch.text()).unwrap_or("").to_owned(),
        sev: supported("sev"),
        tdx: supported("tdx"),
        sgx: supported("sgx"),
        s390_pv: supported("s390-pv"),
        launch_security,
        host_model: on.filter_map(|feature| feature.attribute("name")).take(FEATURES).map(str::to_owned).collect(),
    })
}

fn child<'a, 'i>(node: Node<'a, 'i>, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amd_host_with_a_new_libvirt() {
        let xml = "<domainCapabilities><arch>x86_64</arch><cpu>
            <mode name='host-passthrough' supported='yes'/>
            <mode name='host-model' supported='yes'><model>EPYC</model>
              <feature policy='require' name='svm'/><feature policy='disable' name='monitor'/></mode>
            <mode name='custom' supported='yes'><feature name='no'/></mode></cpu>
          <features><sev supported='yes'><cbitpos>51</cbitpos></sev><sgx supported='no'/>
            <launchSecurity supported='yes'><enum name='sectype'><value>sev</value><value>sev-snp</value></enum></launchSecurity>
          </features></domainCapabilities>";
        let read = parse(xml).unwrap();
        assert_eq!((read.sev, read.sgx, read.tdx, read.s390_pv), (Some(true), Some(false), None, None));
        assert_eq!(read.launch_security.as_ref().unwrap().iter().collect::<Vec<_>>(), ["sev", "sev-snp"]);
        assert_eq!(read.host_model.iter().collect::<Vec<_>>(), ["svm"]);
        assert_eq!((read.arch.as_str(), read.encrypts_x86()), ("x86_64", Some(true)));
    }

    #[test]
    fn what_libvirt_does_not_say_is_not_known() {
        let nothing = parse("<domainCapabilities/>").unwrap();
        assert_eq!((nothing.sev, nothing.launch_security.as_ref(), nothing.encrypts_x86()), (None, None, None));
        let no = parse("<domainCapabilities><features><sev supported='no'/></features></domainCapabilities>").unwrap();
        assert_eq!(no.encrypts_x86(), Some(false));
        let z = "<a><features><launchSecurity><enum name='sectype'><value>s390-pv</value></enum></launchSecurity></features></a>";
        assert_eq!(parse(z).unwrap().encrypts_x86(), Some(false));
        let new = "<a><features><sev supported='no'/><tdx supported='yes'/></features></a>";
        assert_eq!(parse(new).unwrap().encrypts_x86(), Some(true));
    }

    #[test]
    fn a_document_that_does_not_parse_is_a_gap() {
        assert!(parse("<a>").unwrap_err().starts_with("libvirt's domain capabilities do not parse"));
        assert!(parse("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>").is_err());
        assert_eq!(read(&Fact::missing("x", "y")).get().unwrap_err().reason, "y");
    }
}
