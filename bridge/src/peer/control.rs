// SPDX-License-Identifier: LGPL-2.1-or-later
//! The control messages that a peer may get, and the options of an `open`.
//!
//! Two kinds of mistake are told apart. What is no control message at all ([`Malformed`]) ends the connection. A control
//! message with a wrong attribute is a [`Problem`] of the channel that it names, or, without one, nothing but a log line.

use std::fmt;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::problem::Problem;

/// A control frame that is not a JSON object with a `command`; the text says why, in one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed(String);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "malformed control message: {}", self.0)
    }
}

impl std::error::Error for Malformed {}

/// What came, by the duty it brings. Everything that brings none is [`Control::Ignored`].
#[derive(Debug)]
pub enum Control {
    /// All of the other side's `init`; judged by [`check_init`].
    Init(Options),
    Open {
        channel: String,
        options: Options,
    },
    Close {
        channel: String,
    },
    /// New options for an open channel.
    Options {
        channel: String,
    },
    Ping {
        channel: String,
        fields: Map<String, Value>,
    },
    Kill {
        host: Option<String>,
        group: Option<String>,
    },
    /// `done`, `hint`, `authorize`, `logout`, and whatever later versions of Cockpit bring.
    Ignored,
    /// A known command that cannot be followed and names no channel to close: worth a line in the log.
    Unusable(String),
}

impl Control {
    /// Reads the payload of a frame without a channel.
    pub fn parse(payload: &[u8]) -> Result<Self, Malformed> {
        let text = str::from_utf8(payload).map_err(|_| Malformed("it is not UTF-8".into()))?;
        // serde_json bounds the nesting itself (128 levels), so hostile depth is an error and no stack overflow.
        let value: Value = serde_json::from_str(text).map_err(|error| Malformed(format!("it is not JSON: {error}")))?;
        let Value::Object(fields) = value else {
            return Err(Malformed(format!("it is {}, not an object", kind(&value))));
        };
        match fields.get("command") {
            Some(Value::String(_)) => {}
            Some(other) => return Err(Malformed(format!("its \"command\" is {}, not a string", kind(other)))),
            None => return Err(Malformed("it has no \"command\"".into())),
        }
        Ok(Self::from_fields(fields).unwrap_or_else(|problem| Self::Unusable(problem.message)))
    }

    fn from_fields(fields: Map<String, Value>) -> Result<Self, Problem> {
        let options = Options(Arc::new(fields));
        Ok(match options.get_str("command")?.unwrap_or_default() {
            "init" => Self::Init(options),
            "open" => Self::Open { channel: options.channel()?, options },
            "close" => Self::Close { channel: options.channel()? },
            "options" => Self::Options { channel: options.channel()? },
            "ping" => Self::Ping { channel: options.channel()?, fields: Arc::unwrap_or_clone(options.0) },
            "kill" => Self::Kill {
                host: options.get_str("host")?.map(str::to_owned),
                group: options.get_str("group")?.map(str::to_owned),
            },
            _ => Self::Ignored,
        })
    }
}

/// Whether we can talk to a side that introduces itself like this; otherwise a one-line reason.
pub fn check_init(init: &Options) -> Result<(), String> {
    match init.0.get("version") {
        Some(version) if version.as_u64() == Some(1) => Ok(()),
        version => Err(match (init.0.get("problem"), version) {
            (Some(problem), _) => format!("the other side refused with the problem {}", shown(problem)),
            (None, Some(version)) => {
                format!("the other side speaks protocol version {}, this program only 1", shown(version))
            }
            (None, None) => "the other side's init has no \"version\"".into(),
        }),
    }
}

/// The attributes of an `open`, read by name and type. Cheap to clone.
///
/// Attributes that nobody asks for are ignored, as the protocol wants; `null` counts as absent. Each error is a
/// `protocol-error` that names the attribute.
#[derive(Debug, Clone)]
pub struct Options(Arc<Map<String, Value>>);

impl Options {
    pub fn get_str(&self, name: &str) -> Result<Option<&str>, Problem> {
        self.get(name, "a string", Value::as_str)
    }

    pub fn require_str(&self, name: &str) -> Result<&str, Problem> {
        self.get_str(name)?.ok_or_else(|| Problem::protocol_error(format!("the attribute \"{name}\" is missing")))
    }

    /// Absent is false.
    pub fn get_bool(&self, name: &str) -> Result<bool, Problem> {
        Ok(self.get(name, "true or false", Value::as_bool)?.unwrap_or(false))
    }

    pub fn get_strs(&self, name: &str) -> Result<Option<Vec<&str>>, Problem> {
        self.get(name, "an array of strings", |value| value.as_array()?.iter().map(Value::as_str).collect())
    }

