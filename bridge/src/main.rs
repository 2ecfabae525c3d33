// SPDX-License-Identifier: LGPL-2.1-or-later
//! Picks the face, nothing else.

use std::process::ExitCode;

fn main() -> ExitCode {
    vm_security::cli::main()
}
