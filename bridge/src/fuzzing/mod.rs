// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is done with hostile input, by tests and by the fuzzer of `tests/fuzz`; no part of the program that is installed.
//!
//! A target takes any bytes. It panics where a promise does not hold, and otherwise comes back soon.

mod report;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::sync::LazyLock;

use crate::checks::{self, Judge, Neighbours};
use crate::facts::host::{ConfFile, ConfValue, RulesFile, Setting};
use crate::facts::{Fact, Facts, State, collect, fuzzing as facts};
use crate::peer::control::{Control, check_init};
use crate::peer::frame::{Frame, FrameReader, encode};

type Target = (&'static str, fn(&[u8]));

/// Each target by its name, which its corpus has too.
const TARGETS: &[Target] = &[
    ("config", facts::config),
    ("documents", facts::documents),
    ("domain", domain),
    ("firmware", facts::firmware),
    ("frames", frames),
    ("guest_agent", facts::guest_agent),
    ("netlink", facts::netlink),
    ("nvram", facts::nvram),
    ("osinfo", facts::osinfo),
    ("polkit", polkit),
    ("qcow2", facts::qcow2),
    ("recording", recording),
    ("redaction", facts::redaction),
    ("selinux_policy", facts::selinux_policy),
    ("sudoers", facts::sudoers),
    ("x509", facts::x509),
];

/// Runs one target.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|(other, _)| *other == name);
    assert!(target.is_some(), "there is no target {name}");
    if let Some((_, target)) = target {
        target(data);
    }
}

/// A page's bytes: what is read as frames is written as the same bytes, and a control message's errors are one line.
fn frames(data: &[u8]) {
    let mut reader = FrameReader::new(data);
    let mut written = Vec::new();
    let error = loop {
        match reader.next_frame() {
            Ok(Some(Frame { channel, payload })) => {
                if channel.is_empty() {
                    control(&payload);
                }
                written.extend(encode(&channel, &payload).unwrap_or_default());
            }
            Ok(None) => break None,
            Err(error) => break Some(error.to_string()),
        }
    };
    match error {
        None => assert_eq!(written, data),
        Some(error) => assert!(data.starts_with(&written) && !error.contains(char::is_control), "{error}"),
    }
}

fn control(payload: &[u8]) {
    match Control::parse(payload) {
        Ok(Control::Init(options)) => {
            assert!(check_init(&options).err().is_none_or(|error| !error.contains(char::is_control)));
        }
        Ok(Control::Open { channel, options }) => {
            assert!(!channel.is_empty());
            let _ = (options.get_str("payload"), options.get_bool("watch"), options.get_strs("verdicts"));
        }
        Ok(Control::Unusable(error)) => assert!(!error.contains(char::is_control), "{error}"),
        Ok(_) => {}
        Err(error) => assert!(!error.to_string().contains(char::is_control), "{error}"),
    }
}

/// The scan of rules files, once as rules and once as an old key file, on a host where libvirt asks polkit about each action.
fn polkit(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for name in ["50-x.rules", "x.pkla"] {
        let mut facts = Facts::default();
        let drivers = Setting { value: ConfValue::List(vec!["polkit".to_owned()]), line: 1 };
        let settings = [("access_drivers".to_owned(), drivers)].into();
        let conf = ConfFile { path: "/etc/libvirt/libvirtd.conf".to_owned(), exists: true, settings };
        facts.host.config.daemons.insert("libvirtd.conf".to_owned(), Fact::known("conf", conf));
        let file = RulesFile { path: format!("/etc/polkit-1/{name}"), text: text.clone().into_owned() };
        facts.host.polkit.rules = Fact::known("rules", vec![file]);
        for id in ["access.polkit-manage", "access.polkit-acl-rules"] {
            let check = checks::find(id).map(|check| check.judge);
            assert!(matches!(check, Some(Judge::Host(_))));
            if let Some(Judge::Host(judge)) = check {
                assert!(
                    judge(&facts, &Neighbours::default()).is_ok_and(|verdict| !verdict.message.is_empty())
                        || id.ends_with("rules")
                        || name.ends_with("rules")
                );
            }
        }
    }
}

/// A definition, or a stored and a running one with a NUL between them, on a host of which much is known.
fn domain(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let (stored, live) = match text.split_once('\0') {
        Some((stored, live)) => (stored, Some(live)),
        None => (&*text, None),
    };
    let mut facts = known();
    let mut defined = Vec::new();
    collect::add_definition(&mut defined, "/etc/libvirt/qemu/x.xml", Fact::known("x.xml", stored.to_owned()));
    if let (Some(vm), Some(mut defined)) = (facts.vms.first_mut(), defined.pop()) {
        std::mem::swap(&mut vm.stored, &mut defined.stored);
        (vm.uuid, vm.name) = (defined.uuid, defined.name);
        let state = if live.is_some() { State::Running } else { State::ShutOff };
        vm.state = Fact::known("virsh domstate", state);
        vm.live = Fact::known("virsh dumpxml", live.map(|live| collect::redacted(live.to_owned())));
    }
    report::check(&facts);
}

/// A recording of facts, as somebody hands it around.
fn recording(data: &[u8]) {
    let text: Cow<str> = String::from_utf8_lossy(data);
    if let Ok(facts) = Facts::from_recording(&text) {
        report::check(&facts);
    }
}

/// What the examples of all checks say together.
fn known() -> Facts {
    static KNOWN: LazyLock<Facts> =
        LazyLock::new(|| Facts::from_recording(include_str!("known.json")).unwrap_or_default());
    KNOWN.clone()
}
