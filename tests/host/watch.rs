// SPDX-License-Identifier: LGPL-2.1-or-later
//! A watch in the bed: changes made with virsh, and a libvirtd that stops, dies or hangs.
#![allow(clippy::print_stdout, reason = "the times that were measured, for whoever runs it with --nocapture")]

use std::time::Duration;

use serde_json::json;

use crate::bed::{Bed, INSECURE, MACHINES, bed, definition, signal};
use crate::followed::{Followed, without_nulls};
use crate::transcript::Transcript;

const SOON: Duration = Duration::from_secs(20);

fn is_reachable(watch: &Followed) -> bool {
    watch.report["libvirt"]["state"] == "connected"
}

/// Every VM is still listed, and nothing of what libvirt says about it counts as known.
fn assert_unreachable(watch: &Followed) {
    let libvirt = &watch.report["libvirt"];
    assert!(libvirt["message"].as_str().is_some_and(|text| text.contains("qemu:///system")), "{libvirt}");
    for uuid in MACHINES {
        let finding = watch.finding(uuid, "vm.graphics-listen");
        assert_eq!(finding["verdict"], "unknown", "{finding}");
        assert_eq!(watch.vm(uuid)["proven"], false);
        assert_eq!(watch.vm(uuid)["state"], "unknown");
    }
}

/// libvirt is back, and so is all that was known before.
fn assert_recovers(bed: &Bed, transcript: &mut Transcript, watch: &mut Followed, patience: Duration) {
    let took = watch.until(transcript, "libvirt is reachable again", patience, is_reachable);
    println!("recovered after {took:?}");
    let mut fresh = bed.audit();
    without_nulls(&mut fresh);
    without_nulls(&mut watch.report);
    assert_eq!(watch.report["libvirt"], fresh["libvirt"], "the old message is gone");
    for uuid in MACHINES {
        assert_eq!(watch.report["vms"][uuid], fresh["vms"][uuid]);
    }
}

#[test]
fn changes_are_seen_as_they_happen() {
    let bed = bed();
    let definition = |listen: &str| definition("changing", "", &format!("<graphics type='vnc' listen='{listen}'/>"));
    let _gone = bed.define(&definition("127.0.0.1"));
    let uuid = bed.sh("virsh domuuid changing").trim().to_owned();
    let mut transcript = bed.peer();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system", "vm": uuid}));
    assert_eq!(watch.finding(&uuid, "vm.graphics-listen")["verdict"], "pass");
    let exposed = definition("0.0.0.0").replace("</name>", &format!("</name><uuid>{uuid}</uuid>"));
    bed.pipe(&["virsh", "-q", "define", "/dev/stdin"], &exposed);
    let took = watch.until(&mut transcript, "the definition changed", SOON, |watch| {
        watch.finding(&uuid, "vm.graphics-listen")["verdict"] == "fail"
    });
    println!("virsh define: the patch was there {took:?} after virsh had ended");
    bed.sh("virsh -q start changing");
    let took = watch.until(&mut transcript, "started", SOON, |watch| {
        watch.vm(&uuid)["state"] == "running" && watch.finding(&uuid, "proc.uid")["verdict"] == "pass"
    });
    println!("virsh start: the patch was there {took:?} after virsh had ended");
    bed.sh("virsh -q suspend changing");
    watch.until(&mut transcript, "paused", SOON, |watch| watch.vm(&uuid)["state"] == "paused");
    bed.sh("virsh -q destroy changing");
    watch.until(&mut transcript, "destroyed", SOON, |watch| {
        watch.vm(&uuid)["state"] == "shut off" && watch.finding(&uuid, "proc.uid")["verdict"] == "not-applicable"
    });
    bed.sh("virsh -q undefine changing");
    watch.until(&mut transcript, "gone", SOON, |watch| watch.vm(&uuid).is_null());
    assert!(transcript.hang_up().ok);
}

