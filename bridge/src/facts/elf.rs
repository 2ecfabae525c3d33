// SPDX-License-Identifier: LGPL-2.1-or-later
//! How a program was linked: what an ELF file's headers say about its own protection.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

use serde::{Deserialize, Serialize};

use super::root::Root;
use super::{Fact, Gap, Vm};

/// No host has more emulators; definitions could name any number.
const EMULATORS: usize = 64;
const HEADERS: u16 = 128;
const DYNAMIC: u64 = 64 << 10;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hardening {
    /// Position-independent, so that its addresses can be randomised.
    pub pie: bool,
    /// A part of the program is made read-only after it was loaded.
    pub relro: bool,
    /// All functions are looked up at the start, so that the table of them is in that part.
    pub bind_now: bool,
}

/// The emulators that definitions name, in order, each with how it was linked.
pub(super) fn emulators(root: &Root, vms: &[Vm]) -> BTreeMap<String, Fact<Hardening>> {
    let mut paths = BTreeSet::new();
    for text in vms.iter().flat_map(|vm| [&vm.stored, &vm.live]).filter_map(|fact| fact.value()?.as_deref()) {
        if let Some(path) = emulator(text)
            && !paths.contains(path)
            && paths.len() < EMULATORS
        {
            paths.insert(path);
        }
    }
    paths.into_iter().map(|path| (path.to_owned(), hardening(root, path))).collect()
}

/// The text of `<emulator>`, of which a definition has one. Looked for as text: parsing thousands of documents for it is not worth it.
fn emulator(definition: &str) -> Option<&str> {
    let (_, rest) = definition.split_once("<emulator>")?;
    let (path, _) = rest.split_once("</emulator>")?;
    let path = path.trim();
    (path.starts_with('/') && path.len() < 4096).then_some(path)
}

