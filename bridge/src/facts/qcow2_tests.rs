// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;

impl ReadAt for Vec<u8> {
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(self.len());
        Ok(self[offset..offset.saturating_add(length).min(self.len())].to_vec())
    }
}

/// An image with a header of version 3, as `qemu-img create` writes it.
pub(in crate::facts) struct Image(pub(in crate::facts) Vec<u8>);

impl Image {
    pub(in crate::facts) fn new(virtual_size: u64) -> Self {
        Self(Vec::new())
            .set(0, b"QFI\xfb\0\0\0\x03")
            .set(20, &16u32.to_be_bytes())
            .set(24, &virtual_size.to_be_bytes())
            .set(36, &1u32.to_be_bytes())
            .set(40, &0x10000u64.to_be_bytes())
            .set(100, &104u32.to_be_bytes())
            .set(0xffff, b"\0")
    }

    pub(in crate::facts) fn set(mut self, offset: usize, bytes: &[u8]) -> Self {
        self.0.resize(self.0.len().max(offset + bytes.len()), 0);
        self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        self
    }

    pub(in crate::facts) fn extension(self, offset: usize, kind: u32, data: &[u8]) -> Self {
        let length = u32::try_from(data.len()).unwrap();
        self.set(offset, &kind.to_be_bytes()).set(offset + 4, &length.to_be_bytes()).set(offset + 8, data)
    }

    pub(in crate::facts) fn backing(self, name: &str) -> Self {
        let length = u32::try_from(name.len()).unwrap();
        self.set(8, &0x200u64.to_be_bytes()).set(16, &length.to_be_bytes()).set(0x200, name.as_bytes())
    }
}

#[test]
fn an_overlay_names_its_parent_and_the_parents_format() {
    let image = Image::new(10 << 30)
        .extension(104, 0x6803_f857, &[0; 48])
        .extension(160, 0xE279_2ACA, b"raw")
        .backing("/images/base.img");
    let header = parse(&image.0).unwrap();
    assert_eq!(header.virtual_size, 10 << 30);
    assert_eq!(header.backing_file.as_deref(), Some("/images/base.img"));
    assert_eq!(header.backing_format.as_deref(), Some("raw"));
    assert!(!header.external_data && header.encryption == 0);
}

#[test]
fn an_external_data_file_and_encryption() {
    let image = Image::new(1 << 20).set(72, &4u64.to_be_bytes()).set(32, &2u32.to_be_bytes());
    let header = parse(&image.0).unwrap();
    assert!(header.external_data && header.data_file.is_none() && header.encryption == 2);
    let image = image.extension(104, 0x4441_5441, b"/etc/shadow");
    assert_eq!(parse(&image.0).unwrap().data_file.as_deref(), Some("/etc/shadow"));
}

#[test]
fn version_2_has_a_shorter_header() {
    let image = Image::new(1 << 20).set(4, &2u32.to_be_bytes()).set(72, &[0; 40]).extension(72, 0xE279_2ACA, b"qcow2");
    assert_eq!(parse(&image.0).unwrap().backing_format.as_deref(), Some("qcow2"));
}

#[test]
fn hostile_headers_are_refused_with_a_reason() {
    let fresh = || Image::new(1 << 20);
    for (image, reason) in [
        (Image(b"QFI\xfb\0\0\0\x03".to_vec()), "is cut short"),
        (Image(Vec::new()), "is cut short"),
        (Image(b"QFI\xfb\0\0\0\x09".to_vec()), "version 2 or 3"),
        (fresh().set(20, &22u32.to_be_bytes()), "impossible cluster size"),
        (fresh().set(20, &8u32.to_be_bytes()), "impossible cluster size"),
        (fresh().set(100, &u32::MAX.to_be_bytes()), "longer than a cluster"),
        (fresh().set(8, &u64::MAX.to_be_bytes()).set(16, &9u32.to_be_bytes()), "outside the header"),
        (fresh().set(8, &65530u64.to_be_bytes()).set(16, &9u32.to_be_bytes()), "outside the header"),
        (fresh().set(8, &512u64.to_be_bytes()).set(16, &1024u32.to_be_bytes()), "outside the header"),
        (fresh().extension(104, 0xE279_2ACA, b"").set(108, &u32::MAX.to_be_bytes()), "too long"),
        (fresh().extension(104, 0x4441_5441, &[b'a'; 4097]), "too long"),
        ((0..70).fold(fresh(), |image, n| image.extension(104 + n * 8, 7, b"")), "too many extensions"),
    ] {
        let error = parse(&image.0).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
    // Names at their bound are read.
    let image = fresh().set(8, &512u64.to_be_bytes()).set(16, &1023u32.to_be_bytes()).set(512, &[b'a'; 1023]);
    assert_eq!(parse(&image.0).unwrap().backing_file.unwrap().len(), 1023);
    let image = fresh().extension(104, 0x4441_5441, &[b'a'; 4096]);
    assert_eq!(parse(&image.0).unwrap().data_file.unwrap().len(), 4096);
}

/// Data in the first cluster, a hole, and a zero cluster.
fn small() -> Image {
    Image::new(200_000)
        .set(0x10000, &0x20000u64.to_be_bytes())
        .set(0x20000, &(0x30000u64 | 1 << 63).to_be_bytes())
        .set(0x20010, &0x30001u64.to_be_bytes())
        .set(0x30000, b"hello")
        .set(0x3ffff, b"!")
}

fn contents(image: &Image, limit: u64) -> Result<Vec<u8>, String> {
    let header = parse(&image.0).unwrap();
    Contents { image: &image.0, header }.start(limit)
}

#[test]
fn what_the_guest_sees_of_a_small_image() {
    let bytes = contents(&small(), 1 << 20).unwrap();
    assert_eq!(bytes.len(), 200_000);
    assert_eq!((&bytes[..5], bytes[65535], bytes[65536], bytes[131_072]), (&b"hello"[..], b'!', 0, 0));
    assert_eq!(contents(&small(), 5).unwrap(), b"hello");
}

#[test]
fn contents_that_cannot_be_had_say_so() {
    for (image, reason) in [
        (small().backing("/b"), "lie in another file"),
        (small().set(72, &4u64.to_be_bytes()), "lie in another file"),
        (small().set(32, &1u32.to_be_bytes()), "encrypted"),
        (small().set(72, &16u64.to_be_bytes()), "subclusters"),
        (small().set(0x20000, &(1u64 << 62).to_be_bytes()), "compressed"),
        (small().set(36, &0u32.to_be_bytes()), "too short"),
        (small().set(40, &u64::MAX.to_be_bytes()), "cut short"),
    ] {
        let error = contents(&image, 1 << 20).unwrap_err();
        assert!(error.contains(reason), "{reason}: {error}");
    }
}
