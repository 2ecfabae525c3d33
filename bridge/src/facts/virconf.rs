// SPDX-License-Identifier: LGPL-2.1-or-later
//! The syntax of libvirt's own configuration files, exactly as its parser (`virconf.c`) takes it: what libvirt refuses is an
//! error here too, and what libvirt reads differently from what a person expects is read libvirt's way.
//!
//! A file is a row of statements, each a `# comment` or `name = value`, separated by line ends or `;`. A value is an integer, a
//! `'string'` or `"string"` on one line without escapes, a `"""string"""` over several lines, or a `[list]` of values over
//! several lines, in which a trailing comma is allowed and a comment is not.

use std::collections::BTreeMap;

use super::host::{ConfValue, Setting};

/// What `parse` found wrong, at which line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: u32,
    pub(super) problem: &'static str,
}

/// The settings of a file. Of several assignments of one key the first counts: libvirt keeps all and looks them up from the top.
pub(super) fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Setting>, SyntaxError> {
    let mut parser = Parser { rest: bytes, line: 1 };
    let mut settings = BTreeMap::new();
    while !parser.rest.is_empty() {
        parser.blanks_and_line_ends();
        if parser.peek() == Some(b'#') {
            parser.comment();
        } else {
            let (name, setting) = parser.assignment()?;
            settings.entry(name).or_insert(setting);
        }
        parser.separator()?;
    }
    Ok(settings)
}

struct Parser<'a> {
    rest: &'a [u8],
    line: u32,
}

/// A value before it is known whether it may be kept.
enum Value {
    Integer(i64),
    Text(String),
    List(Vec<String>),
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    fn error<T>(&self, problem: &'static str) -> Result<T, SyntaxError> {
        Err(SyntaxError { line: self.line, problem })
    }

