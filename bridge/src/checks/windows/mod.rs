// SPDX-License-Identifier: LGPL-2.1-or-later
//! Windows guests: what Red Hat's chapter asks of them, by libosinfo's name in the definition or by what the guest says of itself.

pub mod devices;
pub mod hardware;
pub mod virtualization;

use super::{Domain, Judged, Verdict};
use crate::facts::Vm;

/// Judges Windows guests only.
fn only(vm: &Vm, domain: &Domain, judge: impl FnOnce() -> Judged) -> Judged {
    let named = domain.guest_os().is_some_and(|id| id.starts_with("http://microsoft.com/win"));
    if named || vm.guest.os.value().is_some_and(|os| os.id == "mswindows") {
        judge()
    } else {
        Ok(Verdict::not_applicable("Nothing says that the guest is Windows."))
    }
}
