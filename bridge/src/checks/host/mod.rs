// SPDX-License-Identifier: LGPL-2.1-or-later
//! The host: kernel, processor, mandatory access control, firewall.

pub mod selinux;
