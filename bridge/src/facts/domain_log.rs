// SPDX-License-Identifier: LGPL-2.1-or-later
//! When a VM that is shut off ran last, by the log that libvirt keeps of it.

use super::root::{Root, is_absent};
use super::{Fact, Gap, Vm};

const DIRECTORY: &str = "/var/log/libvirt/qemu";

/// Adds the age of its log to each VM that does not run.
pub(super) fn attach(root: &Root, vms: &mut [Vm]) {
    // Opened once: of a thousand VMs each costs one look into it.
    let directory = root.inside(DIRECTORY);
    for vm in vms {
        vm.log_modified = if vm.live.value().is_some_and(Option::is_some) {
            Fact::missing(DIRECTORY, "the VM is running")
        } else if !matches!(vm.connection.as_str(), "system" | "file") {
            Fact::missing(DIRECTORY, format!("where the connection {} keeps its logs is not known", vm.connection))
        } else if vm.name.is_empty() || vm.name.contains(['/', '\0']) {
            Fact::missing(DIRECTORY, "the VM's name cannot be part of a file name")
        } else {
            match &directory {
                Ok(directory) => modified(directory, &vm.name),
                Err(error) => Gap::from_io(DIRECTORY, error).into(),
            }
        };
    }
}

fn modified(directory: &Root, name: &str) -> Fact<Option<i64>> {
    let file = format!("{name}.log");
    let path = format!("{DIRECTORY}/{file}");
    match directory.metadata(&file) {
        Ok(stat) => Fact::known(path, Some(stat.st_mtime)),
        Err(error) if is_absent(&error) => Fact::known(path, None),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn vm(name: &str, connection: &str, live: Option<&str>) -> Vm {
        let live = Fact::known("", live.map(str::to_owned));
        Vm { name: name.to_owned(), connection: connection.to_owned(), live, ..Vm::default() }
    }

    #[test]
    fn the_log_of_a_vm_that_is_shut_off() {
        let test = TestRoot::new();
        test.file("/var/log/libvirt/qemu/web1.log", "");
        let mut vms = [
            vm("web1", "system", None),
            vm("new", "system", None),
            vm("web1", "system", Some("<domain/>")),
            vm("web1", "session", None),
            vm("../../../../etc/shadow", "system", None),
        ];
        attach(&test.root(), &mut vms);
        assert!(vms[0].log_modified.get().unwrap().is_some_and(|time| time > 1_600_000_000));
        assert_eq!(vms[1].log_modified, Fact::known("/var/log/libvirt/qemu/new.log", None));
        let reasons: Vec<String> = vms[2..].iter().map(|vm| vm.log_modified.get().unwrap_err().reason).collect();
        assert_eq!(reasons[0], "the VM is running");
        assert!(reasons[1].contains("session") && reasons[2].contains("cannot be part"));
    }

    #[test]
    fn without_the_directory_nothing_is_known() {
        let mut vms = [vm("web1", "system", None)];
        attach(&TestRoot::new().root(), &mut vms);
        assert!(vms[0].log_modified.value().is_none());
    }
}
