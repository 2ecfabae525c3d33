// SPDX-License-Identifier: LGPL-2.1-or-later
//! A virtual machine's definition.

pub mod graphics;
