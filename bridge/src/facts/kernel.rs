// SPDX-License-Identifier: LGPL-2.1-or-later
//! The running kernel: its command line, its configuration, the processor's weaknesses, page merging.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::files::in_sys;
use super::host::Kernel;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

const VULNERABILITIES: &str = "/sys/devices/system/cpu/vulnerabilities";
const KSM: &str = "/sys/kernel/mm/ksm";

pub(super) fn read(root: &Root) -> Kernel {
    Kernel {
        cmdline: root.fact("/proc/cmdline").map(|text| text.trim().to_owned()),
        randomize_base: randomize_base(root),
        vulnerabilities: vulnerabilities(root).unwrap_or_else(Fact::Missing),
        ksm_run: ksm(root, "run"),
        ksm_pages_sharing: ksm(root, "pages_sharing"),
    }
}

fn randomize_base(root: &Root) -> Fact<Option<bool>> {
    let release = match root.fact("/proc/sys/kernel/osrelease") {
        Fact::Known { value, .. } => value.trim().to_owned(),
        Fact::Missing(gap) => return gap.into(),
    };
    if release.is_empty() || release.contains('/') {
        return Fact::missing("/proc/sys/kernel/osrelease", "the kernel's release is not usable as a file name");
    }
    let places = [format!("/boot/config-{release}"), format!("/lib/modules/{release}/config")];
    let mut refused = None;
    for path in &places {
        match root.read(path) {
            Ok(text) => return Fact::known(format!("{path}: CONFIG_RANDOMIZE_BASE"), configured(&text)),
            Err(error) if is_absent(&error) => {}
            Err(error) => refused = refused.or(Some(Gap::from_io(path, &error))),
        }
    }
    refused.map_or_else(
        || {
            let [boot, modules] = &places;
            Fact::missing(boot, format!("there is neither {boot} nor {modules}, and /proc/config.gz is not read"))
        },
        Fact::Missing,
    )
}

fn configured(text: &str) -> Option<bool> {
    text.lines().find_map(|line| match line.trim_end() {
        "CONFIG_RANDOMIZE_BASE=y" => Some(true),
        "CONFIG_RANDOMIZE_BASE=n" | "# CONFIG_RANDOMIZE_BASE is not set" => Some(false),
        _ => None,
    })
}

fn vulnerabilities(root: &Root) -> Result<Fact<BTreeMap<String, String>>, Gap> {
    if !in_sys(root, "/sys/devices/system/cpu", VULNERABILITIES)? {
        return Err(Gap::new(VULNERABILITIES, "the kernel does not report the processor's vulnerabilities"));
    }
    let mut texts = BTreeMap::new();
    for name in root.list(VULNERABILITIES).map_err(|error| Gap::from_io(VULNERABILITIES, &error))? {
        let path = format!("{VULNERABILITIES}/{name}");
        let text = root.read(&path).map_err(|error| Gap::from_io(&path, &error))?;
        texts.insert(name, text.trim().to_owned());
    }
    Ok(Fact::known(VULNERABILITIES, texts))
}

/// A number of `/sys/kernel/mm/ksm`, which is absent where the kernel was built without page merging.
fn ksm<T: FromStr>(root: &Root, name: &str) -> Fact<Option<T>> {
    let path = format!("{KSM}/{name}");
    match in_sys(root, "/sys/kernel/mm", KSM) {
        Ok(true) => root.fact(&path).and_then(|text| match text.trim().parse() {
            Ok(number) => Ok(Some(number)),
            Err(_) => Err(format!("{path} does not hold a number")),
        }),
        Ok(false) => Fact::known(KSM, None),
        Err(gap) => gap.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_usual_kernel() {
        let test = TestRoot::new();
        test.file("/proc/cmdline", "quiet nokaslr\n")
            .file("/proc/sys/kernel/osrelease", "6.1\n")
            .file("/lib/modules/6.1/config", "CONFIG_A=y\nCONFIG_RANDOMIZE_BASE=y\n")
            .file("/sys/devices/system/cpu/vulnerabilities/l1tf", "Mitigation: PTE Inversion\n")
            .file("/sys/kernel/mm/ksm/run", "1\n")
            .file("/sys/kernel/mm/ksm/pages_sharing", "5000000000\n");
        let kernel = read(&test.root());
        assert_eq!(kernel.cmdline, Fact::known("/proc/cmdline", "quiet nokaslr".to_owned()));
        assert_eq!(kernel.randomize_base, Fact::known("/lib/modules/6.1/config: CONFIG_RANDOMIZE_BASE", Some(true)));
        assert_eq!(kernel.vulnerabilities.get().unwrap()["l1tf"], "Mitigation: PTE Inversion");
        assert_eq!(kernel.ksm_run, Fact::known("/sys/kernel/mm/ksm/run", Some(1)));
        assert_eq!(kernel.ksm_pages_sharing.value(), Some(&Some(5_000_000_000)));
    }

    #[test]
    fn a_kernel_without_these() {
        let test = TestRoot::new();
        test.file("/proc/sys/kernel/osrelease", "6.1\n")
            .directory("/sys/kernel/mm")
            .directory("/sys/devices/system/cpu");
        let kernel = read(&test.root());
        assert_eq!(kernel.ksm_run, Fact::known(KSM, None));
        let reason = kernel.vulnerabilities.get().unwrap_err().reason;
        assert_eq!(reason, "the kernel does not report the processor's vulnerabilities");
        let reason = kernel.randomize_base.get().unwrap_err().reason;
        assert_eq!(
            reason,
            "there is neither /boot/config-6.1 nor /lib/modules/6.1/config, and /proc/config.gz is not read"
        );
        test.file("/boot/config-6.1", "CONFIG_A=y\n");
        assert_eq!(read(&test.root()).randomize_base.value(), Some(&None));
        test.file("/boot/config-6.1", "# CONFIG_RANDOMIZE_BASE is not set\n");
        assert_eq!(read(&test.root()).randomize_base.value(), Some(&Some(false)));
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = TestRoot::new();
        test.file("/proc/sys/kernel/osrelease", "../../etc/shadow")
            .file("/sys/kernel/mm/ksm/run", "\0\u{1b}[31m")
            .fifo("/sys/kernel/mm/ksm/pages_sharing")
            .sparse("/sys/devices/system/cpu/vulnerabilities/mds", 1 << 30);
        let kernel = read(&test.root());
        assert!(kernel.randomize_base.value().is_none());
        assert_eq!(kernel.ksm_run.get().unwrap_err().reason, "/sys/kernel/mm/ksm/run does not hold a number");
        assert!(kernel.ksm_pages_sharing.value().is_none());
        assert!(kernel.vulnerabilities.get().unwrap_err().reason.contains("larger than 4 MiB"));
    }
}
