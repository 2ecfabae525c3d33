// SPDX-License-Identifier: LGPL-2.1-or-later
//! Firmware descriptors: what QEMU's distributors and the administrator say about each firmware image (`docs/interop/firmware.json`
//! of QEMU). libvirt chooses firmware by them.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// From general to specific: a file of the second hides one of the same name in the first.
const DIRECTORIES: [&str; 2] = ["/usr/share/qemu/firmware", "/etc/qemu/firmware"];
/// A distribution has about ten.
const FILES: usize = 256;
/// A descriptor has about one KiB.
const SIZE: u64 = 64 << 10;

/// In the order in which libvirt tries them: by file name, whichever directory they are in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Firmwares {
    pub descriptors: Vec<Descriptor>,
    /// Descriptors that could not be read, each with the reason.
    pub unread: Vec<String>,
}

/// One image, or an image with a template of variables.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Descriptor {
    pub path: String,
    /// `uefi`, `bios`.
    pub interfaces: Vec<String>,
    /// The image: `<loader>`.
    pub image: String,
    /// The variables that a new VM starts with: `<nvram template>`. `None` where the image keeps none, or keeps them in itself.
    pub template: Option<String>,
    /// `raw`, `qcow2`; empty for an image that is not flash.
    pub format: String,
    pub targets: Vec<FirmwareTarget>,
    /// `secure-boot`, `enrolled-keys`, `requires-smm` …
    pub features: Vec<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FirmwareTarget {
    pub architecture: String,
    /// Patterns: `pc-q35-*`.
    pub machines: Vec<String>,
}

impl Descriptor {
    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|other| other == feature)
    }

    pub fn is_uefi(&self) -> bool {
        self.interfaces.iter().any(|interface| interface == "uefi")
    }
}

/// The file as QEMU specifies it; what is not asked about is left out.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Document {
    interface_types: Vec<String>,
    mapping: Mapping,
    targets: Vec<FirmwareTarget>,
    features: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Mapping {
    mode: String,
    /// Of flash.
    executable: File,
    nvram_template: Option<File>,
    /// Of an image in memory.
    filename: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    filename: String,
    format: String,
}

