// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keeps secrets out of the definitions that become facts.
//!
//! libvirt itself leaves passwords out of XML that is not asked for with `VIR_DOMAIN_XML_SECURE`. What people write into places
//! that libvirt does not look into stays in, and any local user may read it there; it must not spread into recordings and reports.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem;
use roxmltree::{Document, Node};

/// Stands for a value that is set. Not empty, so that a check still sees that there is something.
pub(crate) const MARK: &str = "(set, not recorded)";

/// Parts of words that make a name look like a secret's.
const WORDS: [&str; 6] = ["passw", "secret", "token", "credential", "cookie", "private key"];

/// Attributes that name what an element of somebody's metadata holds.
pub(super) const NAMING: [&str; 2] = ["name", "key"];

/// The definition with the values of likely secrets replaced by [`MARK`]:
/// - console passwords and HTTP cookies, which libvirt leaves out itself but files on disk have;
/// - text and attributes in metadata elements named like a password (cockpit-machines' `root_password`, `<meta name='password'>`), attributes
///   that are named so, and comments that speak of one;
/// - `NAME=VALUE` with such a name in `<qemu:arg>`, `<qemu:env>`, `<cmdline>` and SMBIOS or `fw_cfg` entries, and `data=` of a `secret` object.
pub(super) fn definition(xml: String) -> String {
    if !looks_secret(&xml) {
        return xml;
    }
    // What cannot be read cannot be cleaned either, nor judged: only that stays to be said.
    let Ok(document) = Document::parse(&xml) else {
        return "(a definition that does not parse, not recorded)".to_owned();
    };
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    // Where the element ends that is named like a secret, and everything in which is one.
    let mut end = 0;
    // Elsewhere libvirt says which attributes there are, and an element such as <secret> only names one that is kept elsewhere.
    let mut metadata = 0;
    for node in document.descendants() {
        let secret = node.range().start < end;
        if (node.is_comment() || node.is_pi()) && (secret || looks_secret(xml.get(node.range()).unwrap_or(""))) {
            changes.push((node.range(), String::new()));
        }
        if !node.is_element() {
            continue;
        }
        for name in ["passwd", "password"] {
            if let Some(attribute) = node.attribute_node(name).filter(|attribute| !attribute.value().is_empty()) {
                changes.push((attribute.range_value(), MARK.to_owned()));
            }
        }
        let name = node.tag_name().name();
        let secret = secret || looks_secret(name);
        let foreign = node.range().start < metadata;
        let named = foreign && NAMING.iter().any(|name| looks_secret(node.attribute(*name).unwrap_or("")));
        if secret || named {
            end = end.max(node.range().end);
            texts(&xml, node, |_| Cow::Borrowed(MARK), &mut changes);
        }
        if foreign {
            let kept = |name: &str| !secret && !looks_secret(name) && (!named || NAMING.contains(&name));
            let values = node.attributes().filter(|attribute| !kept(attribute.name()) && !attribute.value().is_empty());
            changes.extend(values.map(|attribute| (attribute.range_value(), MARK.to_owned())));
        } else if name == "metadata" {
            metadata = node.range().end;
        }
        match name {
            "arg" => options(node, "value", &mut changes),
            "env" if looks_secret(node.attribute("name").unwrap_or("")) => {
                if let Some(value) = node.attribute_node("value") {
                    changes.push((value.range_value(), MARK.to_owned()));
                }
            }
            // QEMU's firmware configuration has its name beside the value: `opt/io.systemd.credentials/NAME`.
            "entry" if looks_secret(node.attribute("name").unwrap_or("")) => {
                texts(&xml, node, |_| Cow::Borrowed(MARK), &mut changes);
            }
            "cmdline" | "entry" => texts(&xml, node, redact_words, &mut changes),
            _ => {}
        }
    }
    changes.sort_by_key(|(range, _)| range.start);
    let mut out = String::with_capacity(xml.len());
    let mut done = 0;
    for (range, value) in changes {
        // The same text may count as a secret for two reasons.
        if let Some(kept) = xml.get(done..range.start) {
            out += kept;
            out += &value;
            done = range.end;
        }
    }
    out + xml.get(done..).unwrap_or("")
}

/// Replaces an attribute that holds QEMU options.
fn options(node: Node, name: &str, changes: &mut Vec<(Range<usize>, String)>) {
    let Some(attribute) = node.attribute_node(name) else { return };
    let value = attribute.value();
    if let Ok(serde_json::Value::Object(mut object)) = serde_json::from_str(value) {
        if members(&mut object) {
            changes.push((attribute.range_value(), escape(&serde_json::Value::Object(object).to_string())));
        }
        return;
    }
    let object = value.starts_with("secret,") || value.contains("qom-type=secret");
    let parts: Vec<Cow<str>> = parts(value).into_iter().map(|part| pair(part, object)).collect();
    if parts.iter().any(|part| matches!(part, Cow::Owned(_))) {
        changes.push((attribute.range_value(), escape(&parts.join(","))));
    }
}

