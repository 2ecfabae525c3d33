// SPDX-License-Identifier: LGPL-2.1-or-later
//! What changed between two reports, as an RFC 7396 merge patch.
//!
//! A merge patch cannot set a member to null: where `meets` becomes null, the patch removes it. Readers take both for the same.
//!
//! The reports are compared as they are, not as JSON trees: those of a thousand VMs would cost tens of megabytes each.

use serde_json::{Map, Value, json};

use super::{Findings, Report};

/// `None` when nothing but the time differs.
pub fn between(old: &Report, new: &Report) -> serde_json::Result<Option<Value>> {
    let mut patch = Map::new();
    set(&mut patch, "profile", &old.profile, &new.profile)?;
    set(&mut patch, "privileged", &old.privileged, &new.privileged)?;
    if old.libvirt != new.libvirt {
        // A message of the state before must go.
        let mut libvirt = serde_json::to_value(&new.libvirt)?;
        if let Some(object) = libvirt.as_object_mut() {
            object.entry("message").or_insert(Value::Null);
        }
        patch.insert("libvirt".to_owned(), libvirt);
    }
    let mut host = Map::new();
    set(&mut host, "name", &old.host.name, &new.host.name)?;
    set(&mut host, "meets", &old.host.meets, &new.host.meets)?;
    set(&mut host, "proven", &old.host.proven, &new.host.proven)?;
    add(&mut host, "findings", findings(&old.host.findings, &new.host.findings)?);
    add(&mut patch, "host", host);

    let mut vms = Map::new();
    for uuid in old.vms.keys().filter(|uuid| !new.vms.contains_key(*uuid)) {
        vms.insert(uuid.clone(), Value::Null);
    }
    for (uuid, vm) in &new.vms {
        let Some(before) = old.vms.get(uuid) else {
            vms.insert(uuid.clone(), serde_json::to_value(vm)?);
            continue;
        };
        let mut change = Map::new();
        set(&mut change, "name", &before.name, &vm.name)?;
        set(&mut change, "connection", &before.connection, &vm.connection)?;
        set(&mut change, "state", &before.state, &vm.state)?;
        set(&mut change, "meets", &before.meets, &vm.meets)?;
        set(&mut change, "proven", &before.proven, &vm.proven)?;
        add(&mut change, "findings", findings(&before.findings, &vm.findings)?);
        let mut vectors = Map::new();
        for (id, standing) in &vm.vectors {
            if before.vectors.get(id) != Some(standing) {
                vectors.insert((*id).to_owned(), serde_json::to_value(standing)?);
            }
        }
        add(&mut change, "vectors", vectors);
        add(&mut vms, uuid, change);
    }
    add(&mut patch, "vms", vms);
    if patch.is_empty() {
        return Ok(None);
    }
    patch.insert("generated".to_owned(), json!(new.generated));
    Ok(Some(Value::Object(patch)))
}

fn set<T: PartialEq + serde::Serialize>(
    patch: &mut Map<String, Value>,
    key: &str,
    old: &T,
    new: &T,
) -> serde_json::Result<()> {
    if old != new {
        patch.insert(key.to_owned(), serde_json::to_value(new)?);
    }
    Ok(())
}

fn add(patch: &mut Map<String, Value>, key: &str, change: Map<String, Value>) {
    if !change.is_empty() {
        patch.insert(key.to_owned(), Value::Object(change));
    }
}

fn findings(old: &Findings, new: &Findings) -> serde_json::Result<Map<String, Value>> {
    let mut patch = Map::new();
    for id in old.keys().filter(|id| !new.contains_key(*id)) {
        patch.insert((*id).to_owned(), Value::Null);
    }
    for (id, finding) in new {
        let before = old.get(id);
        if before == Some(finding) {
            continue;
        }
        let mut value = serde_json::to_value(finding)?;
        if let (Some(object), Some(before)) = (value.as_object_mut(), before) {
            // What is left out now but stood there before must go.
            for (name, stood) in [("needs", before.needs.is_some()), ("waiver", before.waiver.is_some())] {
                if stood {
                    object.entry(name).or_insert(Value::Null);
                }
            }
        }
        patch.insert((*id).to_owned(), value);
    }
    Ok(patch)
}
