// SPDX-License-Identifier: LGPL-2.1-or-later
//! SELinux: its state in the kernel, and what the next boot makes of it.

use std::collections::BTreeMap;

use super::files::in_sys;
use super::host::{Boolean, Selinux, SelinuxMode};
use super::root::{Root, is_absent};
use super::{Fact, Gap, selinux_policy};

const FILE_SYSTEM: &str = "/sys/fs/selinux";
const CONFIG: &str = "/etc/selinux/config";

/// What differs whenever SELinux's mode, one of its booleans or its policy was changed: the kernel counts that for whoever asks often.
/// `None` without SELinux.
pub fn state(root: &Root) -> Option<Vec<u8>> {
    root.read_bytes(&format!("{FILE_SYSTEM}/status")).ok()
}

pub fn read(root: &Root) -> Selinux {
    Selinux {
        mode: mode(root).unwrap_or_else(Fact::Missing),
        configured: root.optional(CONFIG).map(|text| text.and_then(|text| configured(&text))),
        booleans: booleans(root).unwrap_or_else(Fact::Missing),
        stored_booleans: stored_booleans(root),
        permissive_types: permissive_types(root),
        hooks: hooks(root),
    }
}

fn mode(root: &Root) -> Result<Fact<SelinuxMode>, Gap> {
    if !in_sys(root, "/sys/fs", FILE_SYSTEM)? {
        return Ok(Fact::known(FILE_SYSTEM, SelinuxMode::Disabled));
    }
    Ok(root.fact(&format!("{FILE_SYSTEM}/enforce")).and_then(|text| match text.trim() {
        "1" => Ok(SelinuxMode::Enforcing),
        "0" => Ok(SelinuxMode::Permissive),
        _ => Err(format!("{FILE_SYSTEM}/enforce holds neither 0 nor 1")),
    }))
}

/// As libselinux reads it when the system starts: from the start of a line, and the first one with a value that it knows.
fn configured(text: &str) -> Option<String> {
    let values = || text.lines().filter_map(|line| line.strip_prefix("SELINUX="));
    for value in values() {
        for known in ["enforcing", "permissive", "disabled"] {
            if value.get(..known.len()).is_some_and(|start| start.eq_ignore_ascii_case(known)) {
                return Some(known.to_owned());
            }
        }
    }
    values().next().map(|value| value.trim().to_owned())
}

fn about_virtualization(name: &str) -> bool {
    name.contains("virt")
}

fn booleans(root: &Root) -> Result<Fact<BTreeMap<String, Boolean>>, Gap> {
    if !in_sys(root, "/sys/fs", FILE_SYSTEM)? {
        return Err(Gap::new(FILE_SYSTEM, "SELinux is disabled, so no policy is loaded"));
    }
    let directory = format!("{FILE_SYSTEM}/booleans");
    let mut booleans = BTreeMap::new();
    for name in root.list(&directory).map_err(|error| Gap::from_io(&directory, &error))? {
        if about_virtualization(&name) {
            let path = format!("{directory}/{name}");
            let text = root.read(&path).map_err(|error| Gap::from_io(&path, &error))?;
            let boolean = digits(&text).ok_or_else(|| Gap::new(&path, format!("{path} does not hold two digits")))?;
            booleans.insert(name, boolean);
        }
    }
    Ok(Fact::known(directory, booleans))
}

fn digits(text: &str) -> Option<Boolean> {
    let mut digits = text.split_whitespace().map(|digit| match digit {
        "1" => Some(true),
        "0" => Some(false),
        _ => None,
    });
    Some(Boolean { current: digits.next()??, pending: digits.next()?? })
}

fn permissive_types(root: &Root) -> Fact<Vec<String>> {
    match root.optional(CONFIG) {
        Fact::Known { value, .. } => {
            selinux_policy::permissive_types(root, &policy_type(value.as_deref().unwrap_or_default()))
        }
        Fact::Missing(gap) => gap.into(),
    }
}

