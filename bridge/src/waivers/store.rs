// SPDX-License-Identifier: LGPL-2.1-or-later
//! Writes waivers: the one thing that this program changes, and only when a person says so.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::fs::FlockOperation;
use virt::connect::Connect;
use virt::domain::Domain;
use virt::enumutil::Enum;
use virt::error::{Error, ErrorNumber};

use super::{HOST_FILE, NAMESPACE, PREFIX, REASON_LIMIT, Waiver};
use crate::audit::{Audit, Scope};
use crate::checks::{self, Outcome};
use crate::facts::collect::{self, Progress, Sources};
use crate::facts::libvirt::{self, Target};
use crate::facts::root::Root;
use crate::facts::{Facts, Link};
use crate::policy::Profile;
use crate::report::Findings;

/// How long another writer may take.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// What is to be changed.
#[derive(Clone, Debug)]
pub struct Change {
    pub target: Target,
    /// Name or UUID; `None` is the host.
    pub vm: Option<String>,
    pub check: String,
    pub action: Action,
}

#[derive(Clone, Debug)]
pub enum Action {
    Waive {
        reason: String,
        /// The last day, as `2026-12-31`.
        until: Option<String>,
        /// The finding's message as the person saw it: another finding is another decision.
        seen: Option<String>,
    },
    Unwaive,
}

/// Why nothing was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The request makes no sense.
    Invalid(String),
    NotFound(String),
    Denied(String),
    /// What the person decided on is no longer so.
    Changed(String),
    Failed(String),
}

impl Refusal {
    pub fn message(&self) -> &str {
        match self {
            Self::Invalid(text)
            | Self::NotFound(text)
            | Self::Denied(text)
            | Self::Changed(text)
            | Self::Failed(text) => text,
        }
    }
}

/// Makes the change, and gives the waiver that was written, or the one that is gone.
pub fn apply(change: &Change) -> Result<Waiver, Refusal> {
    let check = checks::find(&change.check)
        .ok_or_else(|| Refusal::NotFound(format!("there is no check '{}'", change.check)))?;
    if (check.scope() == "host") != change.vm.is_none() {
        let about = if change.vm.is_none() { "a VM: name it" } else { "the host, not a VM" };
        return Err(Refusal::Invalid(format!("the check {} is about {about}", check.id)));
    }
    let own_session = change.vm.is_some() && change.target.connection == "session";
    if !collect::is_privileged() && !own_session && !change.target.uri.starts_with("test:") {
        return Err(Refusal::Denied("administrative access is required to write waivers".to_owned()));
    }
    if let Action::Waive { reason, until, .. } = &change.action {
        validate(reason, until.as_deref())?;
    }
    let progress = Progress::default();
    let owned = change.clone();
    let done = collect::unless_stalled(&progress, move |_| {
        let _lock = lock()?;
        match &owned.vm {
            Some(vm) => change_vm(&owned, vm),
            None => change_host(&owned, Path::new(HOST_FILE)),
        }
    });
    done.unwrap_or_else(|| Err(Refusal::Failed(format!("libvirt at {} did not answer", change.target.uri))))
}

fn validate(reason: &str, until: Option<&str>) -> Result<(), Refusal> {
    if reason.trim().is_empty() {
        return Err(Refusal::Invalid("a waiver needs a reason".to_owned()));
    }
    if reason.chars().count() > REASON_LIMIT {
        return Err(Refusal::Invalid(format!("the reason is longer than {REASON_LIMIT} characters")));
    }
    let Some(until) = until else { return Ok(()) };
    if !super::is_date(until) {
        return Err(Refusal::Invalid(format!("'{until}' is not a day as 2026-12-31")));
    }
    if *until < *today() {
        return Err(Refusal::Invalid(format!("{until} is over already")));
    }
    Ok(())
}

fn now() -> String {
    let now = Timestamp::now();
    now.round(jiff::Unit::Second).unwrap_or(now).to_string()
}

