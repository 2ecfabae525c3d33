// SPDX-License-Identifier: LGPL-2.1-or-later
//! What polkit answers for libvirt's actions where no rule says otherwise.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use super::super::host::ImplicitAnswers;
use super::super::{Fact, Gap};
use super::peer::ask;

const SERVICE: &str = "org.freedesktop.PolicyKit1";

/// Id, description, message, vendor, its URL, icon, three answers, annotations.
pub(super) type Action = (String, String, String, String, String, String, u32, u32, u32, HashMap<String, String>);

pub(super) fn read(address: &str, limit: Duration) -> Fact<BTreeMap<String, ImplicitAnswers>> {
    let actions = ask(address, SERVICE, limit, |peer| async move {
        // The texts in no language in particular.
        let interface = "org.freedesktop.PolicyKit1.Authority";
        peer.call("/org/freedesktop/PolicyKit1/Authority", interface, "EnumerateActions", &"C").await
    });
    actions.and_then(known).into()
}

fn known(actions: Vec<Action>) -> Result<Fact<BTreeMap<String, ImplicitAnswers>>, Gap> {
    let origin = format!("{SERVICE}: EnumerateActions");
    let mut answers = BTreeMap::new();
    for (id, _, _, _, _, _, any, inactive, active, _) in actions {
        if id.starts_with("org.libvirt.") {
            let answer = |number| {
                answer(number).ok_or_else(|| Gap::new(&origin, format!("polkit's answer {number} is not known")))
            };
            let these = ImplicitAnswers { any: answer(any)?, inactive: answer(inactive)?, active: answer(active)? };
            answers.insert(id, these);
        }
    }
    Ok(Fact::known(origin, answers))
}

/// `PolkitImplicitAuthorization`, in the words of polkit's own files.
fn answer(number: u32) -> Option<String> {
    let words = ["no", "auth_self", "auth_admin", "auth_self_keep", "auth_admin_keep", "yes"];
    words.get(usize::try_from(number).ok()?).map(ToString::to_string)
}
