// SPDX-License-Identifier: LGPL-2.1-or-later
//! qemu-bridge-helper: the program by which a user who is not root may connect a VM to a bridge of the host, and its rules.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::permissions::{self, FileMode};
use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// Where distributions install it.
const PROGRAMS: [&str; 4] = [
    "/usr/lib/qemu/qemu-bridge-helper",
    "/usr/lib/qemu-bridge-helper",
    "/usr/lib64/qemu/qemu-bridge-helper",
    "/usr/libexec/qemu-bridge-helper",
];
/// Its rules: QEMU's own name for the directory, and that of Red Hat's build.
const RULES: [&str; 2] = ["/etc/qemu/bridge.conf", "/etc/qemu-kvm/bridge.conf"];
/// Rules may include other files.
const FILE_LIMIT: usize = 16;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BridgeHelper {
    /// The programs that exist.
    pub programs: Vec<FileMode>,
    /// In the order of the files; a bridge that is both denied and allowed is denied.
    pub rules: Fact<Vec<Rule>>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    pub allow: bool,
    /// A name, or `all`.
    pub bridge: String,
    pub path: String,
    /// Everybody may read that file. The helper reads it as its user, for whom it does not hold otherwise.
    #[serde(default)]
    pub everybody: bool,
}

pub(super) fn read(root: &Root) -> Fact<BridgeHelper> {
    let mut helper = BridgeHelper { rules: rules(root), ..BridgeHelper::default() };
    for path in PROGRAMS {
        match permissions::of(root, path) {
            Ok(mode) => helper.programs.push(mode),
            Err(error) if is_absent(&error) => {}
            Err(error) => return Gap::from_io(path, &error).into(),
        }
    }
    Fact::known("stat /usr/lib*/…/qemu-bridge-helper", helper)
}

fn rules(root: &Root) -> Fact<Vec<Rule>> {
    let mut found = Vec::new();
    let mut seen = BTreeSet::new();
    let mut paths: Vec<String> = RULES.iter().rev().map(ToString::to_string).collect();
    while let Some(path) = paths.pop() {
        if seen.len() == FILE_LIMIT {
            return Fact::missing(path, format!("the rules of qemu-bridge-helper are in more than {FILE_LIMIT} files"));
        }
        if !seen.insert(path.clone()) {
            continue;
        }
        match root.read(&path) {
            Ok(text) => {
                let everybody = permissions::of(root, &path).is_ok_and(|mode| mode.others_may_read());
                paths.extend(read_file(&text, &path, everybody, &mut found));
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Gap::from_io(path, &error).into(),
        }
    }
    Fact::known(RULES.join(", "), found)
}

/// Adds the rules of one file and returns what it includes.
fn read_file(text: &str, path: &str, everybody: bool, found: &mut Vec<Rule>) -> Vec<String> {
    let mut included = Vec::new();
    for line in text.lines() {
        let mut words = line.split('#').next().unwrap_or("").split_whitespace();
        let (Some(word), Some(value)) = (words.next(), words.next()) else { continue };
        match word {
            "allow" | "deny" => {
                found.push(Rule { allow: word == "allow", bridge: value.to_owned(), path: path.to_owned(), everybody });
            }
            "include" => included.push(value.to_owned()),
            _ => {}
        }
    }
    included
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn rules_with_what_they_include() {
        let test = TestRoot::new();
        test.file("/etc/qemu/bridge.conf", "# allow all\nallow virbr0 # nat\ninclude /etc/qemu/more.conf\ndeny\n\n")
            .file("/etc/qemu/more.conf", "deny all\ninclude /etc/qemu/bridge.conf\ninclude /gone")
            .file("/usr/libexec/qemu-bridge-helper", "");
        let helper = read(&test.root()).get().unwrap().clone();
        let shown: Vec<_> = helper
            .rules
            .get()
            .unwrap()
            .iter()
            .map(|rule| format!("{} {} {}", rule.allow, rule.bridge, rule.path))
            .collect();
        assert_eq!(shown, ["true virbr0 /etc/qemu/bridge.conf", "false all /etc/qemu/more.conf"]);
        assert_eq!(helper.programs[0].path, "/usr/libexec/qemu-bridge-helper");
        assert!(helper.rules.get().unwrap().iter().all(|rule| rule.everybody));
    }

    #[test]
    fn nothing_there_is_known() {
        let helper = read(&TestRoot::new().root()).get().unwrap().clone();
        assert!(helper.programs.is_empty() && helper.rules.get().unwrap().is_empty());
    }

    #[test]
    fn files_without_end_are_a_gap() {
        let test = TestRoot::new();
        let included: Vec<_> = (0..20).map(|number| format!("include /{number}")).collect();
        test.file("/etc/qemu/bridge.conf", included.join("\n"));
        assert!(read(&test.root()).get().unwrap().rules.value().is_none());
        test.fifo("/etc/qemu-kvm/bridge.conf").file("/etc/qemu/bridge.conf", "");
        assert!(read(&test.root()).get().unwrap().rules.value().is_none());
    }
}
