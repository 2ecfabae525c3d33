// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::qcow2::tests::Image as Qcow2;
use super::super::root::tests::TestRoot;
use super::*;

fn read_all(test: &TestRoot, paths: &[&str]) -> Found {
    let wanted = paths.iter().map(|path| ((*path).to_owned(), Want::Image)).collect();
    read(&test.root(), None, wanted)
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
    let mount =
        super::super::mounts::Mount { point: "/srv/nas".to_owned(), fs_type: "nfs4".to_owned(), ..Default::default() };
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
