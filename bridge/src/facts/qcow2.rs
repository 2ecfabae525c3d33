// SPDX-License-Identifier: LGPL-2.1-or-later
//! The header of a qcow2 image, and the few bytes of a small one. Guests and whoever hands images around write these: every
//! number is bounded before it is used. (QEMU: docs/interop/qcow2.rst)

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// Of a backing file's name, as QEMU bounds it.
const NAME_LIMIT: u32 = 1023;
const EXTENSIONS: usize = 64;
/// A data file's name; QEMU bounds it by the cluster only.
const EXTENSION_LIMIT: u32 = 4096;
const INCOMPATIBLE_DATA_FILE: u64 = 1 << 2;
/// Clusters that are described by larger level-2 entries.
const INCOMPATIBLE_EXTENDED_L2: u64 = 1 << 4;
const OFFSET_MASK: u64 = 0x00ff_ffff_ffff_fe00;

/// Something with bytes at offsets.
pub(super) trait ReadAt {
    /// At most `length` bytes; fewer at the end.
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>>;
}

impl ReadAt for File {
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while let Some(rest) = bytes.get_mut(filled..).filter(|rest| !rest.is_empty()) {
            match FileExt::read_at(self, rest, offset.saturating_add(filled as u64)) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) virtual_size: u64,
    /// The name as it stands in the image, whatever it is.
    pub(super) backing_file: Option<String>,
    pub(super) backing_format: Option<String>,
    /// The guest's data lie in another file, which the header may name.
    pub(super) external_data: bool,
    pub(super) data_file: Option<String>,
    /// 0 none, 1 AES (obsolete), 2 LUKS.
    pub(super) encryption: u32,
    cluster_bits: u32,
    l1_size: u32,
    l1_offset: u64,
    incompatible: u64,
}

pub(super) fn parse(image: &dyn ReadAt) -> Result<Header, String> {
    let start = image.read_at(0, 112).map_err(|error| format!("its header could not be read ({error})"))?;
    let u32_at = |offset| number::<4>(&start, offset).map(u32::from_be_bytes);
    let u64_at = |offset| number::<8>(&start, offset).map(u64::from_be_bytes);
    let short = || "its qcow2 header is cut short".to_owned();
    let version = u32_at(4).ok_or_else(short)?;
    if start.get(..4) != Some(b"QFI\xfb") || !(2..=3).contains(&version) {
        return Err("it is no qcow2 image of version 2 or 3".to_owned());
    }
    let read = || {
        Some(Header {
            cluster_bits: u32_at(20)?,
            virtual_size: u64_at(24)?,
            encryption: u32_at(32)?,
            l1_size: u32_at(36)?,
            l1_offset: u64_at(40)?,
            incompatible: if version == 3 { u64_at(72)? } else { 0 },
            ..Header::default()
        })
    };
    let mut header = read().ok_or_else(short)?;
    if !(9..=21).contains(&header.cluster_bits) {
        return Err("its qcow2 header has an impossible cluster size".to_owned());
    }
    let cluster = 1u64 << header.cluster_bits;
    let length = if version == 3 { u32_at(100).ok_or_else(short)? } else { 72 };
    if u64::from(length) > cluster {
        return Err("its qcow2 header is longer than a cluster".to_owned());
    }
    let (offset, size) = (u64_at(8).ok_or_else(short)?, u32_at(16).ok_or_else(short)?);
    if offset != 0 {
        let end = offset.checked_add(u64::from(size)).filter(|end| *end <= cluster && size <= NAME_LIMIT);
        end.ok_or("its qcow2 header names a backing file outside the header")?;
        header.backing_file = Some(text(image, offset, size)?);
    }
    header.external_data = header.incompatible & INCOMPATIBLE_DATA_FILE != 0;
    let end = if offset == 0 { cluster } else { offset };
    extensions(image, &mut header, u64::from(length), end)?;
    Ok(header)
}

