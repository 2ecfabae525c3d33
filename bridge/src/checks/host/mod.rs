// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host: kernel, processor, mandatory access control, firewall.

pub mod firewall;
pub mod iommu;
pub mod kernel;
pub mod sebool;
pub mod sebool_state;
pub mod selinux;
pub mod unmanaged;
pub mod vfio;
