// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::qcow2::tests::Image as Qcow2;
use super::*;

fn content(bytes: &[u8]) -> Content {
    parse(&bytes.to_vec(), "/images/a", bytes.len() as u64).unwrap()
}

#[test]
fn formats_by_their_first_bytes() {
    for (_, offset, format) in &MAGIC {
        let (magic, ..) = MAGIC.iter().find(|entry| entry.2 == *format && entry.1 == *offset).unwrap();
        let mut bytes = vec![0; 600];
        bytes[*offset..offset + magic.len()].copy_from_slice(magic);
        assert_eq!(content(&bytes).format, *format);
    }
    assert_eq!(content(b"QFI\xfb\0\0\0\x01").format, "qcow");
    assert_eq!(content(b"").format, "raw");
    let raw = content(&[7; 2000]);
    assert_eq!((raw.format.as_str(), raw.virtual_size), ("raw", Some(2000)));
    assert_eq!(content(b"LUKS\xba\xbe\0\x02").encryption.as_deref(), Some("luks"));
    let qcow2 = content(&Qcow2::new(1 << 40).set(32, &1u32.to_be_bytes()).0);
    assert_eq!((qcow2.virtual_size, qcow2.encryption.as_deref()), (Some(1 << 40), Some("aes")));
    let unknown = Qcow2::new(1).set(32, &9u32.to_be_bytes()).0;
    assert!(parse(&unknown, "/a", 1).unwrap_err().contains("unknown encryption"));
}

#[test]
fn labels_of_volumes() {
    let mut iso = vec![0; 0x8800];
    iso[0x8001..0x8006].copy_from_slice(b"CD001");
    iso[0x8028..0x8048].copy_from_slice(b"cidata                          ");
    let iso = content(&iso);
    assert_eq!((iso.format.as_str(), iso.volume.as_deref()), ("iso", Some("cidata")));
    for (name, label) in [(54, 43), (82, 71)] {
        let mut fat = vec![0; 1024];
        fat[510..512].copy_from_slice(&[0x55, 0xaa]);
        fat[name..name + 3].copy_from_slice(b"FAT");
        fat[label..label + 11].copy_from_slice(b"CIDATA     ");
        assert_eq!(content(&fat).volume.as_deref(), Some("CIDATA"));
    }
}

#[test]
fn parents_by_path_and_by_protocol() {
    let path = |path: &str| Parent { path: Some(path.to_owned()), ..Parent::default() };
    let protocol = |name: &str| Parent { protocol: Some(name.to_owned()), ..Parent::default() };
    for (name, expected) in [
        ("base.img", path("/images/base.img")),
        ("../x/./base", path("/x/base")),
        ("../../../etc/shadow", path("/etc/shadow")),
        ("/a:b", path("/a:b")),
        ("./a:b", path("/images/a:b")),
        ("file:/a", path("/a")),
        ("nbd://host/x", protocol("nbd")),
        ("rbd:pool/a:key=geheim", protocol("rbd")),
        ("json:{\"driver\":\"qcow2\",\"file\":{\"driver\":\"file\",\"filename\":\"/a\"}}", path("/a")),
        ("json:{\"file.driver\":\"file\",\"file.filename\":\"b\"}", path("/images/b")),
        ("json:{\"driver\":\"host_device\",\"filename\":\"/dev/sda\"}", path("/dev/sda")),
        ("json:{\"file\":{\"driver\":\"https\",\"url\":\"https://u:geheim@h/\"}}", protocol("https")),
        ("json:{\"file\":{\"driver\":\"ssh\",\"filename\":\"/a\"}}", protocol("ssh")),
        ("json:garbage", protocol("json")),
    ] {
        assert_eq!(parent("/images", name), expected, "{name}");
    }
}
