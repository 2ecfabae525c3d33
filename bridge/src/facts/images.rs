// SPDX-License-Identifier: LGPL-2.1-or-later
//! Disk images: who may touch them, and what their first bytes say. Each is read once, however many VMs use it.
//!
//! Guests write these bytes, so they are parsed here and never given to an image tool.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::io;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::meta::{self, Meta};
use super::mounts::Mounts;
use super::nvram::{self, Variables};
use super::qcow2::{self, ReadAt};
use super::root::{Handle, Root, is_absent};
use super::{Fact, Gap};

/// No audit reads more images than this.
const LIMIT: usize = 50_000;
/// Storage counts as hanging when none of what was asked for came for so long.
const STALL: Duration = Duration::from_secs(4);
const TOTAL: Duration = Duration::from_secs(60);
/// Where an ISO 9660 image has its volume descriptor.
const ISO_DESCRIPTOR: u64 = 0x8000;
/// The kernel follows as many links.
const LINKS: usize = 40;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Image {
    /// `None` for a file that does not exist.
    pub meta: Fact<Option<Meta>>,
    /// Its SELinux label; `None` where it has none.
    pub label: Fact<Option<String>>,
    pub content: Fact<Content>,
    /// Only of an NVRAM file.
    pub variables: Fact<Variables>,
    /// A VM uses it, directly or as an image behind another; otherwise it is only a volume of a pool.
    pub used: bool,
    /// Mount point of the remote storage that it lies on, links followed; `None` on a local file system.
    pub mount: Option<String>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Content {
    /// As libvirt calls it: `qcow2`, `vmdk`, `luks`, `iso`; `raw` when nothing is recognised.
    pub format: String,
    /// What the guest sees; of a raw image the size of the file.
    pub virtual_size: Option<u64>,
    pub backing: Option<Parent>,
    pub data_file: Option<Parent>,
    /// `luks`, `aes`.
    pub encryption: Option<String>,
    /// Label of an ISO 9660 or FAT volume: `cidata`.
    pub volume: Option<String>,
}

/// Another image that an image's header names. Of one that is reached over a protocol only the protocol is kept: the rest may
/// hold a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Parent {
    pub path: Option<String>,
    pub protocol: Option<String>,
    pub format: Option<String>,
}

/// What to read of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Want {
    /// Its permissions only.
    Meta,
    Image,
    Nvram,
}

#[derive(Default)]
pub(super) struct Found {
    pub(super) images: BTreeMap<String, Image>,
    pub(super) directories: BTreeMap<String, Fact<Option<Meta>>>,
}

/// Reads all these and the images behind them, those of each storage that may hang in a thread of their own.
pub(super) fn read(root: &Root, mounts: Option<&Mounts>, wanted: BTreeMap<String, Want>) -> Found {
    let mut readers = Readers { root, groups: BTreeMap::new(), places: Places { root, mounts, links: BTreeMap::new() } };
    let (sender, answers) = mpsc::channel();
    let mut found = Found::default();
    let mut pending: BTreeMap<String, (Want, String)> = BTreeMap::new();
    let mut queue: VecDeque<(String, Want)> = wanted.into_iter().take(LIMIT).collect();
    let mut asked: BTreeSet<String> = queue.iter().map(|(path, _)| path.clone()).collect();
    let started = Instant::now();
    loop {
        while let Some((path, want)) = queue.pop_front() {
            match readers.ask(&path, want, &sender) {
                Ok(group) => drop(pending.insert(path, (want, group))),
                Err(gap) => found.note(path, Answer::gap(want, &gap), ""),
            }
        }
        if pending.is_empty() {
            break;
        }
        let Some(Reply { path, answer }) = next(&answers, started) else { break };
        let group = pending.remove(&path).map(|(_, group)| group).unwrap_or_default();
        if let Answer::Image(image) = &answer
            && let Some(content) = image.content.value()
        {
            for parent in [&content.backing, &content.data_file].into_iter().flatten() {
                let Some(path) = &parent.path else { continue };
                for directory in ancestors(path) {
                    if asked.insert(directory.to_owned()) {
                        queue.push_back((directory.to_owned(), Want::Meta));
                    }
                }
                if asked.len() < LIMIT && asked.insert(path.clone()) {
                    queue.push_back((path.clone(), Want::Image));
                }
            }
        }
        found.note(path, answer, &group);
    }
    for (path, (want, group)) in pending {
        let gap = Gap::new(path.as_str(), format!("{} did not answer within {} seconds", name(&group), STALL.as_secs()));
        found.note(path, Answer::gap(want, &gap), &group);
        readers.give_up(&group);
    }
    found
}

