// SPDX-License-Identifier: LGPL-2.1-or-later
//! How the host was booted, how far root may change its kernel, and whether a newer kernel waits.

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const EFI: &str = "/sys/firmware/efi";
const SECURE_BOOT: &str = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c";
const SECURITY: &str = "/sys/kernel/security";
const RELEASE: &str = "/proc/sys/kernel/osrelease";
/// Debian and Ubuntu make it when an update wants a reboot.
const REBOOT_REQUIRED: &str = "/run/reboot-required";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Boot {
    /// Booted by UEFI firmware.
    pub efi: Fact<bool>,
    /// The firmware checked the boot loader's signature; `None` where the firmware has no Secure Boot.
    pub secure_boot: Fact<Option<bool>>,
    /// The chosen word of `/sys/kernel/security/lockdown`: `none`, `integrity`, `confidentiality`; `None` without lockdown.
    pub lockdown: Fact<Option<String>>,
    /// The running kernel, as `uname -r` says it.
    pub release: Fact<String>,
    /// Kernels that are installed: with modules and an image.
    pub installed: Fact<Vec<String>>,
    pub reboot_required: Fact<bool>,
}

pub(super) fn read(root: &Root) -> Boot {
    Boot {
        efi: in_sys(root, "/sys/firmware", EFI).map_or_else(Fact::Missing, |efi| Fact::known(EFI, efi)),
        secure_boot: secure_boot(root).unwrap_or_else(Fact::Missing),
        lockdown: lockdown(root).unwrap_or_else(Fact::Missing),
        release: root.fact(RELEASE).map(|text| text.trim().to_owned()),
        installed: installed(root).unwrap_or_else(Fact::Missing),
        reboot_required: in_sys(root, "/run", REBOOT_REQUIRED)
            .map_or_else(Fact::Missing, |exists| Fact::known(REBOOT_REQUIRED, exists)),
    }
}

/// Four bytes of attributes, one of value.
fn secure_boot(root: &Root) -> Result<Fact<Option<bool>>, Gap> {
    if !in_sys(root, "/sys/firmware", EFI)? {
        return Ok(Fact::known(EFI, None));
    }
    let variables = "/sys/firmware/efi/efivars";
    if root.list(variables).map_err(|error| Gap::from_io(variables, &error))?.is_empty() {
        return Err(Gap::new(variables, format!("the firmware's variables are not mounted at {variables}")));
    }
    match root.read_start(SECURE_BOOT, 5) {
        Ok(bytes) => match bytes.get(4) {
            Some(0) => Ok(Fact::known(SECURE_BOOT, Some(false))),
            Some(1) => Ok(Fact::known(SECURE_BOOT, Some(true))),
            _ => Err(Gap::new(SECURE_BOOT, "the firmware's variable SecureBoot is neither 0 nor 1")),
        },
        Err(error) if is_absent(&error) => Ok(Fact::known(SECURE_BOOT, None)),
        Err(error) => Err(Gap::from_io(SECURE_BOOT, &error)),
    }
}

/// `none [integrity] confidentiality`. Where securityfs is mounted, it has at least the file `lsm`.
fn lockdown(root: &Root) -> Result<Fact<Option<String>>, Gap> {
    let path = format!("{SECURITY}/lockdown");
    let exists = |path: &str| root.exists(path).map_err(|error| Gap::from_io(path, &error));
    if !exists(&path)? {
        return if exists(&format!("{SECURITY}/lsm"))? {
            Ok(Fact::known(path, None))
        } else {
            Err(Gap::new(SECURITY, format!("the kernel's security file system is not mounted at {SECURITY}")))
        };
    }
    Ok(root.fact(&path).and_then(|text| {
        let chosen = text.split_whitespace().find_map(|word| word.strip_prefix('[')?.strip_suffix(']'));
        chosen.map(|word| Some(word.to_owned())).ok_or_else(|| format!("{path} chooses none of its words"))
    }))
}

/// A directory of modules alone may be left over from a removed kernel.
fn installed(root: &Root) -> Result<Fact<Vec<String>>, Gap> {
    let modules = "/lib/modules";
    let mut found = Vec::new();
    let releases = root.list(modules).map_err(|error| {
        if is_absent(&error) {
            Gap::new(modules, "no kernel is installed in /lib/modules")
        } else {
            Gap::from_io(modules, &error)
        }
    });
    for release in releases? {
        for image in [format!("{modules}/{release}/vmlinuz"), format!("/boot/vmlinuz-{release}")] {
            if root.exists(&image).map_err(|error| Gap::from_io(&image, &error))? {
                found.push(release);
                break;
            }
        }
    }
    Ok(Fact::known(modules, found))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_host_with_secure_boot() {
        let test = TestRoot::new();
        test.file(SECURE_BOOT, [6, 0, 0, 0, 1])
            .file("/sys/kernel/security/lockdown", "none [integrity] confidentiality\n")
            .file(RELEASE, "6.1\n")
            .file("/lib/modules/6.1/vmlinuz", "")
            .directory("/lib/modules/6.0")
            .directory("/lib/modules/6.2")
            .file("/boot/vmlinuz-6.2", "")
            .file(REBOOT_REQUIRED, "");
        let boot = read(&test.root());
        assert_eq!(boot.efi, Fact::known(EFI, true));
        assert_eq!(boot.secure_boot, Fact::known(SECURE_BOOT, Some(true)));
        assert_eq!(boot.lockdown.value(), Some(&Some("integrity".to_owned())));
        assert_eq!(boot.release, Fact::known(RELEASE, "6.1".to_owned()));
        assert_eq!(boot.installed.get().unwrap(), &["6.1", "6.2"]);
        assert_eq!(boot.reboot_required.value(), Some(&true));
        test.file(SECURE_BOOT, [6, 0, 0, 0, 0]);
        assert_eq!(read(&test.root()).secure_boot.value(), Some(&Some(false)));
    }

    #[test]
    fn a_host_with_neither_uefi_nor_lockdown() {
        let test = TestRoot::new();
        test.directory("/sys/firmware/acpi").file("/sys/kernel/security/lsm", "capability").directory("/run");
        let boot = read(&test.root());
        assert_eq!(boot.efi.value(), Some(&false));
        assert_eq!(boot.secure_boot.value(), Some(&None));
        assert_eq!(boot.lockdown.value(), Some(&None));
        assert_eq!(boot.reboot_required.value(), Some(&false));
        assert!(boot.installed.value().is_none());
        test.file("/sys/firmware/efi/efivars/Boot0000-x", "");
        assert_eq!(read(&test.root()).secure_boot, Fact::known(SECURE_BOOT, None));
    }

    #[test]
    fn what_is_not_mounted_or_broken_is_not_known() {
        let boot = read(&TestRoot::new().root());
        assert!(boot.efi.value().is_none() && boot.secure_boot.value().is_none());
        assert!(boot.reboot_required.value().is_none() && boot.lockdown.value().is_none());
        let test = TestRoot::new();
        test.directory("/sys/firmware/efi/efivars").file("/sys/kernel/security/lockdown", "none integrity");
        let boot = read(&test.root());
        assert!(boot.secure_boot.get().unwrap_err().reason.contains("not mounted"));
        assert!(boot.lockdown.get().unwrap_err().reason.contains("chooses none"));
        test.file(SECURE_BOOT, [6, 0, 0, 0]);
        assert!(read(&test.root()).secure_boot.get().unwrap_err().reason.contains("neither 0 nor 1"));
        test.file(SECURE_BOOT, [6, 0, 0, 0, 7]);
        assert!(read(&test.root()).secure_boot.value().is_none());
    }
}
