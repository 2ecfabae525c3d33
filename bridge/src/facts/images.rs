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

use super::image_header::{self, Content, absolute};
use super::meta::{self, Meta};
use super::mounts::Mounts;
use super::nvram::{self, Variables};
use super::root::{Handle, Root, is_absent};
use super::{Fact, Gap};

/// No audit reads more images than this.
const LIMIT: usize = 50_000;
/// Storage counts as hanging when none of what was asked for came for so long.
const STALL: Duration = Duration::from_secs(4);
const TOTAL: Duration = Duration::from_secs(60);
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
    /// It holds a firmware's variables and is no disk.
    pub nvram: bool,
    /// A VM uses it, directly or as an image behind another; otherwise it is only a volume of a pool.
    pub used: bool,
    /// Mount point of the remote storage that it lies on, links followed; `None` on a local file system.
    pub mount: Option<String>,
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
    let mut readers =
        Readers { root, groups: BTreeMap::new(), places: Places { root, mounts, links: BTreeMap::new() } };
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
        let gap =
            Gap::new(path.as_str(), format!("{} did not answer within {} seconds", name(&group), STALL.as_secs()));
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

/// The thread of one storage: where it takes its orders, and whether it still lives.
struct Reader(Sender<(String, Want)>, Weak<()>);

/// One thread for each storage that may hang by itself.
struct Readers<'a> {
    root: &'a Root,
    groups: BTreeMap<String, Reader>,
    places: Places<'a>,
}

impl Readers<'_> {
    /// Passes a path to the thread of its storage, and says which that is.
    fn ask(&mut self, path: &str, want: Want, sender: &Sender<Reply>) -> Result<String, Gap> {
        let group = self.places.group(path);
        if !self.groups.contains_key(&group) {
            let hanging = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
            if hanging
                .get(&format!("{}{group}", self.root.path().display()))
                .is_some_and(|held| held.strong_count() > 0)
            {
                return Err(Gap::new(path, format!("{} has not answered an earlier audit yet", name(&group))));
            }
            drop(hanging);
            let started = start(self.root, sender.clone());
            let started = started.map_err(|error| Gap::from_io(path, &error))?;
            self.groups.insert(group.clone(), started);
        }
        let reader = self.groups.get(&group);
        let sent = reader.is_some_and(|Reader(orders, _)| orders.send((path.to_owned(), want)).is_ok());
        if sent { Ok(group) } else { Err(Gap::new(path, "it could not be read: its reader ended unexpectedly")) }
    }

    fn give_up(&mut self, group: &str) {
        if let Some(Reader(_, held)) = self.groups.get(group) {
            let mut hanging = HANGING.lock().unwrap_or_else(PoisonError::into_inner);
            hanging.retain(|_, held| held.strong_count() > 0);
            hanging.insert(format!("{}{group}", self.root.path().display()), held.clone());
        }
    }
}

fn start(root: &Root, sender: Sender<Reply>) -> io::Result<Reader> {
    let root = root.try_clone()?;
    let (requests, receiver) = mpsc::channel::<(String, Want)>();
    let held = Arc::new(());
    let alive = Arc::downgrade(&held);
    let work = move || {
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
        drop(held);
    };
    std::thread::Builder::new().name("images".to_owned()).spawn(work)?;
    Ok(Reader(requests, alive))
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
            if let Some(mount) = self.mounts.and_then(|mounts| mounts.for_path(prefix))
                && mount.is_remote()
            {
                return Step::Ends(mount.point.clone());
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
        let label = handle
            .attribute("security.selinux")
            .map(|label| label.map(|bytes| String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned()));
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
    let content = image_header::parse(&file, path, size).map_err(known);
    let variables = match want {
        Want::Nvram => nvram::parse(&file).map_err(|reason| Gap::new(path, format!("of {path} {reason}"))),
        _ => Err(Gap::new(path, "it is no NVRAM file")),
    };
    (
        content.map_or_else(Fact::Missing, |content| Fact::known(format!("the header of {path}"), content)),
        variables.map_or_else(Fact::Missing, |variables| Fact::known(path, variables)),
    )
}

#[cfg(test)]
#[path = "images_tests.rs"]
mod tests;