/// SELinux tells nobody by an event. A bed has none, so that this peer alone is shown files as the kernel has them.
#[test]
fn selinux_is_seen_long_before_everything_is_read_again() {
    let bed = bed();
    let _gone = bed.after("rm -r /run/sys-fs");
    bed.sh("mkdir -p /run/sys-fs/selinux; cd /run/sys-fs/selinux; printf 1 >enforce; printf 1 >status");
    let shown = "mount --bind /run/sys-fs /sys/fs; exec vm-security bridge";
    let mut transcript = Transcript::peer(&mut bed.command(&["unshare", "--mount", "sh", "-euc", shown]));
    transcript.greet();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system"}));
    let verdict = |watch: &Followed| watch.report["host"]["findings"]["host.selinux-enforcing"]["verdict"].clone();
    assert_eq!(verdict(&watch), "pass");
    bed.sh("cd /run/sys-fs/selinux; printf 0 >enforce; printf 2 >status");
    let took = watch.until(&mut transcript, "permissive", SOON / 2, |watch| verdict(watch) == "fail");
    println!("setenforce: the patch was there {took:?} after it had ended");
    assert!(transcript.hang_up().ok);
}

#[test]
fn libvirtd_stopped_and_started_again() {
    let bed = bed();
    let _again = bed.ends_libvirtd();
    let units = "libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket";
    let mut transcript = bed.peer();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system"}));
    assert!(is_reachable(&watch));
    let start = bed.after(format!("systemctl start {units}"));
    bed.sh(&format!("systemctl stop {units} libvirtd.service"));
    let took = watch.until(&mut transcript, "libvirt is gone", SOON, |watch| !is_reachable(watch));
    println!("noticed after {took:?}");
    assert_unreachable(&watch);
    // Whoever comes now is told the same in his own way.
    let cli = bed.run(&["vm-security", "audit"]);
    assert_eq!((cli.code, cli.stdout.as_str()), (Some(2), ""), "{cli:?}");
    for word in ["qemu:///system", "/run/libvirt/libvirt-sock-ro", "/run/libvirt/virtqemud-sock-ro"] {
        assert!(cli.stderr.contains(word), "{cli:?}");
    }
    transcript.open("1:2", json!({"view": "audit", "connection": "system"}));
    let message = transcript.expect_problem("1:2", "terminated");
    assert!(message.contains("/run/libvirt/libvirt-sock-ro"), "{message}");
    let late = Followed::open(&mut transcript, "1:3", &json!({"connection": "system", "vm": INSECURE}));
    assert_eq!(late.report["libvirt"]["state"], "unreachable");
    let mut late = late;
    drop(start);
    assert_recovers(&bed, &mut transcript, &mut watch, SOON);
    late.until(&mut transcript, "the one that came late", SOON, is_reachable);
    assert_eq!(late.vm(INSECURE)["name"], "insecure");
    assert!(transcript.hang_up().ok);
}

#[test]
fn libvirtd_killed_during_a_watch() {
    let bed = bed();
    let _again = bed.ends_libvirtd();
    let mut transcript = bed.peer();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system"}));
    bed.sh(&signal("KILL"));
    watch.until(&mut transcript, "libvirt is gone", SOON, |watch| !is_reachable(watch));
    assert_unreachable(&watch);
    // systemd starts it again, by itself or when somebody connects.
    assert_recovers(&bed, &mut transcript, &mut watch, SOON);
}

/// A daemon that is there and does not answer: only its keep-alive tells.
#[test]
fn libvirtd_that_hangs() {
    let bed = bed();
    let _go_on = bed.after(signal("CONT"));
    let mut transcript = bed.peer();
    let mut watch = Followed::open(&mut transcript, "1:1", &json!({"connection": "system"}));
    bed.sh(&signal("STOP"));
    // Three messages, five seconds apart, may go unanswered.
    let took =
        watch.until(&mut transcript, "the hang is noticed", Duration::from_secs(45), |watch| !is_reachable(watch));
    println!("noticed after {took:?}");
    assert_unreachable(&watch);
    // Others are not held up.
    transcript.open("1:2", json!({"view": "audit", "connection": "test:///default"}));
    transcript.expect_ready("1:2");
    assert_eq!(transcript.expect_json("1:2")["libvirt"]["state"], "connected");
    transcript.expect_done("1:2");
    transcript.expect_close("1:2");
    bed.sh(&signal("CONT"));
    assert_recovers(&bed, &mut transcript, &mut watch, Duration::from_secs(90));
    // Also a channel that is in the middle of a hanging call closes at once.
    bed.sh(&signal("STOP"));
    transcript.open("1:3", json!({"view": "audit", "connection": "system", "watch": true}));
    transcript.expect_pong("1:1");
    transcript.close("1:3");
    while transcript.is_open("1:3") {
        transcript.next("1:3");
    }
    assert!(transcript.hang_up().ok, "and so does the program");
}
