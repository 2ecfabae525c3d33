// SPDX-License-Identifier: LGPL-2.1-or-later
//! A host to test on, one test at a time: a test bed, or one that is reached with ssh.
#![allow(dead_code, reason = "each test program uses its part")]
#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::transcript::Transcript;

pub(crate) const INSECURE: &str = "11111111-1111-4111-8111-111111111111";
pub(crate) const HARDENED: &str = "22222222-2222-4222-8222-222222222222";
pub(crate) const STOPPED: &str = "33333333-3333-4333-8333-333333333333";
pub(crate) const MACHINES: [&str; 3] = [INSECURE, HARDENED, STOPPED];

enum Place {
    /// The name of a bed (tests/testbed).
    Bed(String),
    /// An ssh configuration with a host for each user; root's is `host` (tests/selinux-host).
    Ssh(String),
}

pub(crate) struct Bed {
    place: Place,
    _turn: MutexGuard<'static, ()>,
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self.stdout
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("one JSON document")
    }
}

/// The bed for this test alone: some stop its libvirtd.
pub(crate) fn bed() -> Bed {
    static TURN: Mutex<()> = Mutex::new(());
    let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let given = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let place = given("VM_SECURITY_SSH_CONFIG").map(Place::Ssh).or_else(|| given("VM_SECURITY_BED").map(Place::Bed));
    let place = place.expect("VM_SECURITY_BED must name a bed that is up: tests/testbed/bed up NAME --stage DIR");
    Bed { place, _turn: turn }
}

impl Bed {
    /// As root, or as the user that `--user` in front names.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command;
        match &self.place {
            Place::Bed(name) => {
                command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/testbed/bed"));
                command.arg("enter").arg(name).args(args);
            }
            Place::Ssh(config) => {
                let (host, args) = match args {
                    ["--user", user, rest @ ..] => (*user, rest),
                    _ => ("host", args),
                };
                command = Command::new("ssh");
                // ssh gives the other side's shell one line.
                command.args(["-F", config, host]).args(args.iter().map(|arg| quoted(arg)));
            }
        }
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, args: &[&str]) -> Run {
        finish(self.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the bed's script"))
    }

    /// A shell script inside, which must succeed.
    pub(crate) fn sh(&self, script: &str) -> String {
        let run = self.run(&["sh", "-euc", script]);
        assert_eq!(run.code, Some(0), "{script}: {run:?}");
        run.stdout
    }

    pub(crate) fn audit(&self) -> Value {
        self.run(&["vm-security", "audit", "--format", "json"]).json()
    }

    /// Defines a VM, which goes when the value does.
    pub(crate) fn define(&self, xml: &str) -> Undo<'_> {
        self.pipe(&["virsh", "-q", "define", "/dev/stdin"], xml);
        let name = xml.split_once("<name>").and_then(|(_, rest)| rest.split_once("</name>")).expect("a name").0;
        self.after(format!(
            "virsh -q destroy {name} >/dev/null 2>&1 || true; virsh -q undefine {name} >/dev/null 2>&1 || true"
        ))
    }

    pub(crate) fn pipe(&self, args: &[&str], input: &str) -> String {
        let mut command = self.command(args);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("a child");
        child.stdin.take().expect("stdin").write_all(input.as_bytes()).expect("input taken");
        finish(child).ok()
    }

    /// Runs the script when the value goes, also at the end of a failed test.
    pub(crate) fn after(&self, script: impl Into<String>) -> Undo<'_> {
        Undo { bed: self, script: script.into() }
    }

    /// For a test that ends libvirtd: starts it again afterwards, and `hardened` anew. libvirt 9.0 forgets the firmware features of
    /// a running VM's `<os firmware='efi'>` when its daemon restarts, so that other tests would not meet the bed as it was.
    pub(crate) fn ends_libvirtd(&self) -> Undo<'_> {
        self.after(
            "systemctl reset-failed libvirtd.service; systemctl start libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket
             virsh -q destroy hardened; virsh -q start hardened",
        )
    }

    /// A peer inside, after both inits.
    pub(crate) fn peer(&self) -> Transcript {
        let mut transcript = Transcript::peer(&mut self.command(&["vm-security", "bridge"]));
        transcript.greet();
        transcript
    }
}

fn quoted(arg: &str) -> String {
    format!("'{}'", arg.replace('\'', r"'\''"))
}

fn finish(child: std::process::Child) -> Run {
    let output = child.wait_with_output().expect("an end");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

pub(crate) struct Undo<'a> {
    bed: &'a Bed,
    script: String,
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        let run = self.bed.run(&["sh", "-euc", &self.script]);
        assert!(run.code == Some(0) || std::thread::panicking(), "{}: {run:?}", self.script);
    }
}

/// A VM that needs no disk and does nothing.
pub(crate) fn definition(name: &str, extra: &str, devices: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name>{extra}<memory unit='MiB'>32</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='q35'>hvm</type></os><devices>{devices}</devices></domain>"
    )
}

/// The VM with this name.
pub(crate) fn vm<'a>(report: &'a Value, name: &str) -> &'a Value {
    let vms = report["vms"].as_object().expect("VMs");
    vms.values().find(|vm| vm["name"] == name).unwrap_or(&Value::Null)
}

/// A script that sends libvirtd a signal. Not `systemctl kill`: that would end the VMs too, which live in its control group here.
pub(crate) fn signal(name: &str) -> String {
    format!("kill -s {name} $(systemctl show --property MainPID --value libvirtd.service)")
}
