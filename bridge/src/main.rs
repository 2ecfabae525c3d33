// SPDX-License-Identifier: LGPL-2.1-or-later
//! Picks the face, nothing else.

fn main() {}
