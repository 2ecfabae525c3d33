// SPDX-License-Identifier: LGPL-2.1-or-later
//! A person's decision to live with a finding: why, who, since when, until when. A waived finding stays visible; it counts no more.
//!
//! A VM's waivers are kept in its libvirt metadata, so that they move with it; the host's in [`HOST_FILE`]. Both hold the same members,
//! once as XML and once as JSON:
//!
//! ```xml
//! <vmsec:waivers xmlns:vmsec="urn:cockpit-vm-security:waivers:1">
//!   <vmsec:waiver check="vm.floppy" by="anna" since="2026-01-31T12:00:00Z" until="2026-12-31">The installer needs it.</vmsec:waiver>
//! </vmsec:waivers>
//! ```

pub mod store;

use std::fmt::Write;

use serde::{Deserialize, Serialize};

pub const NAMESPACE: &str = "urn:cockpit-vm-security:waivers:1";
/// The prefix under which libvirt stores our element.
pub const PREFIX: &str = "vmsec";
pub const HOST_FILE: &str = "/etc/cockpit-vm-security/waivers.json";

/// Longest reason, in characters.
pub const REASON_LIMIT: usize = 1000;
/// There are not so many checks; whoever writes more means harm.
const COUNT_LIMIT: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Waiver {
    /// The check's id.
    pub check: String,
    pub reason: String,
    /// The user's name as the session knows it.
    pub by: String,
    /// RFC 3339.
    pub since: String,
    /// The last day on which it counts, as `2026-12-31` (UTC); for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
}

impl Waiver {
    /// Whether it counts at a moment, given as RFC 3339 in UTC. What has no date that can be read counts no more.
    pub fn counts(&self, now: &str) -> bool {
        match &self.until {
            None => true,
            Some(until) => is_date(until) && now.get(..10).is_some_and(|today| today <= until.as_str()),
        }
    }
}

/// Whether a text is a day, as `2026-12-31`.
pub fn is_date(text: &str) -> bool {
    text.len() == 10 && text.parse::<jiff::civil::Date>().is_ok()
}

/// The waivers in a VM's definition. What is not of our form is left out: others may write there.
pub fn in_definition(domain: roxmltree::Node) -> Vec<Waiver> {
    let metadata = domain.children().find(|node| node.has_tag_name("metadata"));
    let ours = metadata.and_then(|node| node.children().find(|node| node.has_tag_name((NAMESPACE, "waivers"))));
    ours.map(in_element).unwrap_or_default()
}

/// The waivers in our element, as libvirt gives it.
pub fn in_element(waivers: roxmltree::Node) -> Vec<Waiver> {
    let rows = waivers.children().filter(|node| node.has_tag_name((NAMESPACE, "waiver")));
    rows.take(COUNT_LIMIT).filter_map(waiver).collect()
}

fn waiver(node: roxmltree::Node) -> Option<Waiver> {
    let text = |name: &str| Some(node.attribute(name)?.chars().take(REASON_LIMIT).collect::<String>());
    Some(Waiver {
        check: text("check")?,
        reason: node.text().unwrap_or("").trim().chars().take(REASON_LIMIT).collect(),
        by: text("by")?,
        since: text("since")?,
        until: text("until"),
    })
}

/// The element for a VM's metadata; `None` when there is nothing to keep.
pub fn to_xml(waivers: &[Waiver]) -> Option<String> {
    if waivers.is_empty() {
        return None;
    }
    // libvirt puts the prefix and the namespace in itself.
    let mut xml = "<waivers>".to_owned();
    for Waiver { check, reason, by, since, until } in waivers {
        let _ = write!(xml, "<waiver check=\"{}\" by=\"{}\" since=\"{}\"", escape(check), escape(by), escape(since));
        if let Some(until) = until {
            let _ = write!(xml, " until=\"{}\"", escape(until));
        }
        let _ = write!(xml, ">{}</waiver>", escape(reason));
    }
    xml.push_str("</waivers>");
    Some(xml)
}

/// XML cannot hold most control characters at all.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\n' => out.push_str("&#10;"),
            char if char.is_control() || matches!(char, '\u{fffe}' | '\u{ffff}') => out.push(' '),
            char => out.push(char),
        }
    }
    out
}

