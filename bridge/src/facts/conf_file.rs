// SPDX-License-Identifier: LGPL-2.1-or-later
//! The content of one of libvirt's configuration files, as checks ask for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Gap;

/// The assignment of each key that counts: as libvirt looks it up, the first one. Values of password keys are never kept, only that they are set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ConfFile {
    pub path: String,
    /// The file exists.
    pub exists: bool,
    pub settings: BTreeMap<String, Setting>,
}

impl ConfFile {
    /// A string. libvirt refuses a file in which a key has another type, so that this is a gap, not a default.
    pub fn text(&self, key: &str) -> Result<Option<&str>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::Text(text)) => Ok(Some(text)),
            Some(_) => Err(self.not(key, "a string")),
        }
    }

    pub fn integer(&self, key: &str) -> Result<Option<i64>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::Integer(number)) => Ok(Some(*number)),
            Some(_) => Err(self.not(key, "a number")),
        }
    }

    /// A list of strings. One string alone counts as a list of it, as libvirt takes it for `security_driver`.
    pub fn list(&self, key: &str) -> Result<Option<&[String]>, Gap> {
        match self.setting(key) {
            None => Ok(None),
            Some(ConfValue::List(list)) => Ok(Some(list)),
            Some(ConfValue::Text(text)) => Ok(Some(std::slice::from_ref(text))),
            Some(_) => Err(self.not(key, "a list of strings")),
        }
    }

    /// Where a key stands, for evidence: `/etc/libvirt/qemu.conf: user (line 12)`.
    pub fn place(&self, key: &str) -> String {
        match self.settings.get(key) {
            Some(setting) => format!("{}: {key} (line {})", self.path, setting.line),
            None => format!("{}: {key}", self.path),
        }
    }

    /// A key's value as a person would write it; a secret's value is not here to be shown.
    pub fn shown(&self, key: &str) -> String {
        match self.setting(key) {
            None if self.exists => "(not set)".to_owned(),
            None => "(not set: the file does not exist)".to_owned(),
            Some(ConfValue::Integer(number)) => number.to_string(),
            Some(ConfValue::Text(text)) => format!("\"{text}\""),
            Some(ConfValue::List(list)) => format!("{list:?}"),
            Some(ConfValue::Secret { empty: true, .. }) => "(set to the empty string)".to_owned(),
            Some(ConfValue::Secret { .. }) => "(set)".to_owned(),
        }
    }

    fn setting(&self, key: &str) -> Option<&ConfValue> {
        self.settings.get(key).map(|setting| &setting.value)
    }

    fn not(&self, key: &str, kind: &str) -> Gap {
        Gap::new(self.place(key), format!("{key} in {} is not {kind}", self.path))
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Setting {
    pub value: ConfValue,
    /// Line number, from 1.
    pub line: u32,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ConfValue {
    Integer(i64),
    Text(String),
    List(Vec<String>),
    /// A secret that is set; `empty` because an empty VNC password means something else to QEMU than none.
    Secret {
        secret: bool,
        empty: bool,
    },
}