    /// Takes bytes while `wanted` holds.
    fn take_while(&mut self, wanted: impl Fn(u8) -> bool) -> &'a [u8] {
        let end = self.rest.iter().position(|byte| !wanted(*byte)).unwrap_or(self.rest.len());
        self.take(end)
    }

    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(count);
        self.line = self.line.saturating_add(line_ends(taken));
        self.rest = rest;
        taken
    }

    fn blanks(&mut self) {
        self.take_while(is_blank);
    }

    fn blanks_and_line_ends(&mut self) {
        self.take_while(|byte| is_blank(byte) || is_line_end(byte));
    }

    fn comment(&mut self) {
        self.take_while(|byte| !is_line_end(byte));
    }

    fn separator(&mut self) -> Result<(), SyntaxError> {
        self.blanks();
        match self.peek() {
            None => {}
            Some(byte) if is_line_end(byte) => self.blanks_and_line_ends(),
            Some(b';') => {
                self.take(1);
                self.blanks_and_line_ends();
            }
            Some(_) => return self.error("a line end was expected after the value"),
        }
        Ok(())
    }

    fn assignment(&mut self) -> Result<(String, Setting), SyntaxError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_alphabetic()) {
            return self.error("the name of a setting was expected");
        }
        let name = self.take_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let name = String::from_utf8_lossy(name).into_owned();
        let line = self.line;
        self.blanks();
        if self.peek() != Some(b'=') {
            return self.error("an equals sign was expected after the name");
        }
        self.take(1);
        let value = self.value()?;
        self.blanks();
        if self.peek() == Some(b'#') {
            self.comment();
        }
        let value = keep(&name, value);
        Ok((name, Setting { value, line }))
    }

    fn value(&mut self) -> Result<Value, SyntaxError> {
        self.blanks();
        match self.peek() {
            Some(b'[') => self.list(),
            _ => self.scalar(),
        }
    }

    fn scalar(&mut self) -> Result<Value, SyntaxError> {
        match self.peek() {
            Some(quote @ (b'"' | b'\'')) => self.string(quote).map(Value::Text),
            Some(byte) if byte.is_ascii_digit() || byte == b'-' || byte == b'+' => self.integer().map(Value::Integer),
            _ => self.error("a value was expected"),
        }
    }

    /// A number that no 64-bit integer holds becomes the nearest one; libvirt's own result is undefined then.
    fn integer(&mut self) -> Result<i64, SyntaxError> {
        let sign = self.peek();
        if matches!(sign, Some(b'-' | b'+')) {
            self.take(1);
        }
        let digits = self.take_while(|byte| byte.is_ascii_digit());
        if digits.is_empty() {
            return self.error("a digit was expected after the sign");
        }
        let number =
            digits.iter().fold(0_i64, |sum, digit| sum.saturating_mul(10).saturating_add(i64::from(digit - b'0')));
        Ok(if sign == Some(b'-') { -number } else { number })
    }

    fn string(&mut self, quote: u8) -> Result<String, SyntaxError> {
        // Six quotes at the very end of a file are two empty strings to libvirt; it wants one more byte behind them.
        if self.rest.len() > 6 && self.rest.starts_with(b"\"\"\"") {
            let Some(length) = memchr::memmem::find(&self.rest[3..], b"\"\"\"") else {
                return self.error("a string in triple quotes is not closed");
            };
            let taken = self.take(length + 6);
            return Ok(text(&taken[3..length + 3]));
        }
        let end = self.rest[1..].iter().position(|byte| *byte == quote || is_line_end(*byte));
        match end.map(|end| (end, self.rest[end + 1])) {
            Some((end, byte)) if byte == quote => {
                let taken = self.take(end + 2);
                Ok(text(&taken[1..=end]))
            }
            _ => self.error("a string is not closed on its line"),
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        self.take(1);
        let mut values = Vec::new();
        loop {
            self.blanks_and_line_ends();
            match self.peek() {
                Some(b']') => break,
                // libvirt parses lists in lists and then refuses them for every setting that it has.
                Some(b'[') => return self.error("a list stands inside a list"),
                Some(_) => {}
                None => return self.error("a list is not closed"),
            }
            match self.scalar()? {
                Value::Integer(number) => values.push(number.to_string()),
                Value::Text(text) => values.push(text),
                Value::List(_) => {}
            }
            self.blanks_and_line_ends();
            match self.peek() {
                Some(b']') => break,
                Some(b',') => self.take(1),
                Some(_) => return self.error("a comma was expected in the list"),
                None => return self.error("a list is not closed"),
            };
        }
        self.take(1);
        Ok(Value::List(values))
    }
}

/// What of a value may be kept: of a secret only that it is set.
fn keep(name: &str, value: Value) -> ConfValue {
    if ["password", "passwd", "passphrase"].iter().any(|secret| name.ends_with(secret)) {
        let empty = matches!(&value, Value::Text(text) if text.is_empty());
        return ConfValue::Secret { secret: true, empty };
    }
    match value {
        Value::Integer(number) => ConfValue::Integer(number),
        Value::Text(text) => ConfValue::Text(text),
        Value::List(values) => ConfValue::List(values),
    }
}

/// libvirt's strings end at a NUL.
fn text(bytes: &[u8]) -> String {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len());
    String::from_utf8_lossy(&bytes[..end]).into_owned()
}

