// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything about a host that stands in files: configuration, `/proc`, `/sys`.

use super::host::{Host, Polkit};
use super::root::Root;
use super::{Fact, Gap, accounts, apparmor, block, config, kernel, mounts, polkit, process, selinux, sockets};

/// Reads what the file system below `root` says about a host. What D-Bus says is added by `facts::dbus`.
pub fn read(root: &Root) -> Host {
    Host {
        name: root.read("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default(),
        // A directory that stands in for a host says nothing about its processor.
        arch: if root.is_host() { machine() } else { String::new() },
        selinux: selinux::read(root),
        apparmor: apparmor::read(root),
        kernel: kernel::read(root),
        polkit: Polkit { rules: polkit::rules(root), ..Polkit::default() },
        config: config::read(root),
        groups: accounts::groups(root),
        qemu_processes: process::all(root),
        mount_namespace: mount_namespace(root),
        listeners: sockets::of_host(root),
        mounts: mounts::read(root),
        block_devices: block::devices(root),
        swaps: block::swaps(root),
        ..Host::default()
    }
}

fn machine() -> String {
    rustix::system::uname().machine().to_string_lossy().into_owned()
}

fn mount_namespace(root: &Root) -> Fact<String> {
    let path = "/proc/1/ns/mnt";
    match root.read_link(path) {
        Ok(target) => Fact::known(path, target),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

/// Whether something of `/sys` is there. Where the directory above it is missing too, `/sys` itself is not mounted, which says
/// nothing about the kernel: that is an error.
pub(super) fn in_sys(root: &Root, above: &str, path: &str) -> Result<bool, Gap> {
    let exists = |path: &str| root.exists(path).map_err(|error| Gap::from_io(path, &error));
    if exists(path)? {
        Ok(true)
    } else if exists(above)? {
        Ok(false)
    } else {
        Err(Gap::new(path, format!("there is no {above}")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn an_empty_root_gives_no_fact_but_that_configuration_files_are_absent() {
        let host = read(&TestRoot::new().root());
        let mut left = serde_json::to_value(&host).unwrap();
        let config = left.as_object_mut().unwrap().remove("config").unwrap();
        assert_eq!(config["qemu"]["value"]["exists"], false);
        assert_eq!(host.selinux.configured.value(), Some(&None));
        let known: Vec<_> = known_values("", &left);
        assert_eq!(known, ["/polkit/rules", "/selinux/configured"]);
    }

    /// Paths of all facts that have a value.
    fn known_values(path: &str, value: &serde_json::Value) -> Vec<String> {
        let Some(object) = value.as_object() else { return Vec::new() };
        if object.contains_key("value") {
            return vec![path.to_owned()];
        }
        object.iter().flat_map(|(key, value)| known_values(&format!("{path}/{key}"), value)).collect()
    }

    #[test]
    fn the_running_host_can_be_read() {
        let host = read(&Root::open(std::path::Path::new("/")).unwrap());
        assert!(!host.name.is_empty() && !host.arch.is_empty());
        assert!(host.kernel.cmdline.value().is_some());
        assert!(host.groups.get().unwrap().iter().any(|group| group.name == "root" && group.gid == 0));
        assert!(host.listeners.value().is_some());
    }
}