pub(super) fn read(root: &Root) -> Fact<Firmwares> {
    let mut files = BTreeMap::new();
    let mut any = false;
    for directory in DIRECTORIES {
        match root.list(directory) {
            Ok(names) => {
                any = true;
                let json = |name: &String| {
                    !name.starts_with('.') && Path::new(name).extension().is_some_and(|end| end == "json")
                };
                files.extend(names.into_iter().filter(json).map(|name| (name, directory)));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Gap::from_io(directory, &error).into(),
        }
    }
    let origin = DIRECTORIES.join(", ");
    if !any {
        return Fact::missing(origin, "this host has no descriptions of its firmware images");
    }
    if files.len() > FILES {
        return Fact::missing(origin, format!("there are more than {FILES} descriptions of firmware images"));
    }
    let mut found = Firmwares::default();
    for (name, directory) in files {
        let path = format!("{directory}/{name}");
        match descriptor(root, &path) {
            Ok(Some(descriptor)) => found.descriptors.push(descriptor),
            Ok(None) => {}
            Err(reason) => found.unread.push(format!("{path}: {reason}")),
        }
    }
    Fact::known(origin, found)
}

/// `None` for an empty file, by which an administrator hides one of the distribution.
fn descriptor(root: &Root, path: &str) -> Result<Option<Descriptor>, String> {
    parse(&root.read_start(path, SIZE + 1).map_err(|error| error.to_string())?, path)
}

pub(super) fn parse(bytes: &[u8], path: &str) -> Result<Option<Descriptor>, String> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes.len() as u64 > SIZE {
        return Err("it is larger than 64 KiB".to_owned());
    }
    let document: Document = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let Mapping { mode, executable, nvram_template, filename } = document.mapping;
    let image = if executable.filename.is_empty() { filename } else { executable.filename };
    if image.is_empty() {
        return Err("it names no image".to_owned());
    }
    let template = nvram_template.filter(|_| matches!(mode.as_str(), "" | "split")).map(|file| file.filename);
    Ok(Some(Descriptor {
        path: path.to_owned(),
        interfaces: document.interface_types,
        image,
        template,
        format: executable.format,
        targets: document.targets,
        features: document.features,
    }))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const ENROLLED: &str = r#"{
        "description": "UEFI firmware for x86_64, with Secure Boot and SMM, SB enabled, MS certs enrolled",
        "interface-types": ["uefi"],
        "mapping": {
            "device": "flash", "mode": "split",
            "executable": {"filename": "/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "format": "raw"},
            "nvram-template": {"filename": "/usr/share/OVMF/OVMF_VARS_4M.ms.fd", "format": "raw"}
        },
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
        "features": ["acpi-s3", "enrolled-keys", "requires-smm", "secure-boot", "verbose-dynamic"],
        "tags": []
    }"#;
    const BIOS: &str = r#"{"interface-types": ["bios"], "mapping": {"device": "memory", "filename": "/usr/share/seabios/bios-256k.bin"},
        "targets": [{"architecture": "x86_64", "machines": ["pc-*"]}], "features": [], "tags": []}"#;

    #[test]
    fn descriptors_are_read_in_the_order_that_libvirt_tries_them() {
        let test = TestRoot::new();
        test.file("/usr/share/qemu/firmware/40-enrolled.json", ENROLLED);
        test.file("/etc/qemu/firmware/30-bios.json", BIOS);
        test.file("/usr/share/qemu/firmware/README", "not a descriptor");
        let firmwares = read(&test.root());
        let Firmwares { descriptors, unread } = firmwares.get().unwrap();
        assert!(unread.is_empty());
        assert_eq!(descriptors[0].path, "/etc/qemu/firmware/30-bios.json");
        assert_eq!(descriptors[0].image, "/usr/share/seabios/bios-256k.bin");
        assert!(!descriptors[0].is_uefi() && descriptors[0].template.is_none());
        let enrolled = &descriptors[1];
        assert!(enrolled.is_uefi() && enrolled.has("enrolled-keys") && !enrolled.has("amd-sev"));
        assert_eq!(enrolled.template.as_deref(), Some("/usr/share/OVMF/OVMF_VARS_4M.ms.fd"));
        assert_eq!(
            (enrolled.format.as_str(), &enrolled.targets[0].machines[..]),
            ("raw", &["pc-q35-*".to_owned()][..])
        );
        assert_eq!(descriptors.len(), 2);
    }

    #[test]
    fn an_administrators_file_replaces_or_hides_that_of_the_distribution() {
        let test = TestRoot::new();
        test.file("/usr/share/qemu/firmware/40-a.json", ENROLLED).file("/etc/qemu/firmware/40-a.json", BIOS);
        test.file("/usr/share/qemu/firmware/50-b.json", ENROLLED).file("/etc/qemu/firmware/50-b.json", "");
        let firmwares = read(&test.root());
        let paths: Vec<_> = firmwares.get().unwrap().descriptors.iter().map(|found| found.path.as_str()).collect();
        assert_eq!(paths, ["/etc/qemu/firmware/40-a.json"]);
    }

    #[test]
    fn an_image_without_variables_has_no_template() {
        let test = TestRoot::new();
        test.file("/usr/share/qemu/firmware/60-sev.json", ENROLLED.replace("split", "stateless"));
        assert_eq!(read(&test.root()).get().unwrap().descriptors[0].template, None);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let test = TestRoot::new();
        assert!(read(&test.root()).get().unwrap_err().reason.contains("no descriptions"));
        test.file("/usr/share/qemu/firmware/10-garbage.json", "{").file("/usr/share/qemu/firmware/20-list.json", "[]x");
        test.file("/usr/share/qemu/firmware/30-nothing.json", "{}").fifo("/usr/share/qemu/firmware/40-fifo.json");
        test.sparse("/usr/share/qemu/firmware/50-huge.json", 1 << 40);
        test.file("/usr/share/qemu/firmware/60-deep.json", "[".repeat(60_000));
        let firmwares = read(&test.root());
        let Firmwares { descriptors, unread } = firmwares.get().unwrap();
        assert!(descriptors.is_empty());
        assert_eq!(unread.len(), 6, "{unread:?}");
        assert!(unread.contains(&"/usr/share/qemu/firmware/50-huge.json: it is larger than 64 KiB".to_owned()));
    }

    #[test]
    fn a_flood_of_files_is_not_read() {
        let test = TestRoot::new();
        for number in 0..=FILES {
            test.file(&format!("/etc/qemu/firmware/{number}.json"), "");
        }
        assert!(read(&test.root()).get().unwrap_err().reason.contains("more than 256"));
    }
}
