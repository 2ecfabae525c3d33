// SPDX-License-Identifier: LGPL-2.1-or-later
//! Makes an example's blocks into facts and lets `audit` judge them.

use serde_json::Value;
use vm_security::audit::{Scope, audit};
use vm_security::checks::{self, Check, Evidence};
use vm_security::facts::root::Root;
use vm_security::facts::{Fact, Facts, State, Vm, files};
use vm_security::policy::Profile;
use vm_security::report::Finding;

use crate::markdown::{Block, Example};

const NAME: &str = "web1";

/// What an example demands, and what the check answered. Both as an author writes them.
pub(crate) struct Judged {
    pub(crate) expected: String,
    pub(crate) got: String,
    /// Only when the example has an `evidence` block.
    pub(crate) expected_evidence: Option<String>,
    pub(crate) got_evidence: String,
}

impl Judged {
    pub(crate) fn verdict_holds(&self) -> bool {
        self.expected == self.got
    }

    pub(crate) fn evidence_holds(&self) -> bool {
        self.expected_evidence.as_ref().is_none_or(|expected| *expected == self.got_evidence)
    }
}

/// The verdict word that an example demands.
pub(crate) fn outcome(example: &Example) -> Option<&str> {
    let block = example.blocks.iter().find(|block| block.info == ["verdict"])?;
    block.text.split(':').next().map(str::trim)
}

/// An example made ready: it can be judged again and again.
pub(crate) struct Case {
    pub(crate) check: &'static Check,
    facts: Facts,
    uuid: String,
    /// There is one only, or the example is wrong.
    verdicts: Vec<String>,
    evidence: Option<String>,
}

impl Case {
    pub(crate) fn new(id: &str, example: &Example) -> Result<Self, String> {
        let check = checks::find(id).ok_or_else(|| format!("there is no check {id}"))?;
        let (facts, uuid) = facts(example, check.scope())?;
        let blocks = |kind: &'static str| example.blocks.iter().filter(move |block| block.info == [kind]);
        // A long message may be wrapped.
        let verdicts = blocks("verdict").map(|block| block.text.split_whitespace().collect::<Vec<_>>().join(" "));
        let evidence = blocks("evidence").next().map(|block| block.text.trim_end().to_owned());
        Ok(Self { check, facts, uuid, verdicts: verdicts.collect(), evidence })
    }

    pub(crate) fn judge(&self) -> Result<Judged, String> {
        let report = audit(&self.facts, Profile::Confidential, &Scope::All);
        let findings = match self.check.scope() {
            "host" => &report.host.findings,
            _ => &report.vms.get(&self.uuid).ok_or("the report lacks the VM under test")?.findings,
        };
        let finding = findings.get(self.check.id).ok_or("the report lacks this check")?;
        let [expected] = &self.verdicts[..] else {
            return Err(format!("an example has exactly one verdict; it is now:\n{}", shown(finding)));
        };
        Ok(Judged {
            expected: expected.clone(),
            got: shown(finding),
            expected_evidence: self.evidence.clone(),
            got_evidence: finding.evidence.iter().map(evidence_line).collect::<Vec<_>>().join("\n"),
        })
    }
}

fn shown(finding: &Finding) -> String {
    format!("{}: {}", finding.verdict.name(), finding.message)
}

fn evidence_line(evidence: &Evidence) -> String {
    format!("{} = {}", evidence.origin, evidence.value)
}

/// The facts of an example, and the UUID of the VM under test.
fn facts(example: &Example, scope: &str) -> Result<(Facts, String), String> {
    let mut facts = Facts::default();
    let is_file = |block: &&Block| matches!(block.info[..], [ref kind, _] if is_file_kind(kind));
    if example.blocks.iter().any(|block| is_file(&block)) {
        let directory = tempfile::tempdir().map_err(|error| error.to_string())?;
        for block in example.blocks.iter().filter(is_file) {
            plant(directory.path(), block).map_err(|error| format!("{}: {error}", block.place))?;
        }
        let root = Root::open(directory.path()).map_err(|error| error.to_string())?;
        facts.host = files::read(&root);
    }
    let mut vms = Vec::new();
    if scope == "vm" {
        vm(&mut vms, NAME);
    }
    let mut patches = Vec::new();
    for block in &example.blocks {
        let info: Vec<&str> = block.info.iter().map(String::as_str).collect();
        match info[..] {
            ["verdict" | "evidence"] => {}
            ["xml"] => define(vm(&mut vms, NAME), block, false),
            ["xml", "live"] => define(vm(&mut vms, NAME), block, true),
            ["xml", name] if name.starts_with("vm=") => define(vm(&mut vms, &name[3..]), block, false),
            ["xml", "live", name] if name.starts_with("vm=") => define(vm(&mut vms, &name[3..]), block, true),
            ["facts" | "vm"] => patches.push(block),
            [kind, _] if is_file_kind(kind) => {}
            _ => return Err(format!("{}: a block ```{} means nothing here", block.place, info.join(" "))),
        }
    }
    for vm in &mut vms {
        settle(vm);
    }
    let uuid = uuid(0);
    facts.vms = vms;
    for block in patches {
        let at = |error: String| format!("{}: {error}", block.place);
        let patch: Value = serde_json::from_str(&block.text).map_err(|error| at(error.to_string()))?;
        if block.info == ["facts"] {
            facts = patched(&facts, &patch).map_err(at)?;
        } else {
            let vm = vm(&mut facts.vms, NAME);
            *vm = patched(vm, &patch).map_err(at)?;
        }
    }
    Ok((facts, uuid))
}

