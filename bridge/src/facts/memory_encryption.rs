// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether this x86 host can encrypt the memory of its VMs: the processor's flags and KVM's parameters. Nested virtualization too, which
//! stands beside them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::root::Root;
use super::{Fact, Gap};

const CPUINFO: &str = "/proc/cpuinfo";
/// Room for the first processor; the others are like it.
const CPUINFO_LIMIT: u64 = 16 << 10;
/// Flags that the kernel shows of the processor; TDX has none.
const FLAGS: [&str; 3] = ["sev", "sev_es", "sev_snp"];

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MemoryEncryption {
    /// Of `sev`, `sev_es` and `sev_snp`, what `/proc/cpuinfo` says of the processor.
    pub flags: Fact<BTreeSet<String>>,
    /// Parameters of `kvm_amd` and `kvm_intel`; `None` where the module, or the parameter, is not there.
    pub sev: Fact<Option<bool>>,
    pub sev_es: Fact<Option<bool>>,
    pub sev_snp: Fact<Option<bool>>,
    pub tdx: Fact<Option<bool>>,
    /// `/dev/sev` is there: the secure processor can be spoken to.
    pub device: Fact<bool>,
    /// Guests may run guests: `nested` of the module that is loaded; `None` when neither is.
    pub nested: Fact<Option<bool>>,
}

pub(super) fn read(root: &Root) -> MemoryEncryption {
    let amd = parameter(root, "kvm_amd", "nested");
    MemoryEncryption {
        flags: flags(root),
        sev: parameter(root, "kvm_amd", "sev"),
        sev_es: parameter(root, "kvm_amd", "sev_es"),
        sev_snp: parameter(root, "kvm_amd", "sev_snp"),
        tdx: parameter(root, "kvm_intel", "tdx"),
        device: match in_sys(root, "/dev", "/dev/sev") {
            Ok(there) => Fact::known("/dev/sev", there),
            Err(gap) => gap.into(),
        },
        nested: if matches!(amd, Fact::Known { value: None, .. }) {
            parameter(root, "kvm_intel", "nested")
        } else {
            amd
        },
    }
}

fn flags(root: &Root) -> Fact<BTreeSet<String>> {
    let origin = format!("{CPUINFO}: flags");
    let bytes = match root.read_start(CPUINFO, CPUINFO_LIMIT) {
        Ok(bytes) => bytes,
        Err(error) => return Gap::from_io(CPUINFO, &error).into(),
    };
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == "flags").then_some(value)
    });
    match line {
        Some(line) => {
            let known = line.split_whitespace().filter(|word| FLAGS.contains(word));
            Fact::known(origin, known.map(str::to_owned).collect())
        }
        None => Fact::missing(origin, "/proc/cpuinfo has no line about flags"),
    }
}

/// The kernel prints switches as `Y` and `N`, or as numbers.
fn parameter(root: &Root, module: &str, name: &str) -> Fact<Option<bool>> {
    let path = format!("/sys/module/{module}/parameters/{name}");
    match in_sys(root, "/sys/module", &path) {
        Ok(true) => root.fact(&path).and_then(|text| match text.trim() {
            "Y" | "y" | "1" => Ok(Some(true)),
            "N" | "n" | "0" => Ok(Some(false)),
            _ => Err(format!("{path} holds neither Y nor N")),
        }),
        Ok(false) => Fact::known(path, None),
        Err(gap) => gap.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn an_amd_host() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", "processor\t: 0\nflags\t\t: fpu sme sev sev_es sev_snp\nbugs\t: x\n")
            .file("/sys/module/kvm_amd/parameters/sev", "Y\n")
            .file("/sys/module/kvm_amd/parameters/sev_es", "N\n")
            .file("/sys/module/kvm_amd/parameters/nested", "1\n")
            .file("/dev/sev", "");
        let read = read(&test.root());
        assert_eq!(read.flags.get().unwrap().len(), 3);
        assert_eq!((read.sev.value(), read.sev_es.value()), (Some(&Some(true)), Some(&Some(false))));
        assert_eq!((read.sev_snp.value(), read.tdx.value()), (Some(&None), Some(&None)));
        assert_eq!((read.device.value(), read.nested.value()), (Some(&true), Some(&Some(true))));
    }

    #[test]
    fn an_intel_host() {
        let test = TestRoot::new();
        test.file("/sys/module/kvm_intel/parameters/tdx", "Y\n")
            .file("/sys/module/kvm_intel/parameters/nested", "0\n")
            .directory("/dev");
        let read = read(&test.root());
        assert_eq!((read.tdx.value(), read.nested.value()), (Some(&Some(true)), Some(&Some(false))));
        assert_eq!((read.sev.value(), read.device.value()), (Some(&None), Some(&false)));
    }

    #[test]
    fn hostile_files_are_missing_facts() {
        let test = TestRoot::new();
        test.file("/proc/cpuinfo", vec![b'x'; 1 << 20])
            .file("/sys/module/kvm_amd/parameters/sev", "perhaps")
            .fifo("/sys/module/kvm_amd/parameters/sev_es");
        let read = read(&test.root());
        assert!(read.flags.value().is_none() && read.sev_es.value().is_none());
        assert!(read.sev.get().unwrap_err().reason.contains("neither Y nor N"));
    }
}
