// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a host needs for Windows guests: a TPM emulator, and UEFI firmware with Secure Boot.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::files::in_sys;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const SWTPM: &str = "/usr/bin/swtpm";
/// Where QEMU's firmware is described, for libvirt to choose from. An empty file of the same name in an earlier one hides a later one.
const DESCRIPTIONS: [&str; 2] = ["/etc/qemu/firmware", "/usr/share/qemu/firmware"];
const FILES: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct WindowsSupport {
    /// swtpm, which needs libtpms, is installed.
    pub swtpm: Fact<bool>,
    /// UEFI firmware for `x86_64` whose description has the features `secure-boot` and `enrolled-keys`.
    pub secure_firmware: Fact<bool>,
}

pub(super) fn read(root: &Root) -> WindowsSupport {
    WindowsSupport {
        swtpm: match in_sys(root, "/usr/bin", SWTPM) {
            Ok(there) => Fact::known(SWTPM, there),
            Err(gap) => gap.into(),
        },
        secure_firmware: secure_firmware(root).into(),
    }
}

fn secure_firmware(root: &Root) -> Result<Fact<bool>, Gap> {
    let [local, shipped] = DESCRIPTIONS;
    // Without it there is no host to speak of.
    in_sys(root, "/usr/share", shipped)?;
    let mut hidden: Vec<String> = Vec::new();
    for directory in [local, shipped] {
        let names = match root.list(directory) {
            Err(error) if is_absent(&error) => continue,
            names => names.map_err(|error| Gap::from_io(directory, &error))?,
        };
        for name in names.into_iter().take(FILES).filter(|name| is_json(name)) {
            let path = format!("{directory}/{name}");
            let text = root.read(&path).map_err(|error| Gap::from_io(&path, &error))?;
            if !hidden.contains(&name) && is_secure(&text) {
                return Ok(Fact::known(path, true));
            }
            hidden.push(name);
        }
    }
    Ok(Fact::known(shipped, false))
}

fn is_json(name: &str) -> bool {
    Path::new(name).extension().is_some_and(|end| end == "json")
}

fn is_secure(text: &str) -> bool {
    let Ok(description) = serde_json::from_str::<Value>(text) else { return false };
    let array = |value: &Value, key: &str| value.get(key).and_then(Value::as_array).cloned().unwrap_or_default();
    let features = array(&description, "features");
    let targets = array(&description, "targets");
    ["secure-boot", "enrolled-keys"].iter().all(|wanted| features.iter().any(|feature| feature == wanted))
        && targets.iter().any(|target| target.get("architecture").is_some_and(|arch| arch == "x86_64"))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const SECURE: &str = r#"{"description": "UEFI", "interface-types": ["uefi"],
        "targets": [{"architecture": "x86_64", "machines": ["pc-q35-*"]}],
        "features": ["acpi-s3", "enrolled-keys", "requires-smm", "secure-boot"]}"#;

    #[test]
    fn a_host_that_is_ready() {
        let test = TestRoot::new();
        test.file("/usr/bin/swtpm", "").file("/usr/share/qemu/firmware/40-secure.json", SECURE);
        let read = read(&test.root());
        assert_eq!(read.swtpm, Fact::known(SWTPM, true));
        assert_eq!(read.secure_firmware, Fact::known("/usr/share/qemu/firmware/40-secure.json", true));
        // As an administrator switches it off.
        test.file("/etc/qemu/firmware/40-secure.json", "");
        assert_eq!(super::read(&test.root()).secure_firmware.value(), Some(&false));
    }

    #[test]
    fn a_host_that_is_not() {
        let test = TestRoot::new();
        test.directory("/usr/bin")
            .file("/usr/share/qemu/firmware/50-plain.json", SECURE.replace("enrolled-keys", "verbose"))
            .file("/usr/share/qemu/firmware/60-arm.json", SECURE.replace("x86_64", "aarch64"))
            .file("/usr/share/qemu/firmware/70-garbage.json", "\0{")
            .file("/usr/share/qemu/firmware/README", SECURE);
        let read = read(&test.root());
        assert_eq!((read.swtpm.value(), read.secure_firmware.value()), (Some(&false), Some(&false)));
    }

    #[test]
    fn a_description_that_cannot_be_read_is_a_missing_fact() {
        let test = TestRoot::new();
        test.sparse("/usr/share/qemu/firmware/a.json", 1 << 30);
        let read = read(&test.root());
        assert!(read.secure_firmware.value().is_none() && read.swtpm.value().is_none());
    }
}