fn hardening(root: &Root, path: &str) -> Fact<Hardening> {
    match root.open_file(path).and_then(|file| parse(&file)) {
        Ok(hardening) => Fact::known(path, hardening),
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            Fact::missing(path, format!("{path} is not a program in the ELF format that can be read"))
        }
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

struct Layout {
    wide: bool,
    big: bool,
}

impl Layout {
    /// An unsigned number of so many bytes at a place.
    fn number(&self, bytes: &[u8], offset: usize, length: usize) -> io::Result<u64> {
        let part = offset.checked_add(length).and_then(|end| bytes.get(offset..end)).ok_or_else(invalid)?;
        let add = |sum: u64, byte: &u8| sum << 8 | u64::from(*byte);
        Ok(if self.big { part.iter().fold(0, add) } else { part.iter().rev().fold(0, add) })
    }
}

fn invalid() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// So many bytes at a place, or fewer at the file's end.
fn bytes_at(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    if i64::try_from(offset.saturating_add(length as u64)).is_err() {
        return Ok(Vec::new());
    }
    let mut bytes = vec![0; length];
    let mut filled = 0;
    while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(filled as u64))? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn parse(file: &File) -> io::Result<Hardening> {
    const RELRO: u64 = 0x6474_e552;
    const DYNAMIC_SEGMENT: u64 = 2;
    let header = bytes_at(file, 0, 64)?;
    let layout = match header.get(..6) {
        Some([0x7f, b'E', b'L', b'F', width @ (1 | 2), order @ (1 | 2)]) => {
            Layout { wide: *width == 2, big: *order == 2 }
        }
        _ => return Err(invalid()),
    };
    let (table, size, count) = if layout.wide { ((32, 8), 54, 56) } else { ((28, 4), 42, 44) };
    let table = layout.number(&header, table.0, table.1)?;
    let size = usize::from(u16::try_from(layout.number(&header, size, 2)?).unwrap_or(u16::MAX));
    let count = layout.number(&header, count, 2)?;
    if count > u64::from(HEADERS) || !(32..=256).contains(&size) {
        return Err(invalid());
    }
    let mut found = Hardening { pie: layout.number(&header, 16, 2)? == 3, ..Hardening::default() };
    let segments = bytes_at(file, table, size.saturating_mul(usize::try_from(count).unwrap_or_default()))?;
    for segment in segments.chunks_exact(size) {
        match layout.number(segment, 0, 4)? {
            RELRO => found.relro = true,
            DYNAMIC_SEGMENT => {
                let (place, length) = if layout.wide { ((8, 8), (32, 8)) } else { ((4, 4), (16, 4)) };
                let length = layout.number(segment, length.0, length.1)?.min(DYNAMIC);
                let place = layout.number(segment, place.0, place.1)?;
                found.bind_now |=
                    binds_now(&layout, &bytes_at(file, place, usize::try_from(length).unwrap_or_default())?)?;
            }
            _ => {}
        }
    }
    Ok(found)
}

fn binds_now(layout: &Layout, dynamic: &[u8]) -> io::Result<bool> {
    let width = if layout.wide { 8 } else { 4 };
    for entry in dynamic.chunks_exact(width * 2) {
        let value = layout.number(entry, width, width)?;
        match layout.number(entry, 0, width)? {
            0 => break,
            // DT_BIND_NOW; DF_BIND_NOW of DT_FLAGS; DF_1_NOW of DT_FLAGS_1.
            24 => return Ok(true),
            30 if value & 8 != 0 => return Ok(true),
            0x6fff_fffb if value & 1 != 0 => return Ok(true),
            _ => {}
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    /// A program of 64 bits with so many segments and entries of its dynamic section.
    fn program(kind: u16, segments: &[(u32, u64, u64)], dynamic: &[(u64, u64)]) -> Vec<u8> {
        let mut bytes = vec![0; 64];
        bytes[..6].copy_from_slice(&[0x7f, b'E', b'L', b'F', 2, 1]);
        bytes[16..18].copy_from_slice(&kind.to_le_bytes());
        bytes[32..40].copy_from_slice(&64u64.to_le_bytes());
        bytes[54..56].copy_from_slice(&56u16.to_le_bytes());
        bytes[56..58].copy_from_slice(&u16::try_from(segments.len()).unwrap().to_le_bytes());
        for (kind, place, length) in segments {
            let mut segment = vec![0; 56];
            segment[..4].copy_from_slice(&kind.to_le_bytes());
            segment[8..16].copy_from_slice(&place.to_le_bytes());
            segment[32..40].copy_from_slice(&length.to_le_bytes());
            bytes.extend(segment);
        }
        bytes.resize(512, 0);
        for (tag, value) in dynamic {
            bytes.extend(tag.to_le_bytes());
            bytes.extend(value.to_le_bytes());
        }
        bytes
    }

    fn of(bytes: &[u8]) -> Fact<Hardening> {
        let test = TestRoot::new();
        test.file("/usr/bin/qemu", bytes);
        hardening(&test.root(), "/usr/bin/qemu")
    }

    #[test]
    fn flags_of_a_program() {
        let segments = [(0x6474_e552, 0, 0), (2, 512, 48)];
        let full = Hardening { pie: true, relro: true, bind_now: true };
        for entry in [(24, 0), (30, 8), (0x6fff_fffb, 0x0800_0001)] {
            assert_eq!(of(&program(3, &segments, &[(1, 5), entry])), Fact::known("/usr/bin/qemu", full));
        }
        for dynamic in [vec![(30, 4), (0x6fff_fffb, 2)], vec![(0, 0), (24, 0)]] {
            let partly = Hardening { bind_now: false, ..full };
            assert_eq!(of(&program(3, &segments, &dynamic)).value(), Some(&partly));
        }
        assert_eq!(of(&program(2, &[], &[])).value(), Some(&Hardening::default()));
    }

    #[test]
    fn our_own_test_program_is_one() {
        let path = std::env::current_exe().unwrap();
        let root = Root::open(std::path::Path::new("/")).unwrap();
        assert!(hardening(&root, path.to_str().unwrap()).get().unwrap().pie);
    }

    #[test]
    fn what_is_not_a_program() {
        for bytes in [&b"#!/bin/sh\n"[..], b"", b"\x7fELF", b"\x7fELF\x02\x01"] {
            assert!(of(bytes).get().unwrap_err().reason.contains("not a program in the ELF format"));
        }
        // Segments beyond the end, and more than there can be.
        let mut bytes = program(3, &[(2, u64::MAX, u64::MAX)], &[]);
        assert_eq!(of(&bytes).get().unwrap(), &Hardening { pie: true, ..Hardening::default() });
        bytes[56..58].copy_from_slice(&u16::MAX.to_le_bytes());
        assert!(of(&bytes).value().is_none());
        let test = TestRoot::new();
        test.fifo("/usr/bin/qemu");
        assert!(hardening(&test.root(), "/usr/bin/qemu").value().is_none());
    }

    #[test]
    fn emulators_are_found_in_definitions() {
        let vm = |text: &str| Vm { stored: Fact::known("x", Some(text.to_owned())), ..Vm::default() };
        let test = TestRoot::new();
        test.file("/usr/bin/qemu", program(3, &[], &[]));
        let vms = [
            vm("<domain><devices><emulator> /usr/bin/qemu </emulator></devices></domain>"),
            vm("<domain><emulator>relative</emulator></domain>"),
            vm("<domain/>"),
            vm("<emulator>/gone</emulator>"),
        ];
        let found = emulators(&test.root(), &vms);
        assert_eq!(found.keys().collect::<Vec<_>>(), ["/gone", "/usr/bin/qemu"]);
        assert!(found["/usr/bin/qemu"].value().is_some() && found["/gone"].value().is_none());
        let many: Vec<Vm> = (0..1000).map(|n| vm(&format!("<emulator>/{n}</emulator>"))).collect();
        assert_eq!(emulators(&test.root(), &many).len(), EMULATORS);
    }
}
