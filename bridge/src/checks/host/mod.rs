// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host: kernel, processor, mandatory access control, firewall.

pub mod apparmor;
pub mod boot;
pub mod emulator;
pub mod firewall;
pub mod iommu;
pub mod kernel;
pub mod kvm;
pub mod memory;
pub mod mitigations;
pub mod processor;
pub mod sebool;
pub mod sebool_other;
pub mod sebool_state;
pub mod selinux;
pub mod selinux_domains;
pub mod services;
pub mod sysctl;
pub mod unmanaged;
pub mod updates;
pub mod vfio;
