// SPDX-License-Identifier: LGPL-2.1-or-later
use super::super::pools::Pool;
use super::super::qcow2::tests::Image as Qcow2;
use super::super::root::tests::TestRoot;
use super::super::{Vm, nvram};
use super::*;

fn vm(name: &str, xml: &str) -> Vm {
    let stored = Fact::known("", Some(format!("<domain>{xml}</domain>")));
    let (name, connection) = (name.to_owned(), "system".to_owned());
    Vm { uuid: name.clone(), name, connection, stored, live: Fact::known("", None), ..Vm::default() }
}

#[test]
fn all_files_of_the_vms_are_read() {
    let test = TestRoot::new();
    test.file("/images/web1.qcow2", &Qcow2::new(1 << 30).backing("/base/base.img").0)
        .file("/base/base.img", "raw")
        .file("/pool/volume", "raw")
        .file("/pool/orphan", "raw")
        .link("/pool/link", "../images/web1.qcow2")
        .file("/nvram/web1.fd", nvram::tests::store(&[]))
        .directory("/tpm");
    let volumes = ["volume", "orphan", "link"].map(|name| (name.to_owned(), format!("/pool/{name}"))).into();
    let pool =
        Pool { kind: "dir".to_owned(), active: true, path: Some("/pool".to_owned()), volumes, ..Pool::default() };
    let xml = "<os><nvram>/nvram/web1.fd</nvram></os><devices>
        <disk><source file='/images/web1.qcow2'/><mirror><source dev='/dev/mirror'/></mirror></disk>
        <disk><source pool='default' volume='volume'/></disk><disk device='cdrom'/>
        <tpm><backend type='emulator'><source type='dir' path='/tpm'/></backend></tpm></devices>";
    let mut facts = Facts { vms: vec![vm("web1", xml), vm("db1", "<devices/>")], ..Facts::default() };
    facts.libvirt.pools = Fact::known("", BTreeMap::from([("default".to_owned(), pool)]));
    facts.attach_storage(&test.root());
    let storage = &facts.host.storage;
    let used = |path: &str| storage.images[path].used;
    assert!(used("/images/web1.qcow2") && used("/base/base.img") && used("/pool/volume") && used("/dev/mirror"));
    assert!(used("/pool/link") && !used("/pool/orphan"));
    assert!(storage.images["/nvram/web1.fd"].nvram && !storage.images["/pool/volume"].nvram);
    assert!(storage.images["/nvram/web1.fd"].variables.value().is_some());
    assert!(storage.images["/pool/volume"].variables.value().is_none());
    for directory in ["/", "/images", "/base", "/pool", "/nvram"] {
        assert!(storage.directories[directory].get().unwrap().is_some(), "{directory}");
    }
    assert!(facts.vms[0].left.tpm_state.get().unwrap().is_some());
    assert_eq!(facts.vms[1].left.tpm_state.value(), Some(&None));
}

#[test]
fn the_place_of_the_variables_need_not_stand_in_the_definition() {
    let test = TestRoot::new();
    let path = "/var/lib/libvirt/qemu/nvram/web1_VARS.fd";
    test.file(path, nvram::tests::store(&[]));
    for (xml, expected) in [
        ("<os firmware='efi'/>", Some(path)),
        ("<os><loader type='pflash'>/x</loader></os>", Some(path)),
        ("<os firmware='efi'><loader stateless='yes'/></os>", None),
        ("<os firmware='efi'><nvram>/nvram/web1.fd</nvram></os>", None),
        ("<os firmware='bios'/>", None),
        ("<os><loader type='rom'>/x</loader></os>", None),
    ] {
        let mut facts = Facts { vms: vec![vm("web1", xml)], ..Facts::default() };
        facts.attach_storage(&test.root());
        assert_eq!(facts.vms[0].left.nvram.as_deref(), expected, "{xml}");
        let read = facts.host.storage.images.get(path).is_some_and(|image| image.variables.value().is_some());
        assert_eq!(read, expected.is_some(), "{xml}");
    }
}

#[test]
fn hostile_definitions_cost_nothing() {
    let test = TestRoot::new();
    test.directory("/images");
    let xml = "<devices><disk><source file='relative'/></disk><disk><source file='/etc/pass&#10;wd'/></disk>
        <disk><source pool='p' volume='v'/></disk><disk><source file=''/></disk></devices>";
    let mut facts = Facts { vms: vec![vm("web1", xml), vm("bad", "<devices>")], ..Facts::default() };
    facts.attach_storage(&test.root());
    assert_eq!(facts.host.storage.images.keys().collect::<Vec<_>>(), ["/etc/pass\nwd"]);
}
