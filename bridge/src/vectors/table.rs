// SPDX-License-Identifier: LGPL-2.1-or-later
//! The arrows of the picture, each with its barriers and the checks that prove them. The figure is that of Red Hat's chapter, drawn out.

use super::{Barrier, Logic, Node, Vector};

const fn barrier(id: &'static str, title: &'static str, checks: &'static [&'static str]) -> Barrier {
    Barrier { id, title, checks, essential: false }
}

const fn essential(id: &'static str, title: &'static str, checks: &'static [&'static str]) -> Barrier {
    Barrier { id, title, checks, essential: true }
}

pub static VECTORS: &[Vector] = &[
    Vector {
        id: "guest-qemu",
        from: Node::Guest,
        to: Node::Qemu,
        title: "The guest takes over its QEMU process through emulated devices",
        what: "A bug in a device that QEMU emulates lets the guest run code in the QEMU process. All that follows starts there.",
        logic: Logic::Every,
        barriers: &[
            barrier("acceleration", "Hardware virtualization", &["vm.hardware-accel"]),
            barrier(
                "machine",
                "A machine type that QEMU keeps secure",
                &["vm.machine-supported", "vm.machine-deprecated"],
            ),
            barrier(
                "devices",
                "No old or needless devices",
                &[
                    "vm.floppy",
                    "vm.legacy-nic",
                    "vm.legacy-disk-bus",
                    "vm.video-qxl",
                    "vm.video-legacy",
                    "vm.video-3d",
                    "vm.sound",
                    "vm.usb-redirection",
                    "vm.spice-present",
                ],
            ),
            barrier(
                "arguments",
                "Nothing past libvirt",
                &["vm.qemu-commandline", "vm.qemu-overrides", "vm.emulator-path", "vm.qemu-monitor-exposed"],
            ),
            barrier("current", "A QEMU without known bugs", &["proc.stale-binary", "host.security-updates"]),
            barrier("hardened", "Hardened QEMU binary, random addresses", &["host.qemu-binary-hardening", "host.aslr"]),
        ],
    },
    Vector {
        id: "qemu-host",
        from: Node::Qemu,
        to: Node::Host,
        title: "A captured QEMU process attacks the host",
        what: "From the QEMU process the attacker reaches for the host's files, devices and kernel: the host, and all VMs on it, are his.",
        logic: Logic::Depth,
        barriers: &[
            barrier(
                "svirt",
                "sVirt: SELinux or AppArmor",
                &[
                    "host.selinux-enforcing",
                    "host.selinux-permissive-types",
                    "host.apparmor-libvirt",
                    "daemon.security-driver",
                    "daemon.security-default-confined",
                    "vm.seclabel-none",
                    "proc.selinux-label",
                ],
            ),
            barrier("seccomp", "System call filter", &["daemon.seccomp-sandbox", "proc.seccomp", "proc.no-new-privs"]),
            barrier("user", "An unprivileged user", &["daemon.qemu-user", "vm.seclabel-dac-root", "proc.uid"]),
            barrier("capabilities", "No capabilities", &["proc.capabilities"]),
            barrier(
                "namespace",
                "A private /dev",
                &[
                    "daemon.namespaces",
                    "proc.mount-namespace",
                    "proc.dev-nodes",
                    "daemon.cgroup-device-acl",
                    "daemon.cgroup-controllers",
                    "proc.cgroup",
                ],
            ),
            barrier(
                "kernel",
                "A hardened kernel",
                &["host.kaslr", "host.lockdown", "host.unprivileged-bpf", "host.unprivileged-userns"],
            ),
        ],
    },
    Vector {
        id: "qemu-neighbours",
        from: Node::Qemu,
        to: Node::Neighbours,
        title: "A captured QEMU process reaches other VMs' memory and disks",
        what: "All QEMU processes run as one user: without further barriers one reads and changes the memory and the disks of the others.",
        logic: Logic::Depth,
        barriers: &[
            barrier(
                "categories",
                "SELinux categories of its own",
                &["host.selinux-enforcing", "proc.mcs-unique", "vm.seclabel-static", "vm.seclabel-none"],
            ),
            barrier(
                "images",
                "Disks of its own",
                &[
                    "vm.disk-shareable",
                    "vm.disk-duplicate-source",
                    "storage.image-mode",
                    "storage.image-owner",
                    "storage.image-label",
                ],
            ),
            barrier("memory", "No shared memory", &["vm.ivshmem", "vm.memory-shared", "host.ptrace-scope"]),
            barrier("namespace", "A private /dev", &["daemon.namespaces", "proc.mount-namespace"]),
        ],
    },
    Vector {
        id: "qemu-storage",
        from: Node::Qemu,
        to: Node::Storage,
        title: "Disks and images lead to data that is not the guest's",
        what: "A device of the host, a backing file or a header that the guest writes makes QEMU open what the guest should not have.",
        logic: Logic::Every,
        barriers: &[
            barrier("devices", "No disk of the host", &["vm.disk-host-device", "vm.hostdev-scsi"]),
            barrier(
                "formats",
                "Image formats are stated",
                &[
                    "vm.disk-format-explicit",
                    "storage.backing-format",
                    "storage.backing-chain",
                    "storage.external-data-file",
                ],
            ),
            barrier("files", "Images are private", &["storage.image-mode", "storage.dir-perms", "storage.pool-perms"]),
            barrier(
                "remote",
                "Network storage is authenticated and encrypted",
                &[
                    "vm.disk-network-auth",
                    "vm.disk-encryption",
                    "storage.remote-fs",
                    "storage.pool-auth",
                    "daemon.nbd-tls",
                ],
            ),
        ],
    },
    Vector {
        id: "guest-shares",
        from: Node::Guest,
        to: Node::Host,
        title: "The guest uses shared directories to reach the host's files",
        what: "A directory shared too widely, or a server for it that is not confined, gives the guest files of the host.",
        logic: Logic::Every,
        barriers: &[
            barrier("scope", "Narrow, read-only shares", &["vm.filesystem-scope"]),
            barrier("mapping", "Users are mapped", &["vm.filesystem-9p-passthrough"]),
            barrier("daemon", "virtiofsd is confined", &["vm.virtiofs-sandbox", "proc.virtiofsd"]),
        ],
    },
    Vector {
        id: "guest-dma",
        from: Node::Guest,
        to: Node::Host,
        title: "The guest uses a passed-through device to reach the host's memory",
        what: "A real device reads and writes memory by itself (DMA); without an IOMMU that is all memory of the host.",
        logic: Logic::Every,
        barriers: &[
            barrier("iommu", "An IOMMU that is strict", &["host.iommu-enabled", "host.iommu-strict"]),
            barrier(
                "groups",
                "Devices that are alone in their group",
                &["vm.hostdev-iommu-group", "host.pcie-acs-override", "daemon.relaxed-acs-check"],
            ),
            barrier("vfio", "No unsafe VFIO mode", &["host.vfio-unsafe-interrupts", "host.vfio-noiommu"]),
            barrier("devices", "No devices of the host", &["vm.hostdev-pci", "vm.hostdev-usb", "vm.hostdev-mdev"]),
        ],
    },
    Vector {
        id: "side-channels",
        from: Node::Guest,
        to: Node::Neighbours,
        title: "The guest listens to the processor and to shared memory",
        what: "Through caches, predictors and merged pages a guest reads secrets of the host and of its neighbours; nothing is broken into, nothing is logged.",
        logic: Logic::Every,
        barriers: &[
            barrier(
                "mitigations",
                "The processor's weaknesses are mitigated",
                &[
                    "host.cpu-vulnerabilities",
                    "host.cpu-mitigations-disabled",
                    "host.cpu-l1tf-vmx",
                    "host.cpu-itlb-multihit",
                    "host.cpu-vmscape",
                    "host.cpu-microcode",
                ],
            ),
            barrier("smt", "Threads of one core are not shared", &["host.smt-cross-thread"]),
            barrier("ksm", "No merged pages", &["host.ksm", "vm.nosharepages"]),
            barrier(
                "guest",
                "The guest can protect itself",
                &["vm.cpu-mitigation-flags", "vm.cpu-mitigation-disabled"],
            ),
            barrier("nested", "No nested virtualization", &["host.kvm-nested", "vm.cpu-nested"]),
        ],
    },
    Vector {
        id: "guest-network",
        from: Node::Guest,
        to: Node::Network,
        title: "The guest attacks its neighbours on the network",
        what: "A guest that speaks with another's address, or reaches the host's services, takes over their connections.",
        logic: Logic::Every,
        barriers: &[
            barrier(
                "filter",
                "A network filter",
                &["vm.iface-nwfilter", "net.nwfilter-tampered", "vm.iface-mac-unique"],
            ),
            barrier("isolation", "Ports are apart", &["vm.iface-port-isolated", "net.vlan", "vm.sriov-spoofcheck"]),
            barrier("trust", "The host trusts no guest's settings", &["vm.iface-trust-guest-rx", "net.trust-guest-rx"]),
            barrier(
                "host",
                "The host's services are out of reach",
                &["net.bridge-zone", "net.management-bridge", "net.dnsmasq-options", "vm.iface-macvtap", "vm.vsock"],
            ),
            barrier("scripts", "No scripts, no user-mode network", &["vm.iface-script", "vm.iface-slirp"]),
        ],
    },
    Vector {
        id: "network-consoles",
        from: Node::Network,
        to: Node::Consoles,
        title: "Somebody on the network opens a console",
        what: "A console is the VM's keyboard and screen: whoever has it can restart the guest, choose what it boots, and use a session that is open.",
        logic: Logic::Every,
        barriers: &[
            barrier("listen", "No console listens to the network", &["vm.graphics-listen", "proc.listen-sockets"]),
            barrier("password", "A console on the network asks for a password", &["vm.graphics-password"]),
            barrier(
                "tls",
                "A console on the network is encrypted",
                &["vm.graphics-listen", "vm.spice-secure-channels"],
            ),
            barrier(
                "serial",
                "No serial console or monitor on the network",
                &["vm.serial-network", "vm.qemu-monitor-exposed"],
            ),
            barrier("firewall", "The firewall is closed", &["host.firewall-libvirt-ports", "net.display-proxy"]),
        ],
    },
    Vector {
        id: "network-management",
        from: Node::Network,
        to: Node::Host,
        title: "Somebody on the network manages VMs",
        what: "Whoever may define a VM may read and write every file of the host: the management interface is root.",
        logic: Logic::Every,
        barriers: &[
            barrier("tcp", "No unencrypted listener", &["daemon.listen-tcp", "daemon.auth-tcp"]),
            barrier(
                "tls",
                "Clients prove who they are",
                &[
                    "daemon.tls-verify-client",
                    "daemon.tls-allowed-dn",
                    "daemon.tls-cert-health",
                    "daemon.tls-verify-default",
                ],
            ),
            barrier("ssh", "Management through SSH, not as root", &["access.ssh-management"]),
            barrier("migration", "Migration is encrypted", &["daemon.migrate-tls-force"]),
            barrier("firewall", "The firewall is closed", &["host.firewall-libvirt-ports", "host.firewall-active"]),
        ],
    },
    Vector {
        id: "users-vm",
        from: Node::Users,
        to: Node::Qemu,
        title: "A local user takes over the VM",
        what: "Through libvirt's sockets, groups, rules or files that are open to others a user of the host controls VMs, and with them the host.",
        logic: Logic::Every,
        barriers: &[
            barrier(
                "sockets",
                "libvirt asks who it is",
                &["daemon.auth-unix-rw", "daemon.socket-mode", "daemon.admin-socket"],
            ),
            barrier(
                "rules",
                "polkit and D-Bus admit administrators only",
                &["access.polkit-manage", "access.polkit-acl-rules", "access.dbus-policy", "access.sudo-virt"],
            ),
            barrier("groups", "Groups hold administrators only", &["access.libvirt-group", "access.kvm-qemu-groups"]),
            barrier(
                "files",
                "Definitions, images and secrets are private",
                &["daemon.qemu-conf-perms", "daemon.etc-libvirt-perms", "storage.image-mode", "daemon.hooks"],
            ),
            barrier("secrets", "No secrets in the definition", &["vm.install-secrets", "vm.sysinfo-secrets"]),
        ],
    },
    Vector {
        id: "boot-chain",
        from: Node::Storage,
        to: Node::Guest,
        title: "Something else than its system boots in the guest",
        what: "Whoever changes the boot loader, the kernel or the firmware's variables controls the guest before its own protection starts.",
        logic: Logic::Every,
        barriers: &[
            barrier("secure-boot", "Secure Boot", &["vm.secure-boot", "vm.secure-boot-nvram", "vm.secure-boot-smm"]),
            barrier("tpm", "A TPM measures the start", &["vm.tpm", "storage.swtpm-state"]),
            barrier("order", "It boots from its own disk", &["vm.boot-order", "vm.cdrom-media"]),
            barrier("kernel", "No kernel from outside", &["vm.direct-kernel-boot"]),
            barrier("variables", "The firmware's variables are private", &["storage.nvram-perms"]),
        ],
    },
    Vector {
        id: "admins-memory",
        from: Node::Admins,
        to: Node::Guest,
        title: "An administrator of the host reads the guest's memory",
        what: "The host's root can read all that a guest holds, unless the processor encrypts its memory and the guest's owner checks that.",
        logic: Logic::Every,
        barriers: &[
            essential("encryption", "The processor encrypts the memory", &["cc.launch-security", "z.launch-security"]),
            barrier("attestation", "The owner can check that", &["cc.attestation"]),
            barrier("debug", "No debug mode", &["cc.sev-policy-debug", "cc.snp-policy", "cc.tdx-debug"]),
            barrier(
                "leftovers",
                "Memory does not reach the disk",
                &[
                    "host.swap-encrypted",
                    "host.coredump-storage",
                    "daemon.dump-guest-core",
                    "vm.memory-dumpcore",
                    "storage.managed-save",
                    "storage.dumps",
                ],
            ),
        ],
    },
];