fn today() -> String {
    now().get(..10).unwrap_or_default().to_owned()
}

/// Our own writers wait for each other: each reads what is there, and writes it back with its own change.
fn lock() -> Result<File, Refusal> {
    let directory = if collect::is_privileged() { Some("/run".into()) } else { std::env::var_os("XDG_RUNTIME_DIR") };
    let directory = directory.map_or_else(std::env::temp_dir, PathBuf::from);
    let path = directory.join("cockpit-vm-security.lock");
    let failed = |error: &dyn std::fmt::Display| Refusal::Failed(format!("locking {}: {error}", path.display()));
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o600);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let file = options.open(&path).map_err(|error| failed(&error))?;
    let end = Instant::now() + LOCK_PATIENCE;
    loop {
        match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Ok(file),
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < end => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(error) => return Err(failed(&error)),
        }
    }
}

/// The list with the change made, and the waiver that it is about.
fn changed(waivers: Vec<Waiver>, change: &Change) -> Result<(Vec<Waiver>, Waiver), Refusal> {
    match &change.action {
        Action::Waive { reason, until, .. } => {
            let waiver = Waiver {
                check: change.check.clone(),
                reason: reason.trim().to_owned(),
                by: user(),
                since: now(),
                until: until.clone(),
            };
            Ok((super::with(waivers, waiver.clone()), waiver))
        }
        Action::Unwaive => {
            let (gone, rest): (Vec<_>, Vec<_>) = waivers.into_iter().partition(|waiver| waiver.check == change.check);
            let gone = gone.into_iter().next();
            gone.map(|gone| (rest, gone)).ok_or_else(|| {
                Refusal::NotFound(format!("the finding {} of {} is not waived", change.check, subject(change)))
            })
        }
    }
}

fn subject(change: &Change) -> &str {
    change.vm.as_deref().unwrap_or("the host")
}

/// Only what is found can be accepted, and only as it was seen.
fn still_found(change: &Change, findings: &Findings) -> Result<(), Refusal> {
    let Action::Waive { seen, .. } = &change.action else { return Ok(()) };
    let subject = subject(change);
    let finding = findings.get(change.check.as_str());
    let Some(finding) = finding.filter(|finding| matches!(finding.outcome, Outcome::Fail | Outcome::Warn)) else {
        return Err(Refusal::Changed(format!(
            "{} of {subject} neither fails nor warns: there is nothing to accept",
            change.check
        )));
    };
    match seen {
        Some(seen) if *seen != finding.message => {
            let message =
                format!("the finding {} of {subject} has changed meanwhile: {}", change.check, finding.message);
            Err(Refusal::Changed(message))
        }
        _ => Ok(()),
    }
}

fn change_host(change: &Change, path: &Path) -> Result<Waiver, Refusal> {
    let facts = read(change)?;
    let scope = Scope::All;
    still_found(change, &Audit::new(&facts, Profile::Confidential, &scope).report(()).host.findings)?;
    let failed = |error: io::Error| Refusal::Failed(format!("writing {}: {error}", path.display()));
    let known = match &facts.host.waivers {
        crate::facts::Fact::Known { value, .. } => value.clone(),
        // What cannot be read must not be written over.
        crate::facts::Fact::Missing(gap) => return Err(Refusal::Failed(format!("{}: {}", gap.origin, gap.reason))),
    };
    let (waivers, waiver) = changed(known, change)?;
    let text = serde_json::to_string_pretty(&waivers).map_err(|error| failed(error.into()))?;
    replace(path, &format!("{text}\n")).map_err(failed)?;
    Ok(waiver)
}

/// A reader sees the old file or the new one, never a part.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(directory)?;
    let temporary = path.with_extension("json.new");
    let mut options = File::options();
    options.create(true).truncate(true).write(true).mode(0o644);
    options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    let mut file = options.open(&temporary)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    File::open(directory)?.sync_all()
}

