// SPDX-License-Identifier: LGPL-2.1-or-later
//! Everything about a host that stands in files: configuration, `/proc`, `/sys`.

use super::host::{Host, Polkit};
use super::root::Root;
use super::{
    Fact, Gap, access, accounts, apparmor, audit_log, block, boot, bridge_helper, config, coredump, cpu, device_nodes,
    dnsmasq_conf, firmware, interfaces, iommu, kernel, memory_encryption, mounts, nwfilters, pci, permissions, polkit,
    polkit_policy, process, processor, s390, sasl, selinux, sockets, sriov, swap, sysctl, tls, usb, windows_support,
};
use crate::waivers;

/// Reads what the file system below `root` says about a host. What D-Bus says is added by `facts::dbus`.
pub fn read(root: &Root) -> Host {
    let (config, mounts, pci_devices) = (config::read(root), mounts::read(root), pci::read(root));
    let (qemu_processes, helpers) = process::all(root);
    Host {
        name: root.read("/proc/sys/kernel/hostname").map(|name| name.trim().to_owned()).unwrap_or_default(),
        // A directory that stands in for a host says nothing about its processor.
        arch: if root.is_host() { machine() } else { String::new() },
        selinux: selinux::read(root),
        apparmor: apparmor::read(root),
        kernel: kernel::read(root),
        dump_directory: config::dump_directory(root, &config.qemu),
        polkit: Polkit { rules: polkit::rules(root), policy: polkit_policy::read(root), ..Polkit::default() },
        tls: tls::read(root, &config),
        config,
        permissions: permissions::read(root),
        sasl: sasl::read(root),
        bridge_helper: bridge_helper::read(root),
        processor: processor::read(root),
        boot: boot::read(root),
        sysctl: sysctl::read(root),
        device_nodes: device_nodes::read(root),
        access: access::read(root, &mounts),
        swaps: swap::read(root, &mounts),
        mounts,
        coredump_storage: coredump::storage(root),
        svirt_denials: audit_log::read(root),
        groups: accounts::groups(root),
        qemu_processes,
        helpers,
        interfaces: interfaces::read(root),
        dnsmasq_conf: dnsmasq_conf::read(root),
        nwfilter_originals: nwfilters::originals(root),
        mount_namespace: mount_namespace(root),
        listeners: sockets::of_host(root),
        waivers: root
            .optional(waivers::HOST_FILE)
            .and_then(|text| text.map_or_else(|| Ok(Vec::new()), |text| waivers::from_json(&text))),
        firmware: firmware::read(root),
        s390: s390::read(root),
        memory_encryption: memory_encryption::read(root),
        windows_support: windows_support::read(root),
        cpu: cpu::read(root),
        iommu: iommu::read(root),
        virtual_functions: sriov::read(root, &pci_devices),
        pci_devices,
        usb_devices: usb::read(root),
        block_devices: block::devices(root),
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

/// A line of `/proc/cpuinfo`: of x86 and Arm the first processor's, which the others are like. All of the file is not read: for that the
/// kernel may have to wake up each processor.
pub(super) fn cpuinfo(root: &Root, key: &str) -> Fact<String> {
    const CPUINFO: &str = "/proc/cpuinfo";
    let text = match root.read_start(CPUINFO, 64 << 10) {
        Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
        Err(error) => return Gap::from_io(CPUINFO, &error).into(),
    };
    let origin = format!("{CPUINFO}: {key}");
    match text.lines().find_map(|line| line.split_once(':').filter(|(name, _)| name.trim() == key)) {
        Some((_, value)) => Fact::known(origin, value.trim().to_owned()),
        None => Fact::missing(origin, format!("{CPUINFO} has no line about {key}")),
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
        // What is looked for there and is not there is known, too.
        assert_eq!(
            known,
            [
                "/access/bus",
                "/access/cockpit_machines",
                "/access/libvirt_dbus",
                "/access/qemu_commands",
                "/access/sasl_db",
                "/access/sshd",
                "/access/sudo",
                "/bridge_helper",
                "/coredump_storage",
                "/dnsmasq_conf",
                "/dump_directory",
                "/nwfilter_originals",
                "/permissions/definitions",
                "/permissions/etc_libvirt",
                "/permissions/hooks",
                "/permissions/qemu_conf",
                "/permissions/secrets",
                "/polkit/rules",
                "/sasl",
                "/selinux/configured",
                "/tls",
                "/waivers",
            ]
        );
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
