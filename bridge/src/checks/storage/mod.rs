// SPDX-License-Identifier: LGPL-2.1-or-later
//! What VMs keep on the host: images, secrets, and what they leave behind.

pub mod chain;
pub mod images;
pub mod leftovers;
pub mod pools;
pub mod remote;
pub mod secrets;
pub mod state;

use jiff::Timestamp;
use roxmltree::Node;

use super::Domain;
use super::domain::child;
use crate::facts::image_header::{Content, Parent};
use crate::facts::images::Image;
use crate::facts::meta::Meta;
use crate::facts::{Facts, Gap};

/// Images behind one image that are looked at; a longer chain is a loop, or nobody's intention.
const CHAIN: usize = 200;
pub(super) const DAY: i64 = 24 * 60 * 60;

/// What a VM does with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Written,
    /// A CD image, a disk with `<readonly/>`.
    Read,
    /// An image behind another.
    Behind,
}

/// One image of a VM on this host.
pub(super) struct File<'a> {
    pub(super) path: &'a str,
    pub(super) role: Role,
    pub(super) shareable: bool,
    pub(super) image: Result<&'a Image, Gap>,
}

impl File<'_> {
    /// A file that does not exist has no permissions either.
    pub(super) fn meta(&self) -> Result<&Meta, Gap> {
        meta(self.path, self.image.as_ref().map_err(Clone::clone)?)
    }
}

fn meta<'a>(path: &str, image: &'a Image) -> Result<&'a Meta, Gap> {
    let meta = image.meta.get()?.as_ref();
    meta.ok_or_else(|| Gap::new(image.meta.origin(), format!("{path} does not exist")))
}

pub(super) fn image<'a>(facts: &'a Facts, path: &str) -> Result<&'a Image, Gap> {
    facts.host.storage.images.get(path).ok_or_else(|| Gap::new(path, "it was not read"))
}

/// The file or device that a disk's source names; `None` for what is not on this host.
pub(super) fn source_path<'a>(facts: &'a Facts, disk: Node<'a, '_>) -> Option<Result<&'a str, Gap>> {
    let source = child(disk, "source")?;
    if let Some(path) = source.attribute("file").or_else(|| source.attribute("dev")) {
        return Some(Ok(path));
    }
    let (pool, volume) = (source.attribute("pool")?, source.attribute("volume")?);
    match facts.libvirt.volume(pool, volume) {
        // A volume of a network pool is no file.
        Ok(path) if !path.starts_with('/') => None,
        path => Some(path),
    }
}

/// What libvirt reads the image as; without a word it is raw.
pub(super) fn declared<'a>(disk: Node<'a, '_>) -> Option<&'a str> {
    child(disk, "driver").and_then(|driver| driver.attribute("type"))
}

pub(super) fn is_read_only(disk: Node) -> bool {
    child(disk, "readonly").is_some() || disk.attribute("device") == Some("cdrom")
}

/// All images of a VM on this host, each followed by those behind it. What QEMU opens as raw has none, whatever its first bytes say.
pub(super) fn files<'a>(facts: &'a Facts, domain: &'a Domain) -> Vec<File<'a>> {
    let mut files = Vec::new();
    for disk in domain.devices("disk") {
        let role = if is_read_only(disk) { Role::Read } else { Role::Written };
        let shareable = child(disk, "shareable").is_some();
        match source_path(facts, disk) {
            None => {}
            Some(Err(gap)) => {
                let path = child(disk, "source").and_then(|source| source.attribute("volume")).unwrap_or_default();
                files.push(File { path, role, shareable, image: Err(gap) });
            }
            Some(Ok(path)) => {
                files.push(File { path, role, shareable, image: image(facts, path) });
                if declared(disk).is_some_and(|format| format != "raw") {
                    for link in chain(facts, path) {
                        files.extend(link.files(facts));
                    }
                }
            }
        }
    }
    files
}

/// One image of a chain, and what its header says.
pub(super) struct Link<'a> {
    pub(super) path: &'a str,
    pub(super) content: Result<&'a Content, Gap>,
}

impl<'a> Link<'a> {
    /// The files that this image's header names.
    fn files(&self, facts: &'a Facts) -> Vec<File<'a>> {
        let file = |path, role| File { path, role, shareable: false, image: image(facts, path) };
        match &self.content {
            Err(gap) => {
                let gap = Gap { reason: format!("what lies behind it: {}", gap.reason), ..gap.clone() };
                vec![File { path: self.path, role: Role::Behind, shareable: false, image: Err(gap) }]
            }
            Ok(content) => {
                let path = |parent: &'a Option<Parent>| parent.as_ref().and_then(|parent| parent.path.as_deref());
                let data = path(&content.data_file).map(|path| file(path, Role::Written));
                data.into_iter().chain(path(&content.backing).map(|path| file(path, Role::Behind))).collect()
            }
        }
    }
}

/// An image and those behind it, as far as they are known.
pub(super) fn chain<'a>(facts: &'a Facts, path: &'a str) -> Vec<Link<'a>> {
    let mut links = Vec::new();
    let mut next = Some(path);
    while let Some(path) = next.filter(|_| links.len() < CHAIN) {
        let content = image(facts, path).and_then(|image| image.content.get());
        next = content.as_ref().ok().and_then(|content| content.backing.as_ref()?.path.as_deref());
        links.push(Link { path, content });
    }
    links
}

/// A directory above a file that other users cannot enter, so that the file's own mode does not matter to them.
pub(super) fn closed<'a>(facts: &'a Facts, path: &str) -> Option<&'a str> {
    let directories =
        path.match_indices('/').map(|(place, _)| if place == 0 { "/" } else { path.get(..place).unwrap_or("/") });
    directories.into_iter().find_map(|directory| {
        let (name, meta) = facts.host.storage.directories.get_key_value(directory)?;
        meta.value()?.as_ref().filter(|meta| meta.mode & 0o001 == 0).map(|_| name.as_str())
    })
}

/// When the facts were read, in seconds since 1970.
pub(super) fn now(facts: &Facts) -> Result<i64, Gap> {
    let time = facts.recorded.parse::<Timestamp>();
    time.map(Timestamp::as_second).map_err(|_| Gap::new("", "when the facts were read is not known"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::facts::Fact;

    #[test]
    fn a_chain_that_leads_back_to_itself_ends() {
        let parent = Parent { path: Some("/a".to_owned()), ..Parent::default() };
        let content = Content { backing: Some(parent), ..Content::default() };
        let image = Image { content: Fact::known("the header of /a", content), ..Image::default() };
        let mut facts = Facts::default();
        facts.host.storage.images.insert("/a".to_owned(), image);
        assert_eq!(chain(&facts, "/a").len(), CHAIN);
    }
}
