// SPDX-License-Identifier: LGPL-2.1-or-later
//! Runs the program, and makes what it reads.
#![allow(clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cockpit-vm-security"));
    command.args(args).stdin(Stdio::null()).env("TERM", "xterm").env("LC_ALL", "C.UTF-8");
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "LIBVIRT_DEFAULT_URI", "COLUMNS"] {
        command.env_remove(name);
    }
    command
}

#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn run(args: &[&str]) -> Run {
    finish(&mut command(args))
}

pub(crate) fn finish(command: &mut Command) -> Run {
    let output = command.output().expect("the program starts");
    Run {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8 on standard output"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8 on standard error"),
    }
}

impl Run {
    /// What an audit that ran wrote.
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, Some(0), "{self:?}");
        self.stdout
    }

    pub(crate) fn json(self) -> Value {
        serde_json::from_str(&self.ok()).expect("one JSON document")
    }

    /// The command line itself is wrong, which clap says in more than one line.
    pub(crate) fn misused(&self, word: &str) {
        assert!(self.code == Some(2) && self.stdout.is_empty() && self.stderr.contains(word), "{self:?}");
    }

    /// Nothing could be audited, which one line says with all of these words, and with nothing that drives a terminal.
    pub(crate) fn refused(&self, words: &[&str]) {
        assert_eq!(self.code, Some(2), "{self:?}");
        assert_eq!(self.stdout, "", "{self:?}");
        // On a busy machine reading takes a second, and then says so first.
        let mut said = self.stderr.split_inclusive('\n').filter(|line| !line.starts_with("Reading facts: "));
        let line = said.next().and_then(|line| line.strip_suffix('\n')?.strip_prefix("vm-security: "));
        let line = line.filter(|_| said.next().is_none());
        assert!(line.is_some_and(|line| !line.contains(char::is_control)), "not one line: {self:?}");
        for word in words {
            assert!(self.stderr.contains(word), "no {word:?} in {self:?}");
        }
    }
}

/// A report without the time at which it was made, which is checked to be one.
pub(crate) fn timeless(mut report: Value) -> Value {
    let generated = report.as_object_mut().and_then(|report| report.remove("generated")).expect("a time");
    let generated = generated.as_str().expect("a text");
    assert!(generated.parse::<jiff::Timestamp>().is_ok() && generated.ends_with('Z'), "{generated}");
    report
}

/// A directory of files for one test.
pub(crate) struct Place(TempDir);

impl Place {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().expect("a temporary directory"))
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().expect("a path in UTF-8").to_owned()
    }

    /// Writes a file and gives its path.
    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        fs::create_dir_all(Path::new(&path).parent().expect("a parent")).expect("directories");
        fs::write(&path, content).expect("a written file");
        path
    }

    /// A configuration of libvirt's test driver with these domains, as a URI.
    pub(crate) fn test_driver(&self, domains: &str) -> String {
        let node = format!("<node xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>{domains}</node>");
        format!("test://{}", self.file("node.xml", node))
    }
}

/// A domain of the test driver; `extra` goes before its devices.
pub(crate) fn domain(name: &str, number: u32, extra: &str, devices: &str) -> String {
    format!(
        "<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>{name}</name>\
         <uuid>{}</uuid><memory>65536</memory><os><type>hvm</type></os>{extra}<devices>{devices}</devices></domain>",
        uuid(number)
    )
}

pub(crate) fn uuid(number: u32) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

/// A console that the whole network reaches: there is a warning or worse about it.
pub(crate) const EXPOSED: &str = "<graphics type='vnc' port='5900' listen='0.0.0.0'/>";