/// Whether libvirt runs a script is its own mode's matter; a script that is there may be made executable.
fn hooks(root: &Root) -> Fact<Vec<String>> {
    const HOOKS: &str = "/etc/libvirt/hooks";
    let list = |directory: &str| match root.list(directory) {
        Ok(names) => Ok(names),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(Gap::from_io(directory, &error)),
    };
    let read = || -> Result<Vec<String>, Gap> {
        // Without libvirt's own directory nothing is known about its hooks.
        if !in_sys(root, "/etc/libvirt", HOOKS)? {
            return Ok(Vec::new());
        }
        let mut found = Vec::new();
        for name in list(HOOKS)? {
            let path = format!("{HOOKS}/{name}");
            match name.strip_suffix(".d") {
                Some(_) => found.extend(list(&path)?.into_iter().map(|script| format!("{path}/{script}"))),
                None => found.push(path),
            }
        }
        Ok(found)
    };
    read().map_or_else(Fact::Missing, |hooks| Fact::known(HOOKS, hooks))
}

/// Of the policy store that `setsebool -P` writes to: below `/var/lib/selinux`, on RHEL 7 below `/etc/selinux`.
fn stored_booleans(root: &Root) -> Fact<BTreeMap<String, bool>> {
    let policy = match root.optional(CONFIG) {
        Fact::Known { value, .. } => policy_type(value.as_deref().unwrap_or_default()),
        Fact::Missing(gap) => return Fact::Missing(gap),
    };
    for store in [format!("/var/lib/selinux/{policy}/active"), format!("/etc/selinux/{policy}/active")] {
        match root.exists(&store) {
            Ok(true) => {
                return root.optional(&format!("{store}/booleans.local")).map(|text| stored(&text.unwrap_or_default()));
            }
            Ok(false) => {}
            Err(error) if is_absent(&error) => {}
            Err(error) => return Gap::from_io(store, &error).into(),
        }
    }
    let path = format!("/var/lib/selinux/{policy}/active");
    Fact::missing(&path, format!("there is no policy store {path}"))
}

/// `SELINUXTYPE=`, the last one; `targeted` where none is set.
fn policy_type(text: &str) -> String {
    let mut found = "targeted";
    for line in text.lines().map(str::trim) {
        if let Some(value) = line.strip_prefix("SELINUXTYPE=") {
            let value = value.trim();
            // It becomes a part of a path.
            if !value.is_empty()
                && value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            {
                found = value;
            }
        }
    }
    found.to_owned()
}

