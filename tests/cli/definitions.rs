// SPDX-License-Identifier: LGPL-2.1-or-later
//! `audit FILE.xml…` and `audit --root DIR`: definitions that no libvirt has seen.

use std::fs::File;

use serde_json::{Value, json};

use crate::program::{EXPOSED, Place, domain, run, timeless, uuid};

fn audit(args: &[&str]) -> Value {
    timeless(run(&[&["audit", "--format", "json"], args].concat()).json())
}

#[test]
fn a_file_is_judged_alone() {
    let place = Place::new();
    let file = place.file("new.xml", domain("web1", 1, "", EXPOSED));
    let report = audit(&[&file]);
    assert_eq!(report["libvirt"]["state"], "not-used", "{report}");
    assert_eq!(report["host"]["findings"], json!({}), "the host is left out");
    let vm = &report["vms"][uuid(1)];
    assert_eq!((&vm["name"], &vm["connection"], &vm["state"]), (&json!("web1"), &json!("file"), &json!("unknown")));
    let console = &vm["findings"]["vm.graphics-listen"];
    assert!(matches!(console["verdict"].as_str(), Some("warn" | "fail")), "{console}");
    run(&["audit", &file, "-c", "test:///default"]).refused(&["judged alone"]);
    run(&["audit", &file, "--root", &place.path("")]).refused(&["judged alone"]);
}

#[test]
fn what_has_no_name_goes_by_its_path() {
    let place = Place::new();
    let file = place.file("bare.xml", "<domain><devices/></domain>");
    let empty = place.file("empty.xml", "<domain><name> </name><uuid/></domain>");
    let report = audit(&[&file, &empty]);
    for path in [&file, &empty] {
        assert_eq!(report["vms"][path]["name"], **path, "{report}");
    }
}

#[test]
fn one_definition_hides_no_other() {
    let place = Place::new();
    let first = place.file("a.xml", domain("a", 1, "", EXPOSED));
    let second = place.file("b.xml", domain("b", 1, "", ""));
    let report = audit(&[&first, &second]);
    assert_eq!(report["vms"][uuid(1)]["name"], "a");
    assert_eq!(report["vms"][&second]["name"], "b");
    let terminal = run(&["audit", &first, &second]).ok();
    assert!(terminal.contains("Total for 2 definitions, profile server"), "{terminal}");
}

#[test]
fn files_that_are_no_definition() {
    let bomb = format!(
        "<!DOCTYPE d [<!ENTITY a0 'x'>{}]><domain><name>&a20;</name></domain>",
        (1..=20).map(|n| format!("<!ENTITY a{n} '&a{0};&a{0};&a{0};'>", n - 1)).collect::<Vec<_>>().concat()
    );
    let outside = "<!DOCTYPE d [<!ENTITY e SYSTEM 'file:///etc/passwd'>]><domain><name>&e;</name></domain>";
    let table: &[(&str, &[u8], &str)] = &[
        ("empty.xml", b"", "does not parse"),
        ("broken.xml", b"<domain><devices></domain>", "does not parse"),
        ("network.xml", b"<network/>", "not a domain definition but <network>"),
        ("text.xml", b"\x1b[31mnot xml\n", "does not parse"),
        ("control.xml", b"<domain><name>a\x1b[31mb</name></domain>", "does not parse"),
        ("latin1.xml", b"<domain><name>gr\xfcn</name></domain>", "is not UTF-8"),
        ("bomb.xml", bomb.as_bytes(), "DTD"),
        ("outside.xml", outside.as_bytes(), "DTD"),
    ];
    let place = Place::new();
    let good = place.file("good.xml", domain("good", 1, "", ""));
    for (name, content, reason) in table {
        let file = place.file(name, content);
        run(&["audit", &file]).refused(&[&file, reason]);
        run(&["audit", &good, &file]).refused(&[&file, reason]);
    }
    let huge = place.path("huge.xml");
    File::create(&huge).and_then(|file| file.set_len((4 << 20) + 1)).unwrap();
    run(&["audit", &huge]).refused(&[&huge, "larger than 4 MiB"]);
    let none = place.path("none.xml");
    run(&["audit", &none]).refused(&[&none, "No such file"]);
    let directory = place.path("directory.xml");
    std::fs::create_dir(&directory).unwrap();
    run(&["audit", &directory]).refused(&[&directory, "directory"]);
}

#[test]
fn a_root_with_definitions() {
    let place = Place::new();
    place.file("etc/libvirt/qemu/web1.xml", domain("web1", 1, "", EXPOSED));
    place.file("etc/libvirt/qemu/web2.xml", domain("web2", 1, "", EXPOSED));
    place.file("etc/libvirt/qemu/broken.xml", "<domain>");
    place.file("etc/libvirt/qemu/networks/default.xml", "<network/>");
    place.file("etc/libvirt/qemu/notes.txt", "not a definition");
    place.file("etc/libvirt/qemu.conf", "user = \"root\"\n");
    let root = place.path("");
    let report = audit(&["--root", &root]);
    assert_eq!(report["libvirt"]["state"], "not-used");
    let vms = report["vms"].as_object().unwrap();
    let broken = "/etc/libvirt/qemu/broken.xml";
    assert!(vms.keys().eq([broken, "/etc/libvirt/qemu/web2.xml", &uuid(1)]), "{:?}", vms.keys());
    let console = |key: &str| &vms[key]["findings"]["vm.graphics-listen"];
    assert!(matches!(console(&uuid(1))["verdict"].as_str(), Some("warn" | "fail")), "{}", console(&uuid(1)));
    assert_eq!(console(broken)["verdict"], "unknown");
    assert!(console(broken)["message"].as_str().unwrap().contains("does not parse"));
    assert_eq!(report["host"]["findings"]["daemon.qemu-user"]["verdict"], "fail");
    let web2 = audit(&["--root", &root, "web2"]);
    assert!(web2["vms"].as_object().unwrap().keys().eq(["/etc/libvirt/qemu/web2.xml"]));
    run(&["audit", "--root", &root, "db1"]).refused(&["there is no VM 'db1'"]);
    let empty = Place::new();
    assert_eq!(audit(&["--root", &empty.path("")])["vms"], json!({}));
    run(&["audit", "--root", &empty.path("none")]).refused(&[&empty.path("none"), "No such file"]);
    run(&["facts", "--root", &empty.file("file", "")]).refused(&["Not a directory"]);
}

/// A definition on disk holds what libvirt leaves out of its answers.
#[test]
fn facts_of_a_root_hold_no_secret() {
    let devices = "<graphics type='vnc' listen='0.0.0.0' passwd='hunter2'/><graphics type='spice'/>";
    let place = Place::new();
    place.file(
        "etc/libvirt/qemu/web1.xml",
        domain(
            "web1",
            1,
            "<metadata><c:data xmlns:c='urn:c'><c:root_password>hunter2</c:root_password></c:data></metadata>",
            devices,
        ),
    );
    place.file("etc/libvirt/qemu.conf", "vnc_password = \"hunter2\"\nspice_password = \"hunter2\"\n");
    let facts = run(&["facts", "--root", &place.path("")]).ok();
    assert!(!facts.contains("hunter2"), "{facts}");
    let facts: Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(facts["vms"][0]["graphics_passwords"]["stored"]["value"], json!([true, false]), "{}", facts["vms"]);
}
