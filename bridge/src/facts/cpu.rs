// SPDX-License-Identifier: LGPL-2.1-or-later
//! The processor as far as guests are concerned: what the host's has, and what libvirt's models of processors have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::files::cpuinfo;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const MODELS: &str = "/usr/share/libvirt/cpu_map";
/// libvirt has about a hundred models of x86 processors, and several versions of some.
const MODEL_LIMIT: usize = 2000;
/// A model that is made from another, which is made from another …
const DEPTH_LIMIT: usize = 16;

/// What `/proc/cpuinfo` calls the features that are looked at.
const FLAGS: [&str; 9] = ["arch_capabilities", "ibpb", "ibrs", "md_clear", "ssbd", "stibp", "virt_ssbd", "svm", "vmx"];
/// What libvirt calls them, and those that a guest may have instead.
const FEATURES: [&str; 15] = [
    "amd-no-ssb",
    "amd-ssbd",
    "amd-stibp",
    "arch-capabilities",
    "ibpb",
    "ibrs",
    "md-clear",
    "mds-no",
    "spec-ctrl",
    "ssb-no",
    "ssbd",
    "stibp",
    "svm",
    "virt-ssbd",
    "vmx",
];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Cpu {
    /// Flags of the first processor in `/proc/cpuinfo`, of those that matter to guests.
    pub flags: Fact<BTreeSet<String>>,
    /// How many processors are online.
    pub online: Fact<u32>,
    /// libvirt's models of x86 processors to those of their features that matter here, in libvirt's names.
    pub models: Fact<BTreeMap<String, BTreeSet<String>>>,
}

pub(super) fn read(root: &Root) -> Cpu {
    Cpu {
        flags: flags(root),
        online: root.fact("/sys/devices/system/cpu/online").and_then(|text| {
            count(text.trim()).ok_or_else(|| "/sys/devices/system/cpu/online is not a list of numbers".to_owned())
        }),
        models: models(root).map_or_else(Fact::Missing, |models| Fact::known(MODELS, models)),
    }
}

fn flags(root: &Root) -> Fact<BTreeSet<String>> {
    cpuinfo(root, "flags")
        .map(|line| line.split_whitespace().filter(|flag| FLAGS.contains(flag)).map(str::to_owned).collect())
}

/// How many numbers a list such as `0-3,8` has.
fn count(list: &str) -> Option<u32> {
    list.split(',').try_fold(0_u32, |sum, range| {
        let (first, end) = range.split_once('-').unwrap_or((range, range));
        let (first, end): (u32, u32) = (first.parse().ok()?, end.parse().ok()?);
        sum.checked_add(end.checked_sub(first)?.checked_add(1)?)
    })
}

fn is_xml(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "xml")
}

/// A model as its file has it.
struct Model {
    base: Option<String>,
    added: Vec<String>,
    removed: Vec<String>,
}

fn models(root: &Root) -> Result<BTreeMap<String, BTreeSet<String>>, Gap> {
    let names = root.list(MODELS).map_err(|error| {
        if is_absent(&error) {
            Gap::new(MODELS, format!("there is no {MODELS}, in which libvirt describes its models of processors"))
        } else {
            Gap::from_io(MODELS, &error)
        }
    })?;
    let mut found = BTreeMap::new();
    for name in names.iter().filter(|name| name.starts_with("x86_") && is_xml(name)).take(MODEL_LIMIT) {
        let path = format!("{MODELS}/{name}");
        let text = root.read(&path).map_err(|error| Gap::from_io(&path, &error))?;
        let document = roxmltree::Document::parse(&text)
            .map_err(|error| Gap::new(&path, format!("{path} does not parse ({error})")))?;
        for node in document.root_element().children().filter(|node| node.has_tag_name("model")) {
            if let Some(name) = node.attribute("name") {
                found.insert(name.to_owned(), model(node));
            }
        }
    }
    Ok(found.keys().filter_map(|name| Some((name.clone(), resolve(&found, name, DEPTH_LIMIT)?))).collect())
}