fn extensions(image: &dyn ReadAt, header: &mut Header, start: u64, end: u64) -> Result<(), String> {
    let mut place = start;
    for _ in 0..EXTENSIONS {
        if place.saturating_add(8) > end {
            return Ok(());
        }
        let bytes = image.read_at(place, 8).map_err(|error| format!("its header could not be read ({error})"))?;
        let kind = number::<4>(&bytes, 0).map(u32::from_be_bytes);
        let length = number::<4>(&bytes, 4).map(u32::from_be_bytes);
        let (Some(kind @ 1..), Some(length)) = (kind, length) else { return Ok(()) };
        let data = place.saturating_add(8);
        if data.saturating_add(u64::from(length)) > end {
            return Err("its qcow2 header has an extension that is too long".to_owned());
        }
        let target = match kind {
            0xE279_2ACA => Some(&mut header.backing_format),
            0x4441_5441 => Some(&mut header.data_file),
            _ => None,
        };
        if let Some(target) = target {
            if length > EXTENSION_LIMIT {
                return Err("its qcow2 header has an extension that is too long".to_owned());
            }
            *target = Some(text(image, data, length)?);
        }
        // Padded to eight bytes.
        place = data.saturating_add(u64::from(length).next_multiple_of(8));
    }
    Err("its qcow2 header has too many extensions".to_owned())
}

fn text(image: &dyn ReadAt, offset: u64, length: u32) -> Result<String, String> {
    let length = usize::try_from(length).unwrap_or_default();
    let bytes = image.read_at(offset, length).map_err(|error| format!("its header could not be read ({error})"))?;
    if bytes.len() < length {
        return Err("its qcow2 header is cut short".to_owned());
    }
    Ok(String::from_utf8_lossy(&bytes).trim_end_matches('\0').to_owned())
}

fn number<const N: usize>(bytes: &[u8], offset: usize) -> Option<[u8; N]> {
    bytes.get(offset..)?.first_chunk::<N>().copied()
}

/// What the guest sees of an image without a parent, for images of a few clusters such as NVRAM.
pub(super) struct Contents<'a> {
    pub(super) image: &'a dyn ReadAt,
    pub(super) header: Header,
}

impl Contents<'_> {
    /// At most `limit` bytes from the start.
    pub(super) fn start(&self, limit: u64) -> Result<Vec<u8>, String> {
        let header = &self.header;
        if header.backing_file.is_some() || header.external_data || header.encryption != 0 {
            return Err("its data lie in another file or are encrypted".to_owned());
        }
        if header.incompatible & INCOMPATIBLE_EXTENDED_L2 != 0 {
            return Err("it is a qcow2 image with subclusters, which are not read".to_owned());
        }
        let cluster = 1u64 << header.cluster_bits;
        let length = limit.min(header.virtual_size);
        let mut bytes = Vec::new();
        while (bytes.len() as u64) < length {
            let chunk = self.cluster(bytes.len() as u64 >> header.cluster_bits, cluster)?;
            bytes.extend_from_slice(&chunk);
        }
        bytes.truncate(usize::try_from(length).unwrap_or_default());
        Ok(bytes)
    }

    fn cluster(&self, index: u64, size: u64) -> Result<Vec<u8>, String> {
        let length = usize::try_from(size).unwrap_or_default();
        let entries = size / 8;
        let upper = index / entries;
        if upper >= u64::from(self.header.l1_size) {
            return Err("its qcow2 tables are too short".to_owned());
        }
        let table = self.entry(self.header.l1_offset, upper)? & OFFSET_MASK;
        let entry = if table == 0 { 0 } else { self.entry(table, index % entries)? };
        if entry & (1 << 62) != 0 {
            return Err("it is a compressed qcow2 image, which is not read".to_owned());
        }
        let offset = entry & OFFSET_MASK;
        if offset == 0 || entry & 1 != 0 {
            return Ok(vec![0; length]);
        }
        let mut bytes =
            self.image.read_at(offset, length).map_err(|error| format!("it could not be read ({error})"))?;
        bytes.resize(length, 0);
        Ok(bytes)
    }

    fn entry(&self, table: u64, index: u64) -> Result<u64, String> {
        let bytes = self.image.read_at(table.saturating_add(index.saturating_mul(8)), 8);
        let bytes = bytes.map_err(|error| format!("it could not be read ({error})"))?;
        number(&bytes, 0).map(u64::from_be_bytes).ok_or_else(|| "its qcow2 tables are cut short".to_owned())
    }
}

#[cfg(test)]
#[path = "qcow2_tests.rs"]
pub(super) mod tests;
