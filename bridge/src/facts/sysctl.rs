// SPDX-License-Identifier: LGPL-2.1-or-later
//! Kernel settings below `/proc/sys` that decide what somebody can do on the host who has got out of a VM.

use serde::{Deserialize, Serialize};

use super::files::in_sys;
use super::root::Root;
use super::{Fact, Gap};

/// `None` where this kernel has no such setting.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sysctl {
    pub randomize_va_space: Fact<Option<i64>>,
    pub kexec_load_disabled: Fact<Option<i64>>,
    /// `kernel.yama.ptrace_scope`.
    pub ptrace_scope: Fact<Option<i64>>,
    pub unprivileged_bpf_disabled: Fact<Option<i64>>,
    /// `user.max_user_namespaces`.
    pub max_user_namespaces: Fact<Option<i64>>,
    /// Debian's and Ubuntu's own.
    pub unprivileged_userns_clone: Fact<Option<i64>>,
    /// Ubuntu's own.
    pub apparmor_restrict_unprivileged_userns: Fact<Option<i64>>,
    /// `kernel.core_pattern`: a file name, or `|PROGRAM ARGUMENTS`.
    pub core_pattern: Fact<Option<String>>,
}

pub(super) fn read(root: &Root) -> Sysctl {
    let kernel = |name: &str| number(text(root, &format!("/proc/sys/kernel/{name}")));
    Sysctl {
        randomize_va_space: kernel("randomize_va_space"),
        kexec_load_disabled: kernel("kexec_load_disabled"),
        ptrace_scope: kernel("yama/ptrace_scope"),
        unprivileged_bpf_disabled: kernel("unprivileged_bpf_disabled"),
        max_user_namespaces: number(text(root, "/proc/sys/user/max_user_namespaces")),
        unprivileged_userns_clone: kernel("unprivileged_userns_clone"),
        apparmor_restrict_unprivileged_userns: kernel("apparmor_restrict_unprivileged_userns"),
        core_pattern: text(root, "/proc/sys/kernel/core_pattern"),
    }
}

fn text(root: &Root, path: &str) -> Fact<Option<String>> {
    match in_sys(root, "/proc/sys/kernel", path) {
        Ok(true) => root.fact(path).map(|text| Some(text.trim().to_owned())),
        Ok(false) => Fact::known(path, None),
        Err(gap) => gap.into(),
    }
}

fn number(text: Fact<Option<String>>) -> Fact<Option<i64>> {
    text.and_then(|text| {
        text.map(|text| text.parse().map_err(|_| "the kernel's value is not a number".to_owned())).transpose()
    })
}

/// A fact of one file that may be absent, of which the directory above is there: for `/sys/module` and its kind.
pub(super) fn optional_in(root: &Root, above: &str, path: &str) -> Fact<Option<String>> {
    let read = || -> Result<Fact<Option<String>>, Gap> {
        if !in_sys(root, above, path)? {
            return Ok(Fact::known(path, None));
        }
        Ok(root.fact(path).map(|text| Some(text.trim().to_owned())))
    };
    read().unwrap_or_else(Fact::Missing)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn settings_and_their_absence() {
        let test = TestRoot::new();
        test.file("/proc/sys/kernel/randomize_va_space", "2\n")
            .file("/proc/sys/kernel/yama/ptrace_scope", "1\n")
            .file("/proc/sys/user/max_user_namespaces", "96365\n")
            .file("/proc/sys/kernel/core_pattern", "|/usr/lib/systemd/systemd-coredump %P\n");
        let sysctl = read(&test.root());
        assert_eq!(sysctl.randomize_va_space, Fact::known("/proc/sys/kernel/randomize_va_space", Some(2)));
        assert_eq!(sysctl.ptrace_scope.value(), Some(&Some(1)));
        assert_eq!(sysctl.max_user_namespaces.value(), Some(&Some(96365)));
        assert_eq!(sysctl.unprivileged_bpf_disabled.value(), Some(&None));
        assert_eq!(sysctl.core_pattern.value(), Some(&Some("|/usr/lib/systemd/systemd-coredump %P".to_owned())));
    }

    #[test]
    fn without_proc_nothing_is_known() {
        let sysctl = read(&TestRoot::new().root());
        assert_eq!(sysctl.ptrace_scope.get().unwrap_err().reason, "there is no /proc/sys/kernel");
        assert!(sysctl.core_pattern.value().is_none());
    }

    #[test]
    fn hostile_values_are_missing_facts() {
        let test = TestRoot::new();
        test.file("/proc/sys/kernel/randomize_va_space", "\u{1b}[31m2")
            .file("/proc/sys/kernel/kexec_load_disabled", "99999999999999999999")
            .fifo("/proc/sys/kernel/unprivileged_bpf_disabled");
        let sysctl = read(&test.root());
        assert_eq!(sysctl.randomize_va_space.get().unwrap_err().reason, "the kernel's value is not a number");
        assert!(sysctl.kexec_load_disabled.value().is_none());
        assert!(sysctl.unprivileged_bpf_disabled.value().is_none());
    }
}