fn next(answers: &Receiver<Reply>, started: Instant) -> Option<Reply> {
    if started.elapsed() > TOTAL {
        return None;
    }
    answers.recv_timeout(STALL).ok()
}

/// The directories above a path, from the root on.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(place, _)| if place == 0 { Some("/") } else { path.get(..place) })
}

impl Found {
    fn note(&mut self, path: String, answer: Answer, group: &str) {
        match answer {
            Answer::Image(image) => {
                let mount = (!matches!(group, "" | "/dev")).then(|| group.to_owned());
                self.images.insert(path, Image { mount, ..*image });
            }
            Answer::Meta(meta) => drop(self.directories.insert(path, meta)),
        }
    }
}

enum Answer {
    Meta(Fact<Option<Meta>>),
    Image(Box<Image>),
}

impl Answer {
    fn gap(want: Want, gap: &Gap) -> Self {
        match want {
            Want::Meta => Self::Meta(gap.clone().into()),
            Want::Image | Want::Nvram => Self::Image(Box::new(Image::missing(gap))),
        }
    }
}

struct Reply {
    path: String,
    answer: Answer,
}

/// Storage that an earlier audit waits for in vain. As long as its thread has not come back, no other is sent after it.
static HANGING: Mutex<BTreeMap<String, Weak<()>>> = Mutex::new(BTreeMap::new());

/// One thread for each storage that may hang by itself.
struct Readers<'a> {
    root: &'a Root,
    groups: BTreeMap<String, (Sender<(String, Want)>, Weak<()>)>,
    places: Places<'a>,
}

impl Readers<'_> {
    /// Passes a path to the thread of its storage, and says which that is.
    fn ask(&mut self, path: &str, want: Want, sender: &Sender<Reply>) -> Result<String, Gap> {
        let group = self.places.group(path);
        if !self.groups.contains_key(&group) {
            let hanging = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
            if hanging.get(&format!("{}{group}", self.root.path().display())).is_some_and(|held| held.strong_count() > 0) {
                return Err(Gap::new(path, format!("{} has not answered an earlier audit yet", name(&group))));
            }
            drop(hanging);
            let started = start(self.root, sender.clone());
            let started = started.map_err(|error| Gap::from_io(path, &error))?;
            self.groups.insert(group.clone(), started);
        }
        let reader = self.groups.get(&group);
        let sent = reader.is_some_and(|(reader, _)| reader.send((path.to_owned(), want)).is_ok());
        if sent { Ok(group) } else { Err(Gap::new(path, "it could not be read: its reader ended unexpectedly")) }
    }

    fn give_up(&mut self, group: &str) {
        if let Some((_, held)) = self.groups.get(group) {
            let mut hanging = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
            hanging.retain(|_, held| held.strong_count() > 0);
            hanging.insert(format!("{}{group}", self.root.path().display()), held.clone());
        }
    }
}

fn start(root: &Root, sender: Sender<Reply>) -> io::Result<(Sender<(String, Want)>, Weak<()>)> {
    let root = root.try_clone()?;
    let (requests, receiver) = mpsc::channel::<(String, Want)>();
    let held = Arc::new(());
    let alive = Arc::downgrade(&held);
    let work = move || {
        let _held = held;
        for (path, want) in receiver {
            let answer = match want {
                Want::Meta => Answer::Meta(meta::read(&root, &path)),
                Want::Image | Want::Nvram => Answer::Image(Box::new(Image::read(&root, &path, want))),
            };
            // Nobody waits any more.
            if sender.send(Reply { path, answer }).is_err() {
                break;
            }
        }
    };
    std::thread::Builder::new().name("images".to_owned()).spawn(work)?;
    Ok((requests, alive))
}

/// How a message calls a group.
fn name(group: &str) -> String {
    match group {
        "" => "the local storage".to_owned(),
        "/dev" => "a block device".to_owned(),
        point => format!("the storage mounted at {point}"),
    }
}

/// Finds out where a path leads without touching what may hang.
struct Places<'a> {
    root: &'a Root,
    mounts: Option<&'a Mounts>,
    /// What was asked already: a path, and where it points if it is a link.
    links: BTreeMap<String, Option<String>>,
}