fn read(change: &Change) -> Result<Facts, Refusal> {
    let sources = Sources { target: Some(change.target.clone()), root: PathBuf::from("/") };
    let facts = collect::read(&sources, &Progress::default()).map_err(|error| Refusal::Failed(format!("{error:#}")))?;
    match &facts.libvirt.link {
        // The host can be judged without libvirt.
        Link::Unreachable { message } if change.vm.is_some() => Err(Refusal::Failed(message.clone())),
        Link::Denied { message } if change.vm.is_some() => Err(Refusal::Denied(message.clone())),
        _ => Ok(facts),
    }
}

fn change_vm(change: &Change, name: &str) -> Result<Waiver, Refusal> {
    let failed = |error: &Error| match libvirt::link_error(&change.target, error) {
        Link::Denied { message } => Refusal::Denied(message),
        _ => Refusal::Failed(format!("libvirt answered: {}", error.message().trim())),
    };
    virt::error::clear_error_callback();
    let connection = Connect::open(Some(&change.target.uri)).map_err(|error| failed(&error))?;
    let facts = read(change)?;
    let vm = facts.vms.iter().find(|vm| vm.uuid == name || vm.name == name);
    let vm = vm.ok_or_else(|| Refusal::NotFound(format!("there is no VM '{name}' at {}", change.target.uri)))?;
    let scope = Scope::Vm(vm.uuid.clone());
    still_found(change, &Audit::new(&facts, Profile::Confidential, &scope).vm(vm).findings)?;

    let domain = connection.lookup_domain_by_uuid_string(&vm.uuid).map_err(|error| failed(&error))?;
    let active = domain.is_active().map_err(|error| failed(&error))?;
    let persistent = domain.is_persistent().map_err(|error| failed(&error))?;
    let flag = |wanted: bool, flag| if wanted { flag } else { 0 };
    let flags = flag(persistent, virt_sys::VIR_DOMAIN_AFFECT_CONFIG) | flag(active, virt_sys::VIR_DOMAIN_AFFECT_LIVE);
    let reading = if persistent { virt_sys::VIR_DOMAIN_AFFECT_CONFIG } else { virt_sys::VIR_DOMAIN_AFFECT_LIVE };
    let (waivers, waiver) = changed(current(&domain, reading).map_err(|error| failed(&error))?, change)?;
    // The last look: libvirt has no way to write only if nothing has changed.
    let definition = domain.xml_desc(virt_sys::VIR_DOMAIN_XML_INACTIVE).map_err(|error| failed(&error))?;
    if persistent && vm.stored.value().and_then(Option::as_deref) != Some(&collect::redacted(definition)) {
        return Err(Refusal::Changed(format!("the definition of {} has changed meanwhile", vm.name)));
    }
    let element = super::to_xml(&waivers);
    let kind = virt_sys::VIR_DOMAIN_METADATA_ELEMENT.cast_signed();
    domain
        .set_metadata(kind, element.as_deref(), element.as_ref().map(|_| PREFIX), Some(NAMESPACE), flags)
        .map_err(|error| failed(&error))?;
    Ok(waiver)
}