fn is_file_kind(kind: &str) -> bool {
    matches!(kind, "file" | "conf" | "ini" | "link")
}

/// Writes one file, or one symbolic link, below the root of an example.
fn plant(root: &std::path::Path, block: &Block) -> std::io::Result<()> {
    let path = root.join(block.info[1].trim_start_matches('/'));
    if let Some(parent) = path.parent() {
        std::fs::create_dir_all(parent)?;
    }
    if block.info[0] == "link" {
        return std::os::unix::fs::symlink(block.text.trim(), path);
    }
    std::fs::write(path, &block.text)
}

fn uuid(index: usize) -> String {
    format!("00000000-0000-0000-0000-{:012}", index + 1)
}

/// The VM of a name. The one under test is always the first.
fn vm<'a>(vms: &'a mut Vec<Vm>, name: &str) -> &'a mut Vm {
    if vms.is_empty() && name != NAME {
        vm(vms, NAME);
    }
    let index = vms.iter().position(|vm| vm.name == name).unwrap_or_else(|| {
        let connection = "system".to_owned();
        vms.push(Vm { uuid: uuid(vms.len()), name: name.to_owned(), connection, ..Vm::default() });
        vms.len() - 1
    });
    &mut vms[index]
}

fn define(vm: &mut Vm, block: &Block, live: bool) {
    let text = if block.text.trim_start().starts_with("<domain") {
        block.text.clone()
    } else {
        let Vm { name, uuid, .. } = &vm;
        format!("<domain type='kvm'><name>{name}</name><uuid>{uuid}</uuid>\n{}</domain>", block.text)
    };
    if live {
        vm.live = Fact::known("live XML", Some(text));
    } else {
        vm.stored = Fact::known("stored XML", Some(text));
    }
}

/// A VM with one definition only is shut off, or transient. One without any is a VM that libvirt did not tell about.
fn settle(vm: &mut Vm) {
    let state = match (vm.stored.value().is_some(), vm.live.value().is_some()) {
        (false, false) => return,
        (true, false) => {
            vm.live = Fact::known("live XML", None);
            State::ShutOff
        }
        (false, true) => {
            vm.stored = Fact::known("stored XML", None);
            State::Running
        }
        (true, true) => State::Running,
    };
    vm.state = Fact::known("virsh domstate", state);
}

/// Facts with a merge patch applied. A patch that says something which the facts do not have a place for is an error,
/// or a misspelt key would leave an example that tests nothing.
fn patched<T: serde::Serialize + serde::de::DeserializeOwned>(facts: &T, patch: &Value) -> Result<T, String> {
    let mut value = serde_json::to_value(facts).map_err(|error| error.to_string())?;
    merge(&mut value, patch);
    let facts: T = serde_json::from_value(value).map_err(|error| format!("this does not make facts: {error}"))?;
    let value = serde_json::to_value(&facts).map_err(|error| error.to_string())?;
    holds(&value, patch, "")?;
    Ok(facts)
}

/// RFC 7396, with one addition: a `value` replaces a `missing`, and the other way round.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        patch.clone_into(target);
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(target) = target else { return };
    for (one, other) in [("value", "missing"), ("missing", "value")] {
        if patch.contains_key(one) {
            target.remove(other);
        }
    }
    for (key, value) in patch {
        // A fact's own null is a value: `"value": null` says that it is known to be absent.
        if value.is_null() && key != "value" {
            target.remove(key);
        } else {
            merge(target.entry(key).or_insert(Value::Null), value);
        }
    }
}

fn holds(value: &Value, patch: &Value, place: &str) -> Result<(), String> {
    match (value, patch) {
        (Value::Object(value), Value::Object(patch)) => patch.iter().try_for_each(|(key, patch)| {
            let place = format!("{place}/{key}");
            match value.get(key) {
                Some(value) => holds(value, patch, &place),
                // Left out when it is so.
                None if patch.is_null() || *patch == Value::Bool(false) => Ok(()),
                None => Err(format!("the facts have no {place}")),
            }
        }),
        (value, patch) if value == patch || patch.is_null() => Ok(()),
        (Value::Array(values), Value::Array(patches)) if values.len() == patches.len() => {
            values.iter().zip(patches).try_for_each(|(value, patch)| holds(value, patch, place))
        }
        _ => Err(format!("{place} is {value} in the facts, not {patch}")),
    }
}

#[test]
fn a_patch_replaces_what_was_missing_and_a_misspelt_one_is_refused() {
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let patch = json(r#"{"host":{"selinux":{"mode":{"value":"enforcing","origin":"/sys"}}}}"#);
    let facts = patched(&Facts::default(), &patch).unwrap();
    assert!(facts.host.selinux.mode.value().is_some());
    let gone = json(r#"{"host":{"selinux":{"mode":{"missing":"it vanished"}}}}"#);
    assert!(patched(&facts, &gone).unwrap().host.selinux.mode.value().is_none());
    let known_none = json(r#"{"host":{"kernel":{"ksm_run":{"value":null,"origin":"/sys"}}}}"#);
    assert_eq!(patched(&facts, &known_none).unwrap().host.kernel.ksm_run.value(), Some(&None));
    let misspelt = json(r#"{"host":{"selinux":{"mdoe":{"value":"enforcing","origin":"/sys"}}}}"#);
    assert_eq!(patched(&facts, &misspelt).unwrap_err(), "the facts have no /host/selinux/mdoe");
}