    fn get<'a, T>(
        &'a self,
        name: &str,
        wanted: &str,
        convert: impl Fn(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) => convert(value).map(Some).ok_or_else(|| {
                Problem::protocol_error(format!("the attribute \"{name}\" must be {wanted}, not {}", kind(value)))
            }),
        }
    }

    fn channel(&self) -> Result<String, Problem> {
        match self.require_str("channel")? {
            "" => Err(Problem::protocol_error("the attribute \"channel\" is empty")),
            channel => Ok(channel.to_owned()),
        }
    }
}

impl From<Map<String, Value>> for Options {
    fn from(fields: Map<String, Value>) -> Self {
        Self(Arc::new(fields))
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

/// A foreign value for a log line: cut to a length that fits one, and without what a terminal would act on.
fn shown(value: &Value) -> String {
    // JSON escapes the newlines and ESC, but neither DEL nor the C1 controls.
    value.to_string().chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn options(value: Value) -> Options {
        let Value::Object(fields) = value else { panic!("not an object") };
        Options::from(fields)
    }

    #[test]
    fn what_is_no_control_message() {
        let deep = format!("{{\"command\":{}", "[".repeat(100_000));
        let table: &[(&[u8], &str)] = &[
            (b"", "it is not JSON"),
            (b"{", "it is not JSON"),
            (b"{\"command\":\"x\"} {}", "it is not JSON"),
            (deep.as_bytes(), "it is not JSON: recursion limit exceeded"),
            (b"{\"command\":\"\xff\"}", "it is not UTF-8"),
            (b"[]", "it is an array, not an object"),
            (b"\"init\"", "it is a string, not an object"),
            (b"1", "it is a number, not an object"),
            (b"null", "it is null, not an object"),
            (b"true", "it is true or false, not an object"),
            (b"{}", "it has no \"command\""),
            (b"{\"command\":7}", "its \"command\" is a number, not a string"),
            (b"{\"command\":null}", "its \"command\" is null, not a string"),
        ];
        for (payload, reason) in table {
            let error = Control::parse(payload).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn without_a_usable_channel() {
        for command in ["open", "close", "options", "ping"] {
            for channel in [json!(null), json!(""), json!(5), json!(["4:1"])] {
                let text = json!({"command": command, "channel": channel}).to_string();
                let control = Control::parse(text.as_bytes()).unwrap();
                assert!(matches!(&control, Control::Unusable(why) if why.contains("\"channel\"")), "{control:?}");
            }
        }
    }

    #[test]
    fn kill_never_falls_back_to_all() {
        for text in [r#"{"command":"kill","group":5}"#, r#"{"command":"kill","group":"g","host":[]}"#] {
            assert!(matches!(Control::parse(text.as_bytes()).unwrap(), Control::Unusable(_)), "{text}");
        }
    }

    #[test]
    fn unknown_commands_are_ignored() {
        for command in ["authorize", "logout", "hint", "done", "x", ""] {
            let text = json!({"command": command, "channel": 7}).to_string();
            assert!(matches!(Control::parse(text.as_bytes()).unwrap(), Control::Ignored), "{command}");
        }
    }

    #[test]
    fn init_versions() {
        assert_eq!(check_init(&options(json!({"version": 1, "host": "x", "superuser": {}}))), Ok(()));
        let table = [
            (json!({"version": 2}), "version 2"),
            (json!({"version": "1"}), "version \"1\""),
            (json!({"version": 1.5}), "version 1.5"),
            (json!({"version": "\n\u{1b}[31m"}), r#"version "\n\u001b[31m""#),
            (json!({"version": null}), "version null"),
            (json!({"version": "\u{9b}31m\u{7f}"}), "version \"?31m?\""),
            (json!({}), "no \"version\""),
            (json!({"problem": "access-denied"}), "access-denied"),
        ];
        for (init, reason) in table {
            let error = check_init(&options(init)).unwrap_err();
            assert!(error.contains(reason), "{error}");
            assert!(!error.contains(char::is_control), "{error}");
        }
    }

    #[test]
    fn options_by_name_and_type() {
        let options = options(json!({"s": "text", "b": true, "n": null, "wrong": 5}));
        assert_eq!(options.get_str("s"), Ok(Some("text")));
        assert_eq!(options.require_str("s"), Ok("text"));
        assert_eq!(options.get_str("n"), Ok(None));
        assert_eq!(options.get_str("absent"), Ok(None));
        assert_eq!(options.get_bool("b"), Ok(true));
        assert_eq!(options.get_bool("n"), Ok(false));
        assert_eq!(options.get_bool("absent"), Ok(false));
        let wrong =
            |problem| Problem::protocol_error(format!("the attribute \"wrong\" must be {problem}, not a number"));
        assert_eq!(options.get_str("wrong"), Err(wrong("a string")));
        assert_eq!(options.get_bool("wrong"), Err(wrong("true or false")));
        assert_eq!(options.require_str("absent"), Err(Problem::protocol_error("the attribute \"absent\" is missing")));
    }
}
