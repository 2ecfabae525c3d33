// SPDX-License-Identifier: LGPL-2.1-or-later
//! Parameters of the kernel's modules, below `/sys/module`.

use super::Fact;
use super::root::Root;
use super::sysctl::optional_in;

/// `None` when the module is not loaded, or was built without the parameter.
pub(super) fn parameter(root: &Root, module: &str, name: &str) -> Fact<Option<String>> {
    optional_in(root, "/sys/module", &format!("/sys/module/{module}/parameters/{name}"))
}

/// A parameter that is on or off: the kernel prints it as `Y` and `N`, or as a number.
pub(super) fn switch(root: &Root, module: &str, name: &str) -> Fact<Option<bool>> {
    parameter(root, module, name).and_then(|text| match text.as_deref() {
        None => Ok(None),
        Some("Y" | "y" | "1") => Ok(Some(true)),
        Some("N" | "n" | "0") => Ok(Some(false)),
        Some(_) => Err(format!("/sys/module/{module}/parameters/{name} holds neither Y nor N")),
    })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn on_off_absent_and_nonsense() {
        let test = TestRoot::new();
        assert_eq!(switch(&test.root(), "kvm_amd", "sev").get().unwrap_err().reason, "there is no /sys/module");
        test.file("/sys/module/kvm_amd/parameters/sev", "Y\n")
            .file("/sys/module/kvm_amd/parameters/nested", "0\n")
            .file("/sys/module/kvm_amd/parameters/sev_es", "perhaps")
            .fifo("/sys/module/kvm_amd/parameters/sev_snp");
        let read = |name| switch(&test.root(), "kvm_amd", name);
        assert_eq!(read("sev"), Fact::known("/sys/module/kvm_amd/parameters/sev", Some(true)));
        assert_eq!((read("nested").value(), read("none").value()), (Some(&Some(false)), Some(&None)));
        assert!(read("sev_es").get().unwrap_err().reason.ends_with("sev_es holds neither Y nor N"));
        assert!(read("sev_snp").value().is_none());
    }
}
