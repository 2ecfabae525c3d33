// SPDX-License-Identifier: LGPL-2.1-or-later
//! The variable store of UEFI firmware: which Secure Boot keys it holds. (EDK II: `MdeModulePkg/Include/Guid/VariableFormat.h`)

use serde::{Deserialize, Serialize};

use super::qcow2::{self, Contents, ReadAt};

/// Of a store; OVMF's is 528 KiB, the one for Arm 768 KiB of a padded file.
const LIMIT: u64 = 2 << 20;
/// More variables than any store has room for.
const VARIABLES: usize = 50_000;

const NV_DATA: Guid = *b"\x8d\x2b\xf1\xff\x96\x76\x8b\x4c\xa9\x85\x27\x47\x07\x5b\x4f\x50";
const AUTHENTICATED: Guid = *b"\x78\x2c\xf3\xaa\x7b\x94\x9a\x43\xa1\x80\x2e\x14\x4e\xc3\x77\x92";
/// A store whose variables cannot be signed.
const PLAIN: Guid = *b"\x16\x36\xcf\xdd\x75\x32\x64\x41\x98\xb6\xfe\x85\x70\x7f\xfe\x7d";
const GLOBAL: Guid = *b"\x61\xdf\xe4\x8b\xca\x93\xd2\x11\xaa\x0d\x00\xe0\x98\x03\x2b\x8c";
const IMAGE_SECURITY: Guid = *b"\xcb\xb2\x19\xd7\x3a\x3d\x96\x45\xa3\xbc\xda\xd0\x0e\x67\x65\x6f";
const SECURE_BOOT_ENABLE: Guid = *b"\xc7\x0b\xa3\xf0\x08\xaf\x56\x45\x99\xc4\x00\x10\x09\xc9\x3a\x44";

type Guid = [u8; 16];

/// What decides whether the firmware verifies what it starts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Variables {
    /// `PK`: without it the firmware is in setup mode and verifies nothing.
    pub platform_key: bool,
    pub key_exchange_key: bool,
    /// `db`: what may start.
    pub allowed: bool,
    /// `SecureBootEnable`: the switch in the firmware's own menu; `None` when the firmware has not written it yet.
    pub enabled: Option<bool>,
}

/// An NVRAM file, raw or in a qcow2 image.
pub(super) fn parse(file: &dyn ReadAt) -> Result<Variables, String> {
    let unreadable = |error| format!("it could not be read ({error})");
    let start = file.read_at(0, 4).map_err(unreadable)?;
    let store = if start == b"QFI\xfb" {
        Contents { image: file, header: qcow2::parse(file)? }.start(LIMIT)?
    } else {
        file.read_at(0, usize::try_from(LIMIT).unwrap_or_default()).map_err(unreadable)?
    };
    variables(&store).ok_or_else(|| "it is no variable store of UEFI firmware that this program knows".to_owned())
}

fn variables(volume: &[u8]) -> Option<Variables> {
    if volume.get(16..32)? != NV_DATA || volume.get(40..44)? != b"_FVH" {
        return None;
    }
    let header = usize::from(u16::from_le_bytes(*volume.get(48..)?.first_chunk()?));
    let store = volume.get(header..)?;
    let size = usize::try_from(u32_at(store, 16)?).ok()?;
    let head: usize = match *store.first_chunk::<16>()? {
        AUTHENTICATED => 60,
        // Its variables are not authenticated, so that no key in it counts.
        PLAIN => return Some(Variables::default()),
        _ => return None,
    };
    // Formatted and healthy.
    if store.get(20..22)? != [0x5a, 0xfe] {
        return None;
    }
    let store = store.get(..size)?;
    let mut found = Variables::default();
    let mut place = 28;
    for _ in 0..VARIABLES {
        // Erased flash is all ones: the end.
        let Some(entry) = store.get(place..).filter(|entry| entry.starts_with(&[0xaa, 0x55])) else { break };
        let (Some(name_size), Some(data_size)) = (u32_at(entry, 36), u32_at(entry, 40)) else { break };
        let (name_size, data_size) = (usize::try_from(name_size).ok()?, usize::try_from(data_size).ok()?);
        let end = head.checked_add(name_size)?.checked_add(data_size)?;
        // Cut short: what would follow is not known either.
        let (name, data) = entry.get(head..end)?.split_at_checked(name_size)?;
        // In use, or in use until its successor is written.
        if matches!(entry.get(2), Some(0x3f | 0x3e)) {
            let vendor: Guid = *entry.get(44..)?.first_chunk()?;
            note(&mut found, vendor, name, data);
        }
        place = place.checked_add(end)?.checked_next_multiple_of(4)?;
    }
    Some(found)
}

