// SPDX-License-Identifier: LGPL-2.1-or-later
//! Whether a secret survives redaction: each place of a definition is compared with the same place of the redacted one.

use roxmltree::{Document, Node};

use super::super::redact::{self, MARK, NAMING};

/// A secret as the corpus marks it. Where it stands in a place for secrets it must go, everywhere else nothing may change.
const SECRET: &str = "hunter2";
const NOT_PARSED: &str = "(a definition that does not parse, not recorded)";

pub(crate) fn redaction(data: &[u8]) {
    let xml = String::from_utf8_lossy(data).into_owned();
    let clean = redact::definition(xml.clone());
    let Ok(before) = Document::parse(&xml) else {
        // What does not parse is kept only where nothing in it looks like a secret.
        assert!(clean == NOT_PARSED || clean == xml && !redact::looks_secret(&xml), "{clean}");
        return;
    };
    let after = Document::parse(&clean);
    assert!(after.is_ok(), "it does not parse any more:\n{xml}\n{clean}");
    let Ok(after) = after else { return };
    let (mut old, mut new) = (elements(&before), elements(&after));
    loop {
        match (old.next(), new.next()) {
            (None, None) => break,
            (Some(old), Some(new)) => same_or_redacted(old, new),
            (old, new) => assert!(old.is_none() && new.is_none(), "an element came or went:\n{xml}\n{clean}"),
        }
    }
}

fn elements<'a>(document: &'a Document) -> impl Iterator<Item = Node<'a, 'a>> {
    document.descendants().filter(Node::is_element)
}

fn same_or_redacted(old: Node, new: Node) {
    let name = old.tag_name().name();
    assert_eq!(old.tag_name(), new.tag_name());
    assert_eq!(old.attributes().len(), new.attributes().len());
    let named_secret = redact::looks_secret(old.attribute("name").unwrap_or(""));
    let within = old.ancestors().any(|node| node.is_element() && redact::looks_secret(node.tag_name().name()));
    let foreign = |node: &Node| node.ancestors().skip(1).any(|node| node.has_tag_name("metadata"));
    let is_named = |node: Node| NAMING.iter().any(|name| redact::looks_secret(node.attribute(*name).unwrap_or("")));
    let named = |node: &Node| node.is_element() && foreign(node) && is_named(*node);
    let below = old.ancestors().skip(1).any(|node| named(&node));
    for (before, after) in old.attributes().zip(new.attributes()) {
        assert_eq!(before.name(), after.name());
        let secret = matches!(before.name(), "passwd" | "password") && before.namespace().is_none()
            || name == "env" && named_secret && before.name() == "value"
            || foreign(&old)
                && (within
                    || below
                    || redact::looks_secret(before.name())
                    || named(&old) && !NAMING.contains(&before.name()));
        if secret {
            assert!(after.value().is_empty() || after.value() == MARK, "{}", after.value());
        } else if name == "arg" && before.name() == "value" {
            options(before.value(), after.value());
        } else {
            assert_eq!(before.value(), after.value(), "an attribute that holds no secret");
        }
    }
    let text = |node: Node| node.children().filter(Node::is_text).filter_map(|text| text.text()).collect::<String>();
    let (before, after) = (text(old), text(new));
    let words = matches!(name, "cmdline" | "entry");
    if within || below || named(&old) || name == "entry" && named_secret {
        assert!(after.replace(MARK, "").trim().is_empty(), "{after}");
    } else if words {
        let kept = after.replace(MARK, "");
        for word in kept.split_whitespace().filter_map(|word| word.split_once('=')) {
            assert!(word.1.is_empty() || !redact::looks_secret(word.0), "{after}");
        }
        assert!(before == after || after.contains(MARK), "{after}");
    } else {
        assert_eq!(before, after, "a text that holds no secret");
    }
}

/// QEMU's options, where the corpus writes a secret after `password=` or as `data=` of a secret object.
fn options(before: &str, after: &str) {
    assert!(before == after || after.contains(MARK), "{after}");
    let object = before.starts_with("secret,") || before.contains("qom-type=secret");
    for (name, value) in after.split(',').filter_map(|part| part.split_once('=')) {
        let secret = redact::looks_secret(name) || object && name == "data";
        assert!(!secret || value.is_empty() || !value.contains(SECRET), "{after}");
    }
}