/// Between commas; two of them are one in a value.
fn parts(options: &str) -> Vec<&str> {
    let (mut parts, mut rest, mut from) = (Vec::new(), options, 0);
    while let Some(at) = memchr::memchr(b',', rest.as_bytes().get(from..).unwrap_or_default()) {
        let comma = from + at;
        if rest.as_bytes().get(comma + 1) == Some(&b',') {
            from = comma + 2;
        } else {
            parts.push(&rest[..comma]);
            (rest, from) = (&rest[comma + 1..], 0);
        }
    }
    parts.push(rest);
    parts
}

/// QEMU's options as JSON. Whether anything was replaced.
fn members(object: &mut serde_json::Map<String, serde_json::Value>) -> bool {
    let secret = object.get("qom-type").is_some_and(|kind| kind == "secret");
    let mut changed = false;
    for (name, value) in object {
        if looks_secret(name) || secret && name == "data" {
            *value = MARK.into();
            changed = true;
        } else {
            changed |= inner(value);
        }
    }
    changed
}

fn inner(value: &mut serde_json::Value) -> bool {
    match value {
        serde_json::Value::Object(object) => members(object),
        // All of them, not until the first that is changed.
        serde_json::Value::Array(list) => list.iter_mut().filter_map(|value| inner(value).then_some(())).count() > 0,
        _ => false,
    }
}

fn texts(xml: &str, node: Node, redact: impl Fn(&str) -> Cow<str>, changes: &mut Vec<(Range<usize>, String)>) {
    for text in node.children().filter(Node::is_text) {
        let value = text.text().unwrap_or("");
        let redacted = redact(value);
        if !value.trim().is_empty() && redacted != value {
            // The parser joins text and CDATA sections, and says the range of the first only.
            let end = match text.next_sibling() {
                Some(next) => next.range().start,
                None => xml.get(..node.range().end).and_then(|xml| xml.rfind("</")).unwrap_or(text.range().end),
            };
            changes.push((text.range().start..end, escape(&redacted)));
        }
    }
}

fn redact_words(text: &str) -> Cow<'_, str> {
    if text.to_ascii_lowercase().contains("private key") {
        return Cow::Borrowed(MARK);
    }
    let words: Vec<Cow<str>> = text.split_inclusive(char::is_whitespace).map(word).collect();
    if words.iter().any(|word| matches!(word, Cow::Owned(_))) {
        Cow::Owned(words.concat())
    } else {
        Cow::Borrowed(text)
    }
}

/// A word with the blank behind it.
fn word(text: &str) -> Cow<'_, str> {
    let word = text.trim_end_matches(char::is_whitespace);
    match pair(word, false) {
        Cow::Owned(redacted) => Cow::Owned(redacted + &text[word.len()..]),
        Cow::Borrowed(_) => Cow::Borrowed(text),
    }
}

/// `NAME=VALUE` without its value where the name is a secret's. The last `=` of the secret part counts: systemd credentials are
/// written `io.systemd.credential:NAME=VALUE`.
fn pair(text: &str, object: bool) -> Cow<'_, str> {
    match text.split_once('=') {
        Some((name, value)) if !value.is_empty() && (looks_secret(name) || object && name == "data") => {
            Cow::Owned(format!("{name}={MARK}"))
        }
        _ => Cow::Borrowed(text),
    }
}

