// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether this x86 host can encrypt the memory of its VMs: the processor's flags and KVM's parameters.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Fact;
use super::files::{cpuinfo, in_sys};
use super::module::switch;
use super::root::Root;

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
}

pub(super) fn read(root: &Root) -> MemoryEncryption {
    MemoryEncryption {
        flags: flags(root),
        sev: switch(root, "kvm_amd", "sev"),
        sev_es: switch(root, "kvm_amd", "sev_es"),
        sev_snp: switch(root, "kvm_amd", "sev_snp"),
        tdx: switch(root, "kvm_intel", "tdx"),
        device: match in_sys(root, "/dev", "/dev/sev") {
            Ok(there) => Fact::known("/dev/sev", there),
            Err(gap) => gap.into(),
        },
    }
}

fn flags(root: &Root) -> Fact<BTreeSet<String>> {
    cpuinfo(root, "flags")
        .map(|line| line.split_whitespace().filter(|word| FLAGS.contains(word)).map(str::to_owned).collect())
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
            .file("/dev/sev", "");
        let read = read(&test.root());
        assert_eq!(read.flags.get().unwrap().len(), 3);
        assert_eq!((read.sev.value(), read.sev_es.value()), (Some(&Some(true)), Some(&Some(false))));
        assert_eq!((read.sev_snp.value(), read.tdx.value()), (Some(&None), Some(&None)));
        assert_eq!(read.device.value(), Some(&true));
    }

    #[test]
    fn an_intel_host() {
        let test = TestRoot::new();
        test.file("/sys/module/kvm_intel/parameters/tdx", "Y\n").directory("/dev");
        let read = read(&test.root());
        assert_eq!(read.tdx.value(), Some(&Some(true)));
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
