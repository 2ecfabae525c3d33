// SPDX-License-Identifier: LGPL-2.1-or-later
//! The processor and how KVM uses it: threads of a core, parameters of KVM's modules, and whether it is a virtual one itself.

use serde::{Deserialize, Serialize};

use super::files::cpuinfo;
use super::module::{parameter, switch};
use super::root::{Root, is_absent};
use super::sysctl::optional_in;
use super::{Fact, Gap};

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Processor {
    /// This host is a VM itself.
    pub is_virtual: Fact<bool>,
    /// `/sys/devices/system/cpu/smt/active`: threads share a core now. `None` where the kernel knows no SMT.
    pub smt_active: Fact<Option<bool>>,
    /// `nested` of `kvm_intel`, `kvm_amd` or (IBM Z) `kvm`; `None` where no such module is loaded.
    pub nested: Fact<Option<bool>>,
    /// `nx_huge_pages` of `kvm`: `Y`, `N`, `never`; `None` where KVM is not loaded.
    pub nx_huge_pages: Fact<Option<String>>,
    /// `vmentry_l1d_flush` of `kvm_intel`: `auto`, `cond`, `always`, `never`, `not required` …
    pub vmentry_l1d_flush: Fact<Option<String>>,
}

pub(super) fn read(root: &Root) -> Processor {
    Processor {
        is_virtual: is_virtual(root),
        smt_active: optional_in(root, "/sys/devices/system/cpu", "/sys/devices/system/cpu/smt/active").and_then(
            |text| match text.as_deref() {
                None => Ok(None),
                Some("1") => Ok(Some(true)),
                Some("0") => Ok(Some(false)),
                Some(_) => Err("/sys/devices/system/cpu/smt/active holds neither 0 nor 1".to_owned()),
            },
        ),
        nested: nested(root),
        nx_huge_pages: parameter(root, "kvm", "nx_huge_pages"),
        vmentry_l1d_flush: parameter(root, "kvm_intel", "vmentry_l1d_flush"),
    }
}

fn nested(root: &Root) -> Fact<Option<bool>> {
    let mut last = Fact::default();
    for module in ["kvm_intel", "kvm_amd", "kvm"] {
        last = switch(root, module, "nested");
        if !matches!(last, Fact::Known { value: None, .. }) {
            break;
        }
    }
    last
}

/// A hypervisor tells a guest's processor by a flag (x86), or describes the machine as its own (IBM Z).
fn is_virtual(root: &Root) -> Fact<bool> {
    const SYSINFO: &str = "/proc/sysinfo";
    match root.read(SYSINFO) {
        Ok(text) => return Fact::known(SYSINFO, text.lines().any(|line| line.starts_with("VM00 "))),
        Err(error) if is_absent(&error) => {}
        Err(error) => return Gap::from_io(SYSINFO, &error).into(),
    }
    let flags = cpuinfo(root, "flags");
    flags.map(|flags| flags.split_whitespace().any(|flag| flag == "hypervisor"))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn an_intel_host() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu vmx ept\nvmx flags\t: vnmi\n")
            .file("/sys/devices/system/cpu/smt/active", "1\n")
            .file("/sys/module/kvm_intel/parameters/nested", "Y\n")
            .file("/sys/module/kvm_intel/parameters/vmentry_l1d_flush", "cond\n")
            .file("/sys/module/kvm/parameters/nx_huge_pages", "N\n");
        let processor = read(&test.root());
        assert_eq!(processor.is_virtual, Fact::known("/proc/cpuinfo: flags", false));
        assert_eq!(processor.smt_active.value(), Some(&Some(true)));
        assert_eq!(processor.nested, Fact::known("/sys/module/kvm_intel/parameters/nested", Some(true)));
        assert_eq!(processor.vmentry_l1d_flush.value(), Some(&Some("cond".to_owned())));
        assert_eq!(processor.nx_huge_pages.value(), Some(&Some("N".to_owned())));
    }

    #[test]
    fn other_hosts() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "flags : fpu hypervisor svm\n")
            .file("/sys/module/kvm_amd/parameters/nested", "0\n")
            .directory("/sys/devices/system/cpu");
        let processor = read(&test.root());
        assert_eq!(processor.is_virtual.value(), Some(&true));
        assert_eq!(processor.smt_active.value(), Some(&None));
        assert_eq!(processor.nested.value(), Some(&Some(false)));
        assert_eq!(processor.vmentry_l1d_flush.value(), Some(&None));
        test.file("/proc/sysinfo", "Manufacturer: IBM\nVM00 Name: LNX\n");
        assert_eq!(read(&test.root()).is_virtual, Fact::known("/proc/sysinfo", true));
        let arm = TestRoot::new();
        arm.file("/proc/cpuinfo", "Features : fp asimd\n").directory("/sys/module/kvm");
        let processor = read(&arm.root());
        assert!(processor.is_virtual.get().unwrap_err().reason.contains("no line about flags"));
        assert_eq!(processor.nested.value(), Some(&None));
    }

    #[test]
    fn nothing_and_nonsense() {
        let processor = read(&TestRoot::new().root());
        assert_eq!(processor.nested.get().unwrap_err().reason, "there is no /sys/module");
        assert!(processor.is_virtual.value().is_none() && processor.smt_active.value().is_none());
        let test = TestRoot::new();
        test.file("/sys/module/kvm_intel/parameters/nested", "maybe").file("/proc/cpuinfo", vec![0xff; 99999]);
        let processor = read(&test.root());
        assert!(processor.nested.get().unwrap_err().reason.ends_with("holds neither Y nor N"));
        assert!(processor.is_virtual.value().is_none());
    }
}
