// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt's own policy file has polkit answer. polkit is started when somebody asks it, so that it may not run to be asked.

use std::collections::BTreeMap;

use roxmltree::{Document, Node, ParsingOptions};

use super::Fact;
use super::host::ImplicitAnswers;
use super::root::Root;

const PATH: &str = "/usr/share/polkit-1/actions/org.libvirt.unix.policy";

pub(super) fn read(root: &Root) -> Fact<BTreeMap<String, ImplicitAnswers>> {
    root.fact(PATH).and_then(|text| parse(&text).map_err(|problem| format!("{PATH} does not parse ({problem})")))
}

pub(super) fn parse(text: &str) -> Result<BTreeMap<String, ImplicitAnswers>, String> {
    // polkit's files name their document type; entities in it are bounded by the parser.
    let options = ParsingOptions { allow_dtd: true, nodes_limit: 10_000, ..ParsingOptions::default() };
    let document = Document::parse_with_options(text, options).map_err(|error| error.to_string())?;
    if !document.root_element().has_tag_name("policyconfig") {
        return Err("it is no policy of polkit".to_owned());
    }
    let actions = document.root_element().children().filter(|node| node.has_tag_name("action"));
    Ok(actions.filter_map(|action| Some((action.attribute("id")?.to_owned(), answers(action)))).collect())
}

/// What a file leaves out is `no`.
fn answers(action: Node) -> ImplicitAnswers {
    let defaults = action.children().find(|node| node.has_tag_name("defaults"));
    let answer = |name: &str| {
        let answer = defaults.and_then(|defaults| defaults.children().find(|node| node.has_tag_name(name)));
        answer.and_then(|node| node.text()).map_or("no", str::trim).to_owned()
    };
    ImplicitAnswers { any: answer("allow_any"), inactive: answer("allow_inactive"), active: answer("allow_active") }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn answers_of_the_policy_file() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.file(
            PATH,
            r#"<?xml version="1.0"?>
<!DOCTYPE policyconfig PUBLIC "-//freedesktop//DTD PolicyKit Policy Configuration 1.0//EN" "http://www.freedesktop.org/policy.dtd">
<policyconfig><action id="org.libvirt.unix.monitor"><description>x</description>
<defaults><allow_any>yes</allow_any><allow_inactive> auth_admin </allow_inactive></defaults></action>
<action id="other"/><action/></policyconfig>"#,
        );
        let read = read(&test.root()).get().unwrap().clone();
        let answers = |any: &str, inactive: &str, active: &str| ImplicitAnswers {
            any: any.to_owned(),
            inactive: inactive.to_owned(),
            active: active.to_owned(),
        };
        assert_eq!(read["org.libvirt.unix.monitor"], answers("yes", "auth_admin", "no"));
        assert_eq!(read["other"], answers("no", "no", "no"));
        assert_eq!(read.len(), 2);
    }

    #[test]
    fn hostile_files_are_a_gap() {
        let test = TestRoot::new();
        let mut laughs = "<!DOCTYPE policyconfig [<!ENTITY a0 'aaaaaaaaaa'>".to_owned();
        for level in 1..30 {
            let last = format!("&a{};", level - 1).repeat(10);
            let _ = write!(laughs, "<!ENTITY a{level} '{last}'>");
        }
        laughs += "]><policyconfig>&a29;</policyconfig>";
        for text in [laughs.as_str(), "<policyconfig>", "<x/>", ""] {
            test.file(PATH, text);
            assert!(read(&test.root()).value().is_none(), "{text}");
        }
    }
}
