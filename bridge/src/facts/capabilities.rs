// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt's own two documents say about the host, parsed once: `virsh capabilities` and `virsh domcapabilities`.

use std::collections::BTreeMap;

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};

use super::Fact;

/// Architecture to its machine types, each with whether QEMU calls it deprecated.
pub type MachineTypes = BTreeMap<String, BTreeMap<String, bool>>;

/// What `virsh capabilities` says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Capabilities {
    pub(super) security_models: Vec<String>,
    pub(super) machine_types: MachineTypes,
}

/// The kinds of devices that the host's QEMU was built with; `None` where this libvirt does not report one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DeviceKinds {
    /// The architecture that libvirt was asked about: the host's.
    pub arch: String,
    /// `vnc`, `spice`, `egl-headless` …
    pub graphics: Option<Vec<String>>,
    /// `vga`, `qxl`, `virtio` …
    pub video: Option<Vec<String>>,
}

pub(super) fn host(xml: &str) -> Result<Capabilities, String> {
    let document = Document::parse(xml).map_err(|error| format!("libvirt's capabilities do not parse ({error})"))?;
    let mut found = Capabilities::default();
    for node in document.root_element().children() {
        if node.has_tag_name("host") {
            let models = children(node, "secmodel").filter_map(|model| children(model, "model").next()?.text());
            found.security_models.extend(models.map(|name| name.trim().to_owned()));
        } else if node.has_tag_name("guest") {
            for arch in children(node, "arch") {
                let machines = found.machine_types.entry(arch.attribute("name").unwrap_or("").to_owned()).or_default();
                // A type that only one kind of VM has stands below that.
                for place in [Some(arch)].into_iter().chain(children(arch, "domain").map(Some)).flatten() {
                    for machine in children(place, "machine") {
                        let deprecated = machine.attribute("deprecated") == Some("yes");
                        let name = machine.text().unwrap_or("").trim();
                        *machines.entry(name.to_owned()).or_default() |= deprecated;
                    }
                }
            }
        }
    }
    Ok(found)
}

pub(super) fn devices(fact: &Fact<String>) -> Fact<DeviceKinds> {
    fact.clone().and_then(|xml| {
        let document =
            Document::parse(&xml).map_err(|error| format!("libvirt's domain capabilities do not parse ({error})"))?;
        let root = document.root_element();
        let arch = children(root, "arch").next().and_then(|node| node.text()).unwrap_or("").trim().to_owned();
        let devices = children(root, "devices").next();
        let kinds = |device: &str, list: &str| {
            let node = children(devices?, device).next()?;
            let values = children(node, "enum").find(|node| node.attribute("name") == Some(list))?;
            Some(children(values, "value").filter_map(|value| Some(value.text()?.trim().to_owned())).collect())
        };
        Ok(DeviceKinds { arch, graphics: kinds("graphics", "type"), video: kinds("video", "modelType") })
    })
}

fn children<'a, 'i: 'a>(node: Node<'a, 'i>, name: &'a str) -> impl Iterator<Item = Node<'a, 'i>> + 'a {
    node.children().filter(move |child| child.has_tag_name(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_types_are_known_by_architecture() {
        let found = host(
            "<capabilities><host><secmodel><model>selinux</model><doi>0</doi></secmodel><secmodel><model> dac </model></secmodel></host>
            <guest><os_type>hvm</os_type><arch name='x86_64'><wordsize>64</wordsize><machine maxCpus='255' deprecated='yes'>pc-i440fx-2.0</machine>
            <machine canonical='pc-q35-7.2' maxCpus='288'>q35</machine><domain type='qemu'/>
            <domain type='kvm'><machine maxCpus='1'>pc-q35-7.2</machine><machine deprecated='no'>q35</machine></domain></arch></guest>
            <guest><arch name='s390x'><machine>s390-ccw-virtio-7.2</machine></arch></guest></capabilities>",
        )
        .unwrap();
        assert_eq!(found.security_models, ["selinux", "dac"]);
        let x86 = &found.machine_types["x86_64"];
        assert_eq!((x86["pc-i440fx-2.0"], x86["q35"], x86["pc-q35-7.2"]), (true, false, false));
        assert_eq!(x86.len(), 3);
        assert!(found.machine_types["s390x"].contains_key("s390-ccw-virtio-7.2"));
    }

    #[test]
    fn documents_that_say_nothing_or_are_garbage() {
        assert_eq!(host("<capabilities/>").unwrap(), Capabilities::default());
        assert!(host("<capabilities>").unwrap_err().contains("do not parse"));
        assert!(host("<!DOCTYPE a [<!ENTITY b 'c'>]><capabilities>&b;</capabilities>").is_err());
        let gap = devices(&Fact::known("virsh domcapabilities", "<a>".to_owned())).get().unwrap_err();
        assert!(gap.reason.contains("do not parse"));
        assert_eq!(devices(&Fact::known("", "<a/>".to_owned())).value(), Some(&DeviceKinds::default()));
        assert!(devices(&Fact::missing("", "refused")).value().is_none());
    }

    #[test]
    fn the_kinds_of_devices_are_those_of_the_enumerations() {
        let xml = "<domainCapabilities><path>/usr/libexec/qemu-kvm</path><arch>x86_64</arch><devices>
            <graphics supported='yes'><enum name='other'/><enum name='type'><value>vnc</value><value>egl-headless</value></enum></graphics>
            <video supported='yes'><enum name='heads'/></video></devices></domainCapabilities>";
        let kinds = devices(&Fact::known("virsh domcapabilities", xml.to_owned()));
        let kinds = kinds.get().unwrap();
        assert_eq!(kinds.arch, "x86_64");
        assert_eq!(kinds.graphics.as_deref(), Some(&["vnc".to_owned(), "egl-headless".to_owned()][..]));
        assert_eq!(kinds.video, None);
    }
}