fn stored(text: &str) -> BTreeMap<String, bool> {
    let mut booleans = BTreeMap::new();
    for line in text.lines() {
        if let Some((name, value)) = line.split_once('=') {
            let value = match value.trim() {
                "1" | "true" | "on" => true,
                "0" | "false" | "off" => false,
                _ => continue,
            };
            if about_virtualization(name) {
                booleans.insert(name.trim().to_owned(), value);
            }
        }
    }
    booleans
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_host_with_selinux() {
        let test = TestRoot::new();
        test.file("/sys/fs/selinux/enforce", "1")
            .file("/sys/fs/selinux/booleans/virt_use_nfs", "1 0")
            .file("/sys/fs/selinux/booleans/staff_use_svirt", "0 0")
            .file("/sys/fs/selinux/booleans/httpd_enable_cgi", "1 1")
            .file("/etc/selinux/config", "# SELINUX=disabled\nSELINUX=Enforcing \nSELINUXTYPE=mls\n")
            .file(
                "/var/lib/selinux/mls/active/booleans.local",
                "# generated\nvirt_use_nfs=1\nx=1\nvirt_use_samba=0\nvirt_bad\n",
            );
        let selinux = read(&test.root());
        assert_eq!(selinux.mode, Fact::known("/sys/fs/selinux/enforce", SelinuxMode::Enforcing));
        assert_eq!(selinux.configured, Fact::known(CONFIG, Some("enforcing".to_owned())));
        let booleans = selinux.booleans.get().unwrap();
        assert_eq!(booleans.keys().collect::<Vec<_>>(), ["staff_use_svirt", "virt_use_nfs"]);
        assert_eq!(booleans["virt_use_nfs"], Boolean { current: true, pending: false });
        let stored = selinux.stored_booleans.get().unwrap();
        assert_eq!(
            stored.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(),
            [("virt_use_nfs", true), ("virt_use_samba", false)]
        );
    }

    #[test]
    fn what_the_kernel_counts_is_compared_only() {
        let test = TestRoot::new();
        assert_eq!(state(&test.root()), None);
        // Version, sequence, enforcing, loads of the policy, deny_unknown: numbers of 32 bits.
        let status = [1, 0, 0, 0, 0xff, 0xff, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0];
        test.file("/sys/fs/selinux/status", status);
        assert_eq!(state(&test.root()), Some(status.to_vec()));
    }

    #[test]
    fn a_host_without_selinux_and_one_of_which_nothing_is_known() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).mode.get().unwrap_err().reason, "there is no /sys/fs");
        test.directory("/sys/fs/cgroup");
        let selinux = read(&test.root());
        assert_eq!(selinux.mode.value(), Some(&SelinuxMode::Disabled));
        assert_eq!(selinux.booleans.get().unwrap_err().reason, "SELinux is disabled, so no policy is loaded");
        assert_eq!(selinux.configured.value(), Some(&None));
        assert!(selinux.stored_booleans.get().unwrap_err().reason.contains("no policy store"));
    }

    #[test]
    fn an_unmounted_or_broken_selinux_file_system_is_not_a_disabled_one() {
        let test = TestRoot::new();
        test.directory("/sys/fs/selinux");
        assert!(read(&test.root()).mode.value().is_none());
        test.file("/sys/fs/selinux/enforce", b"\xff\0").file("/sys/fs/selinux/booleans/virt_use_nfs", "yes");
        let selinux = read(&test.root());
        assert!(selinux.mode.value().is_none());
        let reason = selinux.booleans.get().unwrap_err().reason;
        assert_eq!(reason, "/sys/fs/selinux/booleans/virt_use_nfs does not hold two digits");
    }

    #[test]
    fn the_configuration_is_read_as_libselinux_reads_it() {
        assert_eq!(configured(" SELINUX=permissive\nSELINUX=disabled\nSELINUX=enforcing").as_deref(), Some("disabled"));
        assert_eq!(configured("SELINUX=off\nSELINUXTYPE=mls").as_deref(), Some("off"));
        assert_eq!(configured("SELINUXTYPE=targeted"), None);
        assert_eq!(policy_type("SELINUXTYPE=../../etc"), "targeted");
    }

    #[test]
    fn hooks_of_libvirt() {
        let test = TestRoot::new();
        assert!(read(&test.root()).hooks.value().is_none());
        test.directory("/etc/libvirt/qemu");
        assert_eq!(read(&test.root()).hooks, Fact::known("/etc/libvirt/hooks", Vec::new()));
        test.file("/etc/libvirt/hooks/qemu", "")
            .file("/etc/libvirt/hooks/qemu.d/10-net", "")
            .directory("/etc/libvirt/hooks/lxc.d");
        let expected = ["/etc/libvirt/hooks/qemu", "/etc/libvirt/hooks/qemu.d/10-net"];
        assert_eq!(read(&test.root()).hooks.get().unwrap(), &expected);
    }

    #[test]
    fn a_store_without_local_booleans_is_known_and_empty() {
        let test = TestRoot::new();
        test.directory("/etc/selinux/targeted/active");
        assert!(read(&test.root()).stored_booleans.get().unwrap().is_empty());
    }
}
