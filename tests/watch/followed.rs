// SPDX-License-Identifier: LGPL-2.1-or-later
//! A watched report, kept up to date with the patches that come for it, as the page does it.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, clippy::panic, reason = "a failed expectation is a failed test")]

use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::transcript::{Message, Transcript};

/// RFC 7396, section 2.
pub(crate) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    let target = target.as_object_mut().expect("an object");
    for (name, value) in patch {
        if value.is_null() {
            target.remove(&name);
        } else {
            merge(target.entry(name).or_insert(Value::Null), value);
        }
    }
}

/// A merge patch can remove a member but not set it to null: whoever follows a report takes both for the same (`meets`).
pub(crate) fn without_nulls(value: &mut Value) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|_, member| !member.is_null());
    }
    match value {
        Value::Object(object) => object.values_mut().for_each(without_nulls),
        Value::Array(array) => array.iter_mut().for_each(without_nulls),
        _ => {}
    }
}

pub(crate) struct Followed {
    pub(crate) id: String,
    pub(crate) report: Value,
}

impl Followed {
    /// Opens a watch and gets its report.
    pub(crate) fn open(transcript: &mut Transcript, id: &str, options: &Value) -> Self {
        let mut open = json!({"view": "audit", "watch": true});
        merge(&mut open, options.clone());
        transcript.open(id, open);
        transcript.expect_ready(id);
        let report = transcript.expect_json(id);
        assert_eq!(report["version"], 1, "{report}");
        Self { id: id.to_owned(), report }
    }

    pub(crate) fn vm(&self, uuid: &str) -> &Value {
        &self.report["vms"][uuid]
    }

    pub(crate) fn finding(&self, uuid: &str, id: &str) -> &Value {
        &self.vm(uuid)["findings"][id]
    }

    /// Takes the next patch, which must come soon.
    pub(crate) fn patch(&mut self, transcript: &mut Transcript) -> Value {
        let patch = transcript.expect_json(&self.id);
        self.apply(&patch);
        patch
    }

    /// The next patch that says something about VMs: what the host says may change at any time.
    pub(crate) fn patch_of_vms(&mut self, transcript: &mut Transcript) -> Value {
        loop {
            let patch = self.patch(transcript);
            if patch.get("vms").is_some() {
                return patch;
            }
        }
    }

    fn apply(&mut self, patch: &Value) {
        let said = patch.as_object().expect("a patch is an object");
        assert!(said.contains_key("generated") && said.len() > 1, "a patch says what changed and when: {patch}");
        merge(&mut self.report, patch.clone());
    }

    /// Takes patches until the report is as wanted, and gives the time that took. Each ping on the way must be answered.
    pub(crate) fn until(
        &mut self,
        transcript: &mut Transcript,
        what: &str,
        patience: Duration,
        wanted: impl Fn(&Self) -> bool,
    ) -> Duration {
        let start = Instant::now();
        while !wanted(self) {
            assert!(start.elapsed() < patience, "not in {patience:?}: {what}; {}", self.report["libvirt"]);
            transcript.send(&json!({"command": "ping", "channel": self.id}));
            loop {
                match transcript.next(&self.id) {
                    Message::Control(pong) if pong["command"] == "pong" => break,
                    Message::Control(other) => panic!("waiting for: {what}, got {other}"),
                    Message::Data(data) => self.apply(&serde_json::from_slice(&data).expect("a patch in JSON")),
                }
            }
            if !wanted(self) {
                thread::sleep(Duration::from_millis(10));
            }
        }
        start.elapsed()
    }
}
