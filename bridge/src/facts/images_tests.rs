// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::qcow2::tests::Image as Qcow2;
use super::super::root::tests::TestRoot;
use super::*;

fn content(bytes: &[u8]) -> Content {
    parse(&bytes.to_vec(), "/images/a", bytes.len() as u64).unwrap()
}

fn read_all(test: &TestRoot, paths: &[&str]) -> Found {
    let wanted = paths.iter().map(|path| ((*path).to_owned(), Want::Image)).collect();
    read(&test.root(), None, wanted)
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

#[test]
fn a_chain_is_followed_and_each_image_read_once() {
    let test = TestRoot::new();
    test.file("/images/a", &Qcow2::new(1 << 20).backing("b").0)
        .file("/images/b", &Qcow2::new(1 << 20).backing("/base/c").0)
        .file("/base/c", "raw");
    let found = read_all(&test, &["/images/a", "/images/b"]);
    assert_eq!(found.images.keys().collect::<Vec<_>>(), ["/base/c", "/images/a", "/images/b"]);
    assert_eq!(found.images["/base/c"].content.get().unwrap().format, "raw");
    assert!(found.directories["/base"].get().unwrap().is_some());
}

#[test]
fn chains_that_do_not_end_well() {
    let test = TestRoot::new();
    test.file("/loop/a", &Qcow2::new(1).backing("b").0)
        .file("/loop/b", &Qcow2::new(1).backing("a").0)
        .file("/gone", &Qcow2::new(1).backing("/none").0)
        .fifo("/fifo")
        .directory("/directory")
        .file("/cut", b"QFI\xfb\0\0\0\x03");
    let found = read_all(&test, &["/loop/a", "/gone", "/fifo", "/directory", "/cut"]);
    assert_eq!(found.images.len(), 7);
    assert_eq!(found.images["/none"].meta.value(), Some(&None));
    assert_eq!(found.images["/none"].content.get().unwrap_err().reason, "/none does not exist");
    assert!(found.images["/fifo"].content.get().unwrap_err().reason.contains("neither a regular file"));
    assert!(found.images["/fifo"].meta.get().unwrap().is_some());
    assert!(found.images["/directory"].content.value().is_none());
    assert_eq!(found.images["/cut"].content.get().unwrap_err().reason, "of /cut its qcow2 header is cut short");
}

#[test]
fn remote_storage_is_found_through_links() {
    let test = TestRoot::new();
    test.link("/var/lib/libvirt/images", "/srv/nas/images").directory("/srv").link("/loop", "/loop/x");
    test.link("/here", "srv");
    let mount = super::super::mounts::Mount { fs_type: "nfs4".to_owned(), ..Default::default() };
    let mounts = Mounts(BTreeMap::from([("/srv/nas".to_owned(), mount)]));
    let root = test.root();
    let mut places = Places { root: &root, mounts: Some(&mounts), links: BTreeMap::new() };
    assert_eq!(places.group("/var/lib/libvirt/images/a.img"), "/srv/nas");
    assert_eq!(places.group("/srv/nas/x"), "/srv/nas");
    assert_eq!(places.group("/here/nas/x"), "/srv/nas");
    assert_eq!(places.group("/srv/a.img"), "");
    assert_eq!(places.group("/dev/vg/a"), "/dev");
    assert_eq!(places.group("/loop"), "");
}

#[test]
fn a_storage_that_hangs_costs_its_own_images_only_and_is_not_asked_again() {
    let test = TestRoot::new();
    test.file("/here", "raw");
    let root = test.root();
    // As a thread that never comes back.
    let held = Arc::new(());
    let place = format!("{}/dev", root.path().display());
    HANGING.lock().unwrap().insert(place.clone(), Arc::downgrade(&held));
    let wanted = || [("/dev/hangs".to_owned(), Want::Image), ("/here".to_owned(), Want::Image)].into();
    let found = read(&root, None, wanted());
    let gap = found.images["/dev/hangs"].content.get().unwrap_err();
    assert_eq!(gap.reason, "a block device has not answered an earlier audit yet");
    assert!(found.images["/here"].content.value().is_some());
    drop(held);
    assert_eq!(read(&root, None, wanted()).images["/dev/hangs"].meta.value(), Some(&None));
}

#[test]
fn the_directories_above_a_path() {
    assert_eq!(ancestors("/a/b/c").collect::<Vec<_>>(), ["/", "/a", "/a/b"]);
    assert_eq!(ancestors("/a").collect::<Vec<_>>(), ["/"]);
}