/// The waivers that libvirt has now.
fn current(domain: &Domain, flags: u32) -> Result<Vec<Waiver>, Error> {
    let kind = virt_sys::VIR_DOMAIN_METADATA_ELEMENT.cast_signed();
    match domain.metadata(kind, Some(NAMESPACE), flags) {
        Ok(xml) => Ok(read_element(&xml)),
        Err(error) if error.code() == Enum::Known(ErrorNumber::NoDomainMetadata) => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

/// libvirt gives the element without our prefix, in our namespace or in none.
fn read_element(xml: &str) -> Vec<Waiver> {
    let named = xml.replacen("<waivers>", &format!("<waivers xmlns=\"{NAMESPACE}\">"), 1);
    roxmltree::Document::parse(&named).map(|document| super::in_element(document.root_element())).unwrap_or_default()
}

/// Who decides: the user who logged in, whatever user that has become since.
fn user() -> String {
    let root = Root::open(Path::new("/"));
    let read = |path: &str| root.as_ref().ok()?.read(path).ok();
    let login =
        read("/proc/self/loginuid").and_then(|text| text.trim().parse::<u32>().ok()).filter(|uid| *uid != u32::MAX);
    let sudo = std::env::var("SUDO_UID").ok().and_then(|text| text.parse::<u32>().ok());
    let uid = login.or(sudo).unwrap_or_else(|| rustix::process::getuid().as_raw());
    let users = read("/etc/passwd").unwrap_or_default();
    let name = users.lines().find_map(|line| match line.split(':').collect::<Vec<_>>()[..] {
        [name, _, id, ..] if id.parse() == Ok(uid) => Some(name.to_owned()),
        _ => None,
    });
    // Users of a directory service are not in the file.
    let name = name.or_else(|| std::env::var("SUDO_USER").ok().filter(|_| sudo == Some(uid)));
    name.unwrap_or_else(|| format!("user id {uid}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(vm: Option<&str>, check: &str, action: Action) -> Change {
        Change { target: Target::new("test:///default"), vm: vm.map(str::to_owned), check: check.to_owned(), action }
    }

    fn waive(reason: &str, until: Option<&str>) -> Action {
        Action::Waive { reason: reason.to_owned(), until: until.map(str::to_owned), seen: None }
    }

    #[test]
    fn what_makes_no_sense_is_refused_before_anything_is_read() {
        let table = [
            (change(Some("test"), "vm.none", Action::Unwaive), "there is no check 'vm.none'"),
            (change(None, "vm.floppy", Action::Unwaive), "the check vm.floppy is about a VM: name it"),
            (change(Some("test"), "host.ksm", Action::Unwaive), "the check host.ksm is about the host, not a VM"),
            (change(Some("test"), "vm.floppy", waive(" ", None)), "a waiver needs a reason"),
            (
                change(Some("test"), "vm.floppy", waive(&"x".repeat(1001), None)),
                "the reason is longer than 1000 characters",
            ),
            (
                change(Some("test"), "vm.floppy", waive("why", Some("31.12.2026"))),
                "'31.12.2026' is not a day as 2026-12-31",
            ),
            (change(Some("test"), "vm.floppy", waive("why", Some("2001-01-01"))), "2001-01-01 is over already"),
        ];
        for (change, message) in table {
            assert_eq!(apply(&change).unwrap_err().message(), message);
        }
    }

    #[test]
    fn what_is_good_cannot_be_accepted() {
        let refusal = apply(&change(Some("test"), "vm.seclabel-none", waive("why", None))).unwrap_err();
        assert_eq!(refusal.message(), "vm.seclabel-none of test neither fails nor warns: there is nothing to accept");
        let refusal = apply(&change(Some("none such"), "vm.floppy", waive("why", None))).unwrap_err();
        assert_eq!(refusal, Refusal::NotFound("there is no VM 'none such' at test:///default".to_owned()));
    }

    #[test]
    fn a_file_is_replaced_as_a_whole_and_a_link_in_its_way_is_not_followed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("new/waivers.json");
        replace(&path, "one").unwrap();
        replace(&path, "two").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
        std::fs::write(directory.path().join("victim"), "keep").unwrap();
        std::os::unix::fs::symlink("../victim", path.with_extension("json.new")).unwrap();
        assert!(replace(&path, "three").is_err());
        assert_eq!(std::fs::read_to_string(directory.path().join("victim")).unwrap(), "keep");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "two");
    }

    #[test]
    fn libvirts_form_of_our_element_is_read() {
        let row = "<waiver check='a' by='b' since='c'>d</waiver>";
        assert_eq!(read_element(&format!("<waivers>{row}</waivers>")).len(), 1);
        assert_eq!(read_element(&format!("<waivers xmlns='{NAMESPACE}'>{row}</waivers>")).len(), 1);
        assert!(read_element("<waivers").is_empty());
    }

    #[test]
    fn the_user_has_a_name() {
        assert!(!user().is_empty());
    }
}