impl Places<'_> {
    /// The mount point of remote storage, `/dev`, or nothing for local file systems.
    fn group(&mut self, path: &str) -> String {
        let mut path = path.to_owned();
        for _ in 0..LINKS {
            match self.step(&path) {
                Step::Ends(group) => return group,
                Step::Leads(target) => path = target,
            }
        }
        String::new()
    }

    fn step(&mut self, path: &str) -> Step {
        let ends = path.match_indices('/').map(|(place, _)| place).skip(1).chain([path.len()]);
        for end in ends {
            let Some(prefix) = path.get(..end) else { continue };
            if let Some((point, mount)) = self.mounts.and_then(|mounts| mounts.for_path(prefix))
                && mount.is_remote()
            {
                return Step::Ends(point.to_owned());
            }
            if prefix == "/dev" {
                return Step::Ends("/dev".to_owned());
            }
            let root = self.root;
            let link = self.links.entry(prefix.to_owned()).or_insert_with(|| root.read_link(prefix).ok());
            if let Some(target) = link {
                let parent = prefix.rsplit_once('/').map_or("", |(parent, _)| parent);
                let rest = path.get(end..).unwrap_or("");
                return Step::Leads(format!("{}{rest}", absolute(parent, target)));
            }
        }
        Step::Ends(String::new())
    }
}

enum Step {
    Ends(String),
    Leads(String),
}

/// A path as it stands in a directory, without `.` and `..`.
pub(super) fn absolute(directory: &str, path: &str) -> String {
    let mut steps: Vec<&str> = Vec::new();
    let before = if path.starts_with('/') { "" } else { directory };
    for step in before.split('/').chain(path.split('/')) {
        match step {
            "" | "." => {}
            ".." => drop(steps.pop()),
            step => steps.push(step),
        }
    }
    format!("/{}", steps.join("/"))
}

impl Image {
    fn missing(gap: &Gap) -> Self {
        let (meta, label, content) = (gap.clone().into(), gap.clone().into(), gap.clone().into());
        Self { meta, label, content, variables: gap.clone().into(), ..Self::default() }
    }

    fn read(root: &Root, path: &str, want: Want) -> Self {
        let handle = match root.handle(path) {
            Ok(handle) => handle,
            Err(error) if is_absent(&error) => {
                let none = Self::missing(&Gap::new(path, format!("{path} does not exist")));
                let (meta, label) = (Fact::known(format!("stat {path}"), None), Fact::known(path, None));
                return Self { meta, label, ..none };
            }
            Err(error) => return Self::missing(&Gap::from_io(path, &error)),
        };
        let gap = |error: &io::Error| Gap::from_io(path, error);
        let meta = handle.metadata().map(|stat| Meta::new(&stat));
        let size = meta.as_ref().map(|meta| meta.size).unwrap_or_default();
        let label = handle.attribute("security.selinux").map(|label| {
            label.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
        });
        let (content, variables) = content(&handle, path, size, want);
        Self {
            meta: match meta {
                Ok(meta) => Fact::known(format!("stat {path}"), Some(meta)),
                Err(error) => gap(&error).into(),
            },
            label: match label {
                Ok(label) => Fact::known(format!("ls -Z {path}"), label),
                Err(error) => gap(&error).into(),
            },
            content,
            variables,
            ..Self::default()
        }
    }
}

fn content(handle: &Handle, path: &str, size: u64, want: Want) -> (Fact<Content>, Fact<Variables>) {
    let file = match handle.open() {
        Ok(file) => file,
        Err(error) => {
            let gap = Gap::from_io(path, &error);
            return (gap.clone().into(), gap.into());
        }
    };
    let known = |reason: String| Gap::new(path, format!("of {path} {reason}"));
    let content = parse(&file, path, size).map_err(known);
    let variables = match want {
        Want::Nvram => nvram::parse(&file).map_err(|reason| Gap::new(path, format!("of {path} {reason}"))),
        _ => Err(Gap::new(path, "it is no NVRAM file")),
    };
    (
        content.map_or_else(Fact::Missing, |content| Fact::known(format!("the header of {path}"), content)),
        variables.map_or_else(Fact::Missing, |variables| Fact::known(path, variables)),
    )
}

/// Magic numbers at the start of an image, as libvirt knows them.
const MAGIC: [(&[u8], usize, &str); 12] = [
    (b"QED\0", 0, "qed"),
    (b"KDMV", 0, "vmdk"),
    (b"COWD", 0, "vmdk"),
    (b"# Disk DescriptorFile", 0, "vmdk"),
    (b"vhdxfile", 0, "vhdx"),
    (b"conectix", 0, "vpc"),
    (b"\x7f\x10\xda\xbe", 64, "vdi"),
    (b"WithoutFreeSpace", 0, "parallels"),
    (b"WithouFreSpacExt", 0, "parallels"),
    (b"Bochs Virtual HD Image", 0, "bochs"),
    (b"OOOM", 0, "cow"),
    (b"LUKS\xba\xbe", 0, "luks"),
];

