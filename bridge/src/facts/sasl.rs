// SPDX-License-Identifier: LGPL-2.1-or-later
//! `/etc/sasl2/libvirt.conf`: how clients may log in where libvirt is told to use SASL.

use serde::{Deserialize, Serialize};

use super::Fact;
use super::root::Root;

const PATH: &str = "/etc/sasl2/libvirt.conf";

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sasl {
    /// `mech_list`; without it every mechanism that is installed may be used.
    pub mechanisms: Option<Vec<String>>,
}

/// A file that does not exist says nothing, so that the library's own defaults hold.
pub(super) fn read(root: &Root) -> Fact<Sasl> {
    root.optional(PATH).map(|text| Sasl { mechanisms: text.as_deref().and_then(mechanisms) })
}

/// The first `mech_list:` counts. Names are compared without regard to case.
fn mechanisms(text: &str) -> Option<Vec<String>> {
    let value = text.lines().find_map(|line| {
        let (name, value) = line.trim_start().split_once(':')?;
        (name.trim_end() == "mech_list").then_some(value)
    })?;
    Some(value.split_whitespace().map(str::to_ascii_lowercase).collect())
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn the_first_list_counts() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).get().unwrap().mechanisms, None);
        test.file(PATH, "# mech_list: plain\nkeytab: /x\nmech_list: GSSAPI  scram-sha-256\nmech_list: plain\n");
        let sasl = read(&test.root()).get().unwrap().clone();
        assert_eq!(sasl.mechanisms.unwrap(), ["gssapi", "scram-sha-256"]);
        test.file(PATH, "mech_list:\n");
        assert_eq!(read(&test.root()).get().unwrap().mechanisms.as_deref(), Some(&[][..]));
        test.file(PATH, "\0\u{fffd}:::\n");
        assert_eq!(read(&test.root()).get().unwrap().mechanisms, None);
    }

    #[test]
    fn a_fifo_is_a_gap() {
        let test = TestRoot::new();
        test.fifo(PATH);
        assert!(read(&test.root()).value().is_none());
    }
}