fn model(node: roxmltree::Node) -> Model {
    let mut model = Model { base: None, added: Vec::new(), removed: Vec::new() };
    for child in node.children() {
        let Some(name) = child.attribute("name") else { continue };
        match child.tag_name().name() {
            "model" => model.base = Some(name.to_owned()),
            "feature" if FEATURES.contains(&name) => {
                let removed = child.attribute("removed") == Some("yes");
                if removed { &mut model.removed } else { &mut model.added }.push(name.to_owned());
            }
            _ => {}
        }
    }
    model
}

/// `None` when a model's base is not described.
fn resolve(models: &BTreeMap<String, Model>, name: &str, depth: usize) -> Option<BTreeSet<String>> {
    let model = models.get(name)?;
    let mut features = match &model.base {
        Some(base) => resolve(models, base, depth.checked_sub(1)?)?,
        None => BTreeSet::new(),
    };
    features.extend(model.added.iter().cloned());
    features.retain(|feature| !model.removed.contains(feature));
    Some(features)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_usual_processor() {
        let test = TestRoot::new();
        test.file(
            "/proc/cpuinfo",
            "processor\t: 0\nflags\t\t: fpu vmx ibrs md_clear\n\nprocessor\t: 1\nflags\t\t: svm\n",
        )
        .file("/sys/devices/system/cpu/online", "0-3,8\n")
        .directory("/sys/module/kvm_intel/parameters");
        let cpu = read(&test.root());
        assert_eq!(cpu.flags, Fact::known("/proc/cpuinfo: flags", set(["ibrs", "md_clear", "vmx"])));
        assert_eq!(cpu.online.value(), Some(&5));
        let reason = cpu.models.get().unwrap_err().reason;
        assert!(reason.starts_with("there is no /usr/share/libvirt/cpu_map"), "{reason}");
    }

    #[test]
    fn an_empty_root_says_nothing_and_a_host_without_kvm_has_no_nesting() {
        let test = TestRoot::new();
        let cpu = read(&test.root());
        assert!(cpu.flags.value().is_none() && cpu.online.value().is_none());
        test.directory("/sys/module");
    }

    #[test]
    fn models_inherit_and_take_away() {
        let test = TestRoot::new();
        let file = |name: &str, inside: &str| {
            let path = format!("{MODELS}/x86_{name}.xml");
            test.file(&path, format!("<cpus><model name='{name}'>{inside}</model></cpus>"));
        };
        file("Base", "<feature name='svm'/><feature name='ibpb'/><feature name='aes'/>");
        file("New", "<model name='Base'/><feature name='svm' removed='yes'/><feature name='amd-ssbd' added='yes'/>");
        file("Lost", "<model name='Nowhere'/>");
        file("Loop", "<model name='Loop'/>");
        test.file(&format!("{MODELS}/arm_a.xml"), "<").file(&format!("{MODELS}/x86_note.txt"), "<");
        let models = read(&test.root()).models;
        let expected =
            BTreeMap::from([("Base".to_owned(), set(["ibpb", "svm"])), ("New".to_owned(), set(["amd-ssbd", "ibpb"]))]);
        assert_eq!(models, Fact::known(MODELS, expected));
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "flags\u{1b}[31m")
            .file("/sys/devices/system/cpu/online", "0-4294967295")
            .file(&format!("{MODELS}/x86_a.xml"), "<!DOCTYPE d [<!ENTITY a 'b'>]><cpus>&a;</cpus>");
        let cpu = read(&test.root());
        assert_eq!(cpu.flags.get().unwrap_err().reason, "/proc/cpuinfo has no line about flags");
        for list in ["0-4294967295", "3-1", "", "x", "0-2,4294967290-4294967295,0-4294967290"] {
            assert_eq!(count(list), None, "{list}");
        }
        assert!(cpu.online.value().is_none());
        assert!(cpu.models.get().unwrap_err().reason.contains("does not parse"));
    }
}
