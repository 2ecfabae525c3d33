// SPDX-License-Identifier: LGPL-2.1-or-later
//! JSON as it may reach a terminal.

use std::io::{self, Write};

use serde_json::ser::Formatter;

/// Compact, with DEL and the control characters of C1 (`0x80` to `0x9f`, which some terminals obey as they do an escape sequence)
/// written as `\u007f`. JSON itself demands that of C0 only; a reader gets the same value.
pub(super) struct Terminal;

impl Formatter for Terminal {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        escaped(writer, fragment)
    }

    /// JSON that is written already: outside of its strings there is no such character.
    fn write_raw_fragment<W: ?Sized + Write>(&mut self, writer: &mut W, fragment: &str) -> io::Result<()> {
        escaped(writer, fragment)
    }
}

fn escaped<W: ?Sized + Write>(writer: &mut W, text: &str) -> io::Result<()> {
    let mut written = 0;
    // 0xc2 begins the characters from 0x80 to 0xbf.
    for at in memchr::memchr2_iter(0x7f, 0xc2, text.as_bytes()) {
        let control = text.get(at..).and_then(|rest| rest.chars().next()).filter(|char| char.is_control());
        if let Some(control) = control {
            writer.write_all(&text.as_bytes()[written..at])?;
            write!(writer, "\\u{:04x}", u32::from(control))?;
            written = at + control.len_utf8();
        }
    }
    writer.write_all(&text.as_bytes()[written..])
}

#[cfg(test)]
mod tests {
    use serde::Serialize;
    use serde_json::value::to_raw_value;

    use super::*;

    fn written(value: &impl Serialize) -> String {
        let mut serializer = serde_json::Serializer::with_formatter(Vec::new(), Terminal);
        value.serialize(&mut serializer).unwrap();
        String::from_utf8(serializer.into_inner()).unwrap()
    }

    #[test]
    fn every_control_character_is_escaped_and_no_other() {
        let all: String = ('\0'..='\u{200}').chain("…\u{fffd}😀".chars()).collect();
        // The values of a map, its keys, and what was made into JSON before.
        for text in [written(&all), written(&[(&all, 1)].into_iter().collect::<std::collections::BTreeMap<_, _>>())] {
            assert!(!text.contains(char::is_control), "{text}");
            assert!(
                text.contains(r"\u007f\u0080\u0081") && text.contains("\\u009f\u{a0}") && text.contains("…\u{fffd}😀"),
                "{text}"
            );
        }
        let raw = to_raw_value(&[&all, &all]).unwrap();
        let text = written(&raw);
        assert!(raw.get().contains('\u{7f}') && !text.contains(char::is_control), "{text}");
        assert_eq!(serde_json::from_str::<[String; 2]>(&text).unwrap(), [all.clone(), all.clone()]);
        assert_eq!(serde_json::from_str::<String>(&written(&all)).unwrap(), all);
    }
}