fn line_ends(bytes: &[u8]) -> u32 {
    u32::try_from(memchr::memchr_iter(b'\n', bytes).count()).unwrap_or(u32::MAX)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_line_end(byte: u8) -> bool {
    byte == b'\n' || byte == b'\r'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn a(source: &str) -> ConfValue {
        parse(source.as_bytes()).unwrap()["a"].value.clone()
    }

    fn text(value: &str) -> ConfValue {
        ConfValue::Text(value.to_owned())
    }

    fn list(values: &[&str]) -> ConfValue {
        ConfValue::List(values.iter().map(ToString::to_string).collect())
    }

    fn problem(source: &str) -> (u32, &'static str) {
        let error = parse(source.as_bytes()).unwrap_err();
        (error.line, error.problem)
    }

    // Every expectation of this test and the next is what libvirt 9.0's own virConfReadString answered.
    #[test]
    fn reads_what_libvirt_reads() {
        assert_eq!(a("a=\"x\"\na=\"y\"\n"), text("x"));
        assert_eq!(a("a = \"x\" ; b = 2\n"), text("x"));
        assert_eq!(a("  a  =  \"x\"  # hi\n"), text("x"));
        assert_eq!(a("a='x\"y'"), text("x\"y"));
        assert_eq!(a("a=\"\""), text(""));
        assert_eq!(a("a=\"\"\"m\nn\"\"\"\n"), text("m\nn"));
        assert_eq!(a("a=\"\"\"\"\"\"\n"), text(""));
        assert_eq!(a("a=\"x\0y\""), text("x"));
        assert_eq!(a("\ta=1\r\n"), ConfValue::Integer(1));
        assert_eq!(a("a=-5\n"), ConfValue::Integer(-5));
        assert_eq!(a("a=+5;"), ConfValue::Integer(5));
        assert_eq!(a("#c\n\na=1 # z"), ConfValue::Integer(1));
        assert_eq!(a("a=1\n#z\n  "), ConfValue::Integer(1));
        assert_eq!(a("a=[]"), list(&[]));
        assert_eq!(a("a=[\n\"x\",\n'y',\n]\n"), list(&["x", "y"]));
        assert_eq!(a("a=[\"\"\"q\nr\"\"\",\"z\"]"), list(&["q\nr", "z"]));
        assert!(parse(b"").unwrap().is_empty());
        assert!(parse(b"#c").unwrap().is_empty());
    }

    #[test]
    fn refuses_what_libvirt_refuses_with_its_line() {
        for (source, line) in [
            ("a=\"x\" b=1\n", 1),
            ("a=1x", 1),
            ("a=\n\"x\"\n", 1),
            ("a=[\"x\",,]", 1),
            ("a=[\"x\" # c\n]", 1),
            ("a=[\"x\"\n\"y\"]", 2),
            ("a=[ \"x\",\n", 2),
            ("a=[ \"x\"", 1),
            ("a=\"x\n\"\n", 1),
            ("a=\"x", 1),
            ("a=\"x\\\"y\"\n", 1),
            ("a=\"\"\"x\n", 1),
            ("a=- 5", 1),
            ("a=1;;", 1),
            ("a=1\n;", 2),
            ("a.b=1", 1),
            ("_a=1", 1),
            ("a=x", 1),
            ("a=", 1),
            ("a", 1),
            ("\n\n", 3),
            ("[section]\na=1", 1),
            ("\u{feff}a=1", 1),
            ("# c\na=1\n\0", 3),
        ] {
            assert_eq!(problem(source).0, line, "{source:?}");
        }
        assert_eq!(problem("x = 1\n\na = \n"), (3, "a value was expected"));
    }

    #[test]
    fn keeps_no_password_of_any_type() {
        for value in ["\"s3cret\"", "\"\"\"s3cret\n\"\"\"", "['s3cret']", "12345", "''"] {
            let settings = parse(format!("vnc_password = {value}\nspice_password={value}\n").as_bytes()).unwrap();
            let kept = serde_json::to_string(&settings).unwrap();
            assert!(!kept.contains("s3cret") && !kept.contains("12345"), "{kept}");
            let expected = ConfValue::Secret { secret: true, empty: value == "''" };
            assert_eq!(settings["vnc_password"], Setting { value: expected, line: 1 });
        }
    }

    #[test]
    fn hostile_sizes_are_read_in_linear_time() {
        let lines: Vec<_> = (1..=100_000).map(|n| format!("k{n} = [ {n}, \"x\" ]")).collect();
        assert_eq!(parse(lines.join("\n").as_bytes()).unwrap()["k100000"].line, 100_000);
        assert_eq!(problem(&format!("a = {}", "[".repeat(1_000_000))), (1, "a list stands inside a list"));
        assert_eq!(a(&format!("a = -{}", "9".repeat(1_000_000))), ConfValue::Integer(-i64::MAX));
        assert_eq!(problem(&format!("a = [{}", "1,\n".repeat(100_000))), (100_001, "a list is not closed"));
    }
}