/// The host's file.
pub fn from_json(text: &str) -> Result<Vec<Waiver>, String> {
    let waivers: Vec<Waiver> =
        serde_json::from_str(text).map_err(|error| format!("it is not a list of waivers ({error})"))?;
    if waivers.len() > COUNT_LIMIT { Err(format!("it holds more than {COUNT_LIMIT} waivers")) } else { Ok(waivers) }
}

/// With one added, in the place of an earlier one for the same check.
pub fn with(mut waivers: Vec<Waiver>, waiver: Waiver) -> Vec<Waiver> {
    waivers.retain(|other| other.check != waiver.check);
    waivers.push(waiver);
    waivers.sort_by(|a, b| a.check.cmp(&b.check));
    waivers
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiver(reason: &str, until: Option<&str>) -> Waiver {
        Waiver {
            check: "vm.floppy".to_owned(),
            reason: reason.to_owned(),
            by: "anna".to_owned(),
            since: "2026-01-31T12:00:00Z".to_owned(),
            until: until.map(str::to_owned),
        }
    }

    /// As libvirt keeps what it is given.
    fn stored(xml: &str) -> String {
        let xml = xml.replace("</waiver", "</v:waiver").replace("<waiver", "<v:waiver");
        let xml = xml.replacen("<v:waivers", &format!("<v:waivers xmlns:v=\"{NAMESPACE}\""), 1);
        format!("<domain><metadata><other xmlns='urn:other'/>{xml}</metadata></domain>")
    }

    #[test]
    fn what_is_written_is_read_again() {
        let waivers = vec![waiver("<b>\"it's\" & 'so'\nand so on", Some("2026-12-31")), waiver("grün 仮想", None)];
        let text = stored(&to_xml(&waivers).unwrap());
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(in_definition(document.root_element()), waivers);
        assert_eq!(from_json(&serde_json::to_string(&waivers).unwrap()).unwrap(), waivers);
        assert_eq!(to_xml(&[]), None);
    }

    #[test]
    fn what_xml_cannot_hold_does_not_break_it() {
        let text = stored(&to_xml(&[waiver("a\u{1b}[31m\0b\u{ffff}", None)]).unwrap());
        let document = roxmltree::Document::parse(&text).unwrap();
        assert_eq!(in_definition(document.root_element())[0].reason, "a [31m b");
    }

    #[test]
    fn it_counts_until_the_end_of_its_last_day() {
        let last = waiver("", Some("2026-12-31"));
        assert!(last.counts("2026-12-31T23:59:59Z"));
        assert!(!last.counts("2027-01-01T00:00:00Z"));
        assert!(waiver("", None).counts("2027-01-01T00:00:00Z"));
        for (until, now) in
            [("soon", "2026-01-01T00:00:00Z"), ("2026-13-01", "2026-01-01T00:00:00Z"), ("2026-12-31", "")]
        {
            assert!(!waiver("", Some(until)).counts(now), "{until} at {now}");
        }
    }

    #[test]
    fn foreign_and_broken_ones_are_left_out() {
        let text = format!(
            "<domain><metadata><w:waivers xmlns:w='{NAMESPACE}'><w:waiver check='a' by='b'/><waiver check='a' by='b' since='c'/>\
             <w:waiver check='vm.tpm' by='b' since='c'> why </w:waiver></w:waivers></metadata></domain>"
        );
        let document = roxmltree::Document::parse(&text).unwrap();
        let found = in_definition(document.root_element());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].check.as_str(), found[0].reason.as_str()), ("vm.tpm", "why"));
        assert!(from_json("{}").is_err() && from_json(r#"[{"check":"a"}]"#).is_err());
        assert!(
            from_json(&format!("[{}]", vec![r#"{"check":"a","reason":"","by":"","since":""}"#; 1001].join(",")))
                .is_err()
        );
    }

    #[test]
    fn a_new_one_takes_the_place_of_the_old() {
        let both = with(
            vec![waiver("old", None), Waiver { check: "vm.tpm".to_owned(), ..waiver("", None) }],
            waiver("new", None),
        );
        assert_eq!(both.iter().map(|waiver| waiver.reason.as_str()).collect::<Vec<_>>(), ["new", ""]);
    }
}
