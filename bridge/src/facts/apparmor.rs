// SPDX-License-Identifier: LGPL-2.1-or-later
//! AppArmor: whether the kernel uses it, and the profiles it has loaded.

use std::collections::BTreeMap;

use super::files::in_sys;
use super::host::Apparmor;
use super::root::Root;
use super::{Fact, Gap};

const ENABLED: &str = "/sys/module/apparmor/parameters/enabled";
const PROFILES: &str = "/sys/kernel/security/apparmor/profiles";

pub(super) fn read(root: &Root) -> Apparmor {
    let enabled = enabled(root).unwrap_or_else(Fact::Missing);
    // Where AppArmor is off there is no list of profiles, which is a list without one.
    let profiles = if enabled.value() == Some(&false) {
        Fact::known(ENABLED, BTreeMap::new())
    } else {
        root.fact(PROFILES).map(|text| profiles(&text))
    };
    Apparmor { enabled, profiles }
}

fn enabled(root: &Root) -> Result<Fact<bool>, Gap> {
    if !in_sys(root, "/sys/module", ENABLED)? {
        return Ok(Fact::known(ENABLED, false));
    }
    Ok(root.fact(ENABLED).and_then(|text| match text.trim() {
        "Y" => Ok(true),
        "N" => Ok(false),
        _ => Err(format!("{ENABLED} holds neither Y nor N")),
    }))
}

/// Lines `NAME (MODE)`; a name may hold blanks and parentheses itself.
fn profiles(text: &str) -> BTreeMap<String, String> {
    let line = |line: &str| {
        let (name, mode) = line.strip_suffix(')')?.rsplit_once(" (")?;
        Some((name.to_owned(), mode.to_owned()))
    };
    text.lines().filter_map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_host_with_apparmor() {
        let test = TestRoot::new();
        test.file(ENABLED, "Y\n").file(PROFILES, "libvirtd (enforce)\nodd (name) here (complain)\nbroken\n");
        let apparmor = read(&test.root());
        assert_eq!(apparmor.enabled, Fact::known(ENABLED, true));
        let profiles = apparmor.profiles.get().unwrap();
        assert_eq!(profiles["libvirtd"], "enforce");
        assert_eq!(profiles["odd (name) here"], "complain");
        assert_eq!(profiles.len(), 2);
    }

    #[test]
    fn off_absent_and_not_known() {
        let test = TestRoot::new();
        assert!(read(&test.root()).enabled.value().is_none());
        assert!(read(&test.root()).profiles.value().is_none());
        test.directory("/sys/module");
        let apparmor = read(&test.root());
        assert_eq!(apparmor.enabled.value(), Some(&false));
        assert!(apparmor.profiles.get().unwrap().is_empty());
        test.file(ENABLED, "maybe");
        assert!(read(&test.root()).enabled.value().is_none());
        test.file(ENABLED, "Y\n");
        assert!(read(&test.root()).profiles.value().is_none());
    }
}
