// SPDX-License-Identifier: LGPL-2.1-or-later
//! Brings together what lies on the disk for the VMs that were read.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::convert::Infallible;

use roxmltree::Document;
use serde::{Deserialize, Serialize};

use super::images::{self, Image, Want};
use super::leftovers::{self, Files, State, Tpm};
use super::meta::Meta;
use super::pools::child;
use super::root::Root;
use super::{Fact, Facts, Libvirt, Vm};
use crate::ahead;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Storage {
    /// All images that VMs name, those behind them, and the files of storage pools, by path.
    pub images: BTreeMap<String, Image>,
    /// The directories above them and those of pools; `None` for one that does not exist.
    pub directories: BTreeMap<String, Fact<Option<Meta>>>,
    pub dumps: Fact<Files>,
    pub core_dumps: Fact<Files>,
}

impl Facts {
    /// Reads the files of all VMs: images, NVRAM, what they left.
    pub fn attach_storage(&mut self, root: &Root) {
        let mut wanted = BTreeMap::new();
        let mut state: Option<State> = None;
        let mut named = Vec::with_capacity(self.vms.len());
        let Ok(()) = ahead::each::<_, _, Infallible>(
            &self.vms,
            |vm| Named::by(vm, &self.libvirt),
            |one| {
                named.push(one);
                Ok(())
            },
        );
        for (vm, Named { paths, tpm, without_nvram }) in self.vms.iter_mut().zip(named) {
            for (path, most) in paths {
                want(&mut wanted, &path, most);
            }
            let state = match &mut state {
                Some(state) if state.is_for(vm) => state,
                state => state.insert(State::new(root, &vm.connection)),
            };
            vm.left = state.of(vm, tpm);
            vm.left.nvram = if without_nvram { state.nvram(vm) } else { None };
            want(&mut wanted, vm.left.nvram.as_deref().unwrap_or_default(), Want::Nvram);
        }
        let used: Vec<String> = wanted.keys().cloned().collect();
        let nvram: Vec<String> =
            wanted.iter().filter(|(_, want)| **want == Want::Nvram).map(|(path, _)| path.clone()).collect();
        for pool in self.libvirt.pools.value().into_iter().flat_map(BTreeMap::values).filter(|pool| pool.has_files()) {
            want(&mut wanted, pool.path.as_deref().unwrap_or_default(), Want::Meta);
            for path in pool.volumes.values() {
                want(&mut wanted, path, Want::Image);
            }
        }
        let directories: BTreeSet<String> =
            wanted.keys().flat_map(|path| images::ancestors(path)).map(str::to_owned).collect();
        for directory in directories {
            want(&mut wanted, &directory, Want::Meta);
        }
        let mut found = images::read(root, self.host.mounts.value(), wanted);
        mark(&mut found.images, used);
        for path in nvram {
            if let Some(image) = found.images.get_mut(&path) {
                image.nvram = true;
            }
        }
        self.host.storage = Storage {
            images: found.images,
            directories: found.directories,
            dumps: leftovers::dumps(root, &self.host.config.qemu),
            core_dumps: leftovers::core_dumps(root),
        };
    }
}

/// What a VM's definitions name.
#[derive(Default)]
struct Named {
    paths: Vec<(String, Want)>,
    tpm: Option<Tpm>,
    /// libvirt finds a place for the variables when such a VM starts, and stores it in the definition in some releases only.
    without_nvram: bool,
}

impl Named {
    fn by(vm: &Vm, libvirt: &Libvirt) -> Self {
        let mut named = Self::default();
        for xml in [&vm.stored, &vm.live].into_iter().filter_map(|fact| fact.value()?.as_deref()) {
            if let Ok(document) = Document::parse(xml) {
                let tpm = sources(&document, libvirt, &mut named.paths);
                named.tpm = named.tpm.or(tpm);
                named.without_nvram |= is_efi_without_nvram(&document);
            }
        }
        named
    }
}

/// Notes a path with the most that anybody wants of it.
fn want(wanted: &mut BTreeMap<String, Want>, path: &str, want: Want) {
    if path.starts_with('/') && !path.contains('\0') {
        let entry = wanted.entry(path.to_owned()).or_insert(want);
        *entry = want.max(*entry);
    }
}

/// The images and the NVRAM that a definition names, and its TPM.
fn sources(document: &Document, libvirt: &Libvirt, paths: &mut Vec<(String, Want)>) -> Option<Tpm> {
    let root = document.root_element();
    if let Some(nvram) = child(root, "os").and_then(|os| child(os, "nvram")) {
        let path = child(nvram, "source").and_then(|source| source.attribute("file")).or(nvram.text());
        paths.push((path.unwrap_or_default().trim().to_owned(), Want::Nvram));
    }
    let devices = child(root, "devices")?;
    for disk in devices.children().filter(|node| node.has_tag_name("disk")) {
        for source in disk.descendants().filter(|node| node.has_tag_name("source")) {
            let volume = || libvirt.volume(source.attribute("pool")?, source.attribute("volume")?).ok();
            let path = source.attribute("file").or_else(|| source.attribute("dev")).or_else(volume);
            paths.push((path.unwrap_or_default().to_owned(), Want::Image));
        }
    }
    let tpm = child(devices, "tpm").and_then(|tpm| child(tpm, "backend"))?;
    let path = child(tpm, "source").and_then(|source| source.attribute("path")).filter(|path| path.starts_with('/'));
    let version_1 = tpm.attribute("version") == Some("1.2");
    (tpm.attribute("type") == Some("emulator")).then(|| Tpm { version_1, path: path.map(str::to_owned) })
}

fn is_efi_without_nvram(document: &Document) -> bool {
    let os = child(document.root_element(), "os");
    let loader = os.and_then(|os| child(os, "loader"));
    let efi = os.and_then(|os| os.attribute("firmware")) == Some("efi")
        || loader.and_then(|loader| loader.attribute("type")) == Some("pflash");
    efi && loader.and_then(|loader| loader.attribute("stateless")) != Some("yes")
        && os.and_then(|os| child(os, "nvram")).is_none()
}

/// Marks these images, those behind them, and other names of the same files.
fn mark(images: &mut BTreeMap<String, Image>, used: Vec<String>) {
    let mut queue = VecDeque::from(used);
    while let Some(path) = queue.pop_front() {
        let Some(image) = images.get_mut(&path).filter(|image| !image.used) else { continue };
        image.used = true;
        if let Some(content) = image.content.value() {
            let parents = [&content.backing, &content.data_file].into_iter().flatten();
            queue.extend(parents.filter_map(|parent| parent.path.clone()));
        }
    }
    let identity = |image: &Image| Some(image.meta.value()?.as_ref()?.identity.clone());
    let used: BTreeSet<String> = images.values().filter(|image| image.used).filter_map(identity).collect();
    for image in images.values_mut() {
        image.used |= identity(image).is_some_and(|identity| used.contains(&identity));
    }
}

#[cfg(test)]
#[path = "storage_tests.rs"]
mod tests;