pub(super) fn parse(file: &dyn ReadAt, path: &str, size: u64) -> Result<Content, String> {
    let read = |offset, length| file.read_at(offset, length).map_err(|error| format!("the start could not be read ({error})"));
    let start = read(0, 512)?;
    if start.starts_with(b"QFI\xfb") {
        if start.get(4..8) == Some(&[0, 0, 0, 1]) {
            // Its only encryption is the old one.
            return Ok(Content { format: "qcow".to_owned(), ..Content::default() });
        }
        return qcow2_content(&qcow2::parse(file)?, path);
    }
    let magic = |(bytes, offset, _): &(&[u8], usize, &str)| start.get(*offset..).is_some_and(|rest| rest.starts_with(bytes));
    if let Some((_, _, format)) = MAGIC.iter().find(|entry| magic(entry)) {
        let encryption = (*format == "luks").then(|| "luks".to_owned());
        return Ok(Content { format: (*format).to_owned(), encryption, ..Content::default() });
    }
    let mut content =
        Content { format: "raw".to_owned(), virtual_size: (size > 0).then_some(size), ..Content::default() };
    let descriptor = if size > ISO_DESCRIPTOR { read(ISO_DESCRIPTOR, 72)? } else { Vec::new() };
    if descriptor.get(1..6) == Some(b"CD001") {
        "iso".clone_into(&mut content.format);
        content.volume = descriptor.get(40..72).and_then(volume);
    } else if start.get(510..) == Some(&[0x55, 0xaa]) {
        // FAT12/16 and FAT32 keep the label at different places, each after the file system's name.
        let label = |name: usize, label: usize| {
            start.get(name..name + 3).filter(|text| *text == b"FAT").and(start.get(label..label + 11)).and_then(volume)
        };
        content.volume = label(54, 43).or_else(|| label(82, 71));
    }
    Ok(content)
}

fn volume(bytes: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_matches(['\0', ' ']);
    (!text.is_empty()).then(|| text.to_owned())
}

fn qcow2_content(header: &qcow2::Header, path: &str) -> Result<Content, String> {
    let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
    let backing = header.backing_file.as_deref().filter(|name| !name.is_empty());
    let backing = backing.map(|name| Parent { format: header.backing_format.clone(), ..parent(directory, name) });
    let data_file = header.data_file.as_deref().map(|name| parent(directory, name));
    let encryption = match header.encryption {
        0 => None,
        1 => Some("aes".to_owned()),
        2 => Some("luks".to_owned()),
        number => return Err(format!("the header names an unknown encryption ({number})")),
    };
    Ok(Content {
        format: "qcow2".to_owned(),
        virtual_size: Some(header.virtual_size),
        backing,
        data_file: if header.external_data { Some(data_file.unwrap_or_default()) } else { None },
        encryption,
        volume: None,
    })
}

/// How QEMU takes such a name: `PROTOCOL:…` where a colon stands before any slash, `json:` for options, else a path.
fn parent(directory: &str, name: &str) -> Parent {
    let protocol = name.split_once(':').filter(|(protocol, _)| !protocol.contains('/'));
    match protocol {
        None => Parent { path: Some(absolute(directory, name)), ..Parent::default() },
        Some(("file", path)) => Parent { path: Some(absolute(directory, path)), ..Parent::default() },
        Some(("json", options)) => {
            let (driver, file) = json(options);
            match file {
                Some(file) => Parent { path: Some(absolute(directory, &file)), ..Parent::default() },
                None => Parent { protocol: Some(driver.unwrap_or_else(|| "json".to_owned())), ..Parent::default() },
            }
        }
        Some((protocol, _)) => Parent { protocol: Some(short(protocol)), ..Parent::default() },
    }
}

/// The driver at the bottom of QEMU's options, and the file where that driver is for files.
fn json(options: &str) -> (Option<String>, Option<String>) {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(options) else { return (None, None) };
    let nested = value.get("file").filter(|file| file.is_object());
    let text = |name: &str| {
        let flat = format!("file.{name}");
        let place = match nested {
            Some(file) => file.get(name),
            None => value.get(&flat).or_else(|| value.get(name)),
        };
        place.and_then(|value| value.as_str())
    };
    let driver = text("driver").map(short);
    let is_file = matches!(driver.as_deref(), Some("file" | "host_device"));
    (driver, text("filename").filter(|_| is_file).map(str::to_owned))
}

/// A name from an image, as long as a driver's may be.
fn short(name: &str) -> String {
    name.chars().take(32).collect()
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