pub(super) fn looks_secret(text: &str) -> bool {
    // Names are written in any case; a definition as a whole is searched for both common ones, without a copy of it.
    let bytes = text.as_bytes();
    WORDS.iter().any(|word| memmem::find(bytes, word.as_bytes()).is_some())
        || WORDS.iter().any(|word| memmem::find(bytes, word.to_ascii_uppercase().as_bytes()).is_some())
        || ["Passw", "Secret", "Token", "Credential", "Cookie", "Private"]
            .iter()
            .any(|word| memmem::find(bytes, word.as_bytes()).is_some())
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&apos;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_replaced_and_nothing_else() {
        let xml = "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>a&amp;b</name><metadata>\
            <c:data xmlns:c='https://github.com/cockpit-project/cockpit-machines'><c:root_password>hunter&lt;2</c:root_password>\
            <c:user_password/></c:data></metadata><os><cmdline>quiet password=hunter2 root=/dev/vda</cmdline></os>\
            <sysinfo><oemStrings><entry>io.systemd.credential:x=hunter2</entry></oemStrings></sysinfo>\
            <sysinfo type='fwcfg'><entry name='opt/io.systemd.credentials/x'>hunter3</entry></sysinfo>\
            <qemu:commandline><qemu:arg value='-object'/><qemu:arg value=\"secret,id=s,data=hunter2,format=raw\"/>\
            <qemu:env name='API_TOKEN' value='hunter2'/><qemu:env name='A' value='1'/></qemu:commandline></domain>";
        let clean = definition(xml.to_owned());
        assert!(!clean.contains("hunter"), "{clean}");
        let expected = xml
            .replace(">hunter&lt;2<", &format!(">{MARK}<"))
            .replace("password=hunter2", &format!("password={MARK}"))
            .replace("x=hunter2", &format!("x={MARK}"))
            .replace("hunter3", MARK)
            .replace("data=hunter2", &format!("data={MARK}"))
            .replace("value='hunter2'", &format!("value='{MARK}'"));
        assert_eq!(clean, expected);
    }

    #[test]
    fn what_only_files_hold_is_replaced() {
        let xml = "<domain><devices><graphics type='vnc' passwd=\"hunter2\" passwdValidTo='2030-01-01T00:00:00'/>\
            <disk><source protocol='https'><cookies><cookie name='a'>hunter2</cookie></cookies></source></disk></devices></domain>";
        assert_eq!(definition(xml.to_owned()), xml.replace("hunter2", MARK));
    }

    #[test]
    fn options_written_as_json_are_replaced() {
        let arg = |json: &str| format!("<domain xmlns:q='urn:q'><q:arg value='{}'/></domain>", escape(json));
        let clean = definition(arg(r#"{"data":"hunter2","id":"s","qom-type":"secret"}"#));
        assert_eq!(clean, arg(&format!(r#"{{"data":"{MARK}","id":"s","qom-type":"secret"}}"#)));
        let clean = definition(arg(r#"{"driver":"https","file":{"cookie":"hunter2"}}"#));
        assert!(!clean.contains("hunter"), "{clean}");
        let harmless = arg(r#"{"driver": "qcow2", "note": "the token ring"}"#);
        assert_eq!(definition(harmless.clone()), harmless);
    }

    #[test]
    fn no_form_of_writing_hides_a_secret() {
        for (xml, left) in [
            ("<root_password>a<![CDATA[hunter2]]>b<!-- c -->hunter2</root_password>", 2),
            ("<my_secret><v>hunter2</v><password>hunter2</password></my_secret>", 2),
            ("<cmdline>a=1\n\tpassword=hunter2]]&gt; b</cmdline>", 1),
            ("<q:arg value='secret,id=s,data=a,,hunter2,,,format=raw'/>", 1),
            ("<q:arg value='{\"list\":[{\"password\":\"hunter2\"},{\"secret\":{\"a\":\"hunter2\"}}]}'/>", 2),
            ("<!-- password: hunter2 -->", 0),
            ("<?secret hunter2?>", 0),
        ] {
            let clean = definition(format!("<domain xmlns:q='urn:q'>{xml}</domain>"));
            assert!(!clean.contains("hunter2") && clean.matches(MARK).count() == left, "{clean}");
            assert!(Document::parse(&clean).is_ok(), "{clean}");
        }
        assert!(
            definition("<a xmlns:q='urn:q'><q:arg value='secret,data=a,,b,id=s'/></a>".to_owned()).contains(",id=s")
        );
    }

    #[test]
    fn attributes_in_metadata_are_replaced() {
        let metadata =
            |inner: &str| format!("<domain xmlns:m='urn:m'><metadata>{inner}</metadata><a secret='x'/></domain>");
        for (xml, left) in [
            ("<m:secret value='hunter2' m:a=\"hunter2\" b=''><m:x y='hunter2'>hunter2</m:x></m:secret>", 4),
            ("<m:vm id='1' adminPassword='hunter2' m:api_token='hunter2'/>", 2),
            ("<m:meta name='admin_password' value='hunter2'>hunter2<m:x y='hunter2'/></m:meta>", 3),
            ("<m:meta key='API_TOKEN' m:value='hunter2'/>", 1),
            ("<m:metadata><m:secret value='hunter2'/></m:metadata><m:token value='hunter2'/>", 2),
        ] {
            let xml = metadata(xml);
            let clean = definition(xml.clone());
            assert_eq!(clean, xml.replace("hunter2", MARK));
            assert_eq!(clean.matches(MARK).count(), left, "{clean}");
        }
        let harmless = metadata("<m:meta name='owner' value='token ring'/><m:x y='password'/>");
        assert_eq!(definition(harmless.clone()), harmless);
    }

    #[test]
    fn many_secrets_are_replaced_in_linear_time() {
        let clean = definition(format!("<domain>{}</domain>", "<a_token>hunter2</a_token>".repeat(150_000)));
        assert!(!clean.contains("hunter2") && clean.ends_with("</a_token></domain>"));
    }

    #[test]
    fn a_definition_without_secrets_is_left_alone() {
        let xml = "<domain><disk><encryption><secret type='passphrase' uuid='1'/></encryption></disk></domain>";
        assert_eq!(definition(xml.to_owned()), xml);
    }
}