fn note(found: &mut Variables, vendor: Guid, name: &[u8], data: &[u8]) {
    let is = |text: &str| {
        let wide = text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes);
        wide.eq(name.iter().copied())
    };
    let filled = !data.is_empty();
    match vendor {
        GLOBAL if is("PK") => found.platform_key = filled,
        GLOBAL if is("KEK") => found.key_exchange_key = filled,
        IMAGE_SECURITY if is("db") => found.allowed = filled,
        SECURE_BOOT_ENABLE if is("SecureBootEnable") => found.enabled = data.first().map(|value| *value != 0),
        _ => {}
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    bytes.get(offset..)?.first_chunk().copied().map(u32::from_le_bytes)
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::qcow2::tests::Image;
    use super::*;

    /// A store as OVMF makes it, with these variables: state, vendor, name, data.
    pub(in crate::facts) fn store(variables: &[(u8, Guid, &str, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0xff; 0x21000];
        bytes[..16].fill(0);
        bytes[16..32].copy_from_slice(&NV_DATA);
        bytes[32..40].copy_from_slice(&0x84000u64.to_le_bytes());
        bytes[40..44].copy_from_slice(b"_FVH");
        bytes[48..50].copy_from_slice(&72u16.to_le_bytes());
        bytes[72..88].copy_from_slice(&AUTHENTICATED);
        bytes[88..92].copy_from_slice(&0x20000u32.to_le_bytes());
        bytes[92..94].copy_from_slice(&[0x5a, 0xfe]);
        let mut place = 72 + 28;
        for (state, vendor, name, data) in variables {
            let name: Vec<u8> = name.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
            let mut entry = vec![0; 60];
            entry[..3].copy_from_slice(&[0xaa, 0x55, *state]);
            entry[36..40].copy_from_slice(&u32::try_from(name.len()).unwrap().to_le_bytes());
            entry[40..44].copy_from_slice(&u32::try_from(data.len()).unwrap().to_le_bytes());
            entry[44..60].copy_from_slice(vendor);
            entry.extend(name);
            entry.extend(*data);
            bytes[place..place + entry.len()].copy_from_slice(&entry);
            place = (place - 72 + entry.len()).next_multiple_of(4) + 72;
        }
        bytes
    }

    fn enrolled() -> Vec<u8> {
        store(&[
            (0x3c, GLOBAL, "PK", b"old"),
            (0x3f, GLOBAL, "PK", b"certificate"),
            (0x3f, GLOBAL, "KEK", b"certificate"),
            (0x3e, IMAGE_SECURITY, "db", b"certificates"),
            (0x3f, GLOBAL, "db", b""),
            (0x3f, SECURE_BOOT_ENABLE, "SecureBootEnable", &[1]),
        ])
    }

    #[test]
    fn enrolled_keys() {
        let all = Variables { platform_key: true, key_exchange_key: true, allowed: true, enabled: Some(true) };
        assert_eq!(parse(&enrolled()).unwrap(), all);
        let off = store(&[(0x3f, SECURE_BOOT_ENABLE, "SecureBootEnable", &[0])]);
        assert_eq!(parse(&off).unwrap(), Variables { enabled: Some(false), ..Variables::default() });
    }

    #[test]
    fn a_deleted_key_and_a_key_of_another_vendor_do_not_count() {
        let bytes =
            store(&[(0x3d, GLOBAL, "PK", b"x"), (0x3f, IMAGE_SECURITY, "PK", b"x"), (0x3f, GLOBAL, "PKx", b"x")]);
        assert_eq!(parse(&bytes).unwrap(), Variables::default());
        assert_eq!(parse(&store(&[])).unwrap(), Variables::default());
    }

    #[test]
    fn a_store_inside_qcow2() {
        let bytes = enrolled();
        let mut image = Image::new(bytes.len() as u64).set(0x10000, &0x20000u64.to_be_bytes());
        for (index, chunk) in bytes.chunks(65536).enumerate() {
            let offset = 0x30000 + index * 65536;
            image = image.set(0x20000 + index * 8, &(offset as u64).to_be_bytes()).set(offset, chunk);
        }
        assert!(parse(&image.0).unwrap().platform_key);
        let overlay = image.backing("/x");
        assert!(parse(&overlay.0).unwrap_err().contains("another file"));
    }

    #[test]
    fn hostile_stores_are_refused() {
        let unknown = "it is no variable store of UEFI firmware that this program knows";
        let with = |offset: usize, bytes: &[u8]| {
            let mut store = enrolled();
            store[offset..offset + bytes.len()].copy_from_slice(bytes);
            store
        };
        for bytes in [
            Vec::new(),
            vec![0; 4096],
            b"{\"version\": 2}".to_vec(),
            enrolled()[..100].to_vec(),
            with(48, &[0xff, 0xff]),
            with(88, &[0xff; 4]),
            with(92, &[0]),
            with(72, &[0]),
            with(40, b"_FVX"),
            with(100 + 36, &[0xff; 4]),
            with(100 + 40, &[0xff; 4]),
        ] {
            assert_eq!(parse(&bytes).unwrap_err(), unknown);
        }
    }

    #[test]
    fn a_store_without_authentication_holds_no_key_that_counts() {
        let mut bytes = enrolled();
        bytes[72..88].copy_from_slice(&PLAIN);
        assert_eq!(parse(&bytes).unwrap(), Variables::default());
    }
}
