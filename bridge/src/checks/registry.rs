// SPDX-License-Identifier: LGPL-2.1-or-later
//! All checks, in reading order.

use super::{Check, access, daemon, host, process, vm};

pub static CHECKS: &[&Check] = &[
    // The host: mandatory access control.
    &host::selinux::ENFORCING,
    &host::selinux::PERSISTENT,
    &host::sebool::USE_NFS,
    &host::sebool::USE_SAMBA,
    &host::sebool::USE_FUSEFS,
    &host::sebool::USE_USB,
    &host::sebool::USE_COMM,
    &host::sebool::USE_EXECMEM,
    &host::sebool::USE_RAWIP,
    &host::sebool::USE_SANLOCK,
    &host::sebool::USE_XSERVER,
    &host::sebool::TRANSITION_USERDOMAIN,
    &host::sebool::SANDBOX_USE_AUDIT,
    &host::sebool::SANDBOX_USE_NETLINK,
    &host::sebool::SANDBOX_USE_SYS_ADMIN,
    &host::sebool::STAFF_USE_SVIRT,
    &host::sebool::UNPRIVUSER_USE_SVIRT,
    &host::sebool_state::NOT_PERSISTENT,
    // The host: kernel, processor, firewall, processes.
    &host::kernel::KASLR,
    &host::kernel::CPU_VULNERABILITIES,
    &host::kernel::KSM,
    &host::firewall::LIBVIRT_PORTS,
    &host::unmanaged::QEMU,
    // libvirt's daemons.
    &daemon::qemu_conf::SECURITY_DRIVER,
    &daemon::qemu_conf::QEMU_USER,
    &daemon::qemu_conf::SECCOMP_SANDBOX,
    &daemon::qemu_conf::NAMESPACES,
    &daemon::listen::TCP,
    // Who may manage VMs.
    &daemon::listen::AUTH_UNIX_RW,
    &daemon::access::DRIVERS,
    &access::group::LIBVIRT,
    &access::polkit::MANAGE,
    // A VM: firmware, machine, confinement.
    &vm::firmware::SECURE_BOOT,
    &vm::machine::Q35,
    &vm::tpm::PRESENT,
    &vm::machine::HARDWARE_ACCEL,
    &vm::seclabel::NONE,
    &vm::qemu_options::COMMANDLINE,
    &vm::qemu_options::EMULATOR,
    // A VM: consoles, devices, storage, secrets.
    &vm::graphics::LISTEN,
    &vm::graphics::PASSWORD,
    &vm::disks::FLOPPY,
    &vm::disks::SHAREABLE,
    &vm::disks::DUPLICATE_SOURCE,
    &vm::secrets::INSTALL,
    // A VM: its QEMU process.
    &process::label::SELINUX_LABEL,
    &process::label::MCS_UNIQUE,
    &process::rights::UID,
    &process::rights::CAPABILITIES,
    &process::rights::SECCOMP,
    &process::rights::MOUNT_NAMESPACE,
    &process::listen::LISTEN_SOCKETS,
    // A VM: its state.
    &vm::state::TAINTS,
    &vm::state::CONFIG_DRIFT,
];
