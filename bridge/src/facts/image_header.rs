// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the first bytes of an image say. Guests write them, so they are parsed here and never given to an image tool.

use serde::{Deserialize, Serialize};

use super::qcow2::{self, ReadAt};

/// Where an ISO 9660 image has its volume descriptor.
const ISO_DESCRIPTOR: u64 = 0x8000;
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
    let read =
        |offset, length| file.read_at(offset, length).map_err(|error| format!("the start could not be read ({error})"));
    let start = read(0, 512)?;
    if start.starts_with(b"QFI\xfb") {
        if start.get(4..8) == Some(&[0, 0, 0, 1]) {
            // Its only encryption is the old one.
            return Ok(Content { format: "qcow".to_owned(), ..Content::default() });
        }
        return qcow2_content(&qcow2::parse(file)?, path);
    }
    let magic =
        |(bytes, offset, _): &(&[u8], usize, &str)| start.get(*offset..).is_some_and(|rest| rest.starts_with(bytes));
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

#[cfg(test)]
#[path = "image_header_tests.rs"]
mod tests;
