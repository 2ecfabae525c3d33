// SPDX-License-Identifier: LGPL-2.1-or-later
//! What a person sees: colour, width, and nothing that a VM's owner could do to the terminal.

use std::fs::File;
use std::io::Read;
use std::process::{Command, Stdio};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::program::{EXPOSED, Place, command, domain, finish, run};

/// Runs the program with its output on a terminal of so many columns.
fn on_terminal(mut command: Command, columns: u16) -> String {
    let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&ours).and_then(|()| unlockpt(&ours)).unwrap();
    tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
    let name = ptsname(&ours, Vec::new()).unwrap();
    let theirs = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
    command.stdout(theirs);
    let mut child = command.spawn().unwrap();
    // Its copy of the other end goes too, so that the program's end is the end of the output.
    drop(command);
    let mut bytes = Vec::new();
    // The kernel reports that end as EIO.
    let _ = File::from(ours).read_to_end(&mut bytes);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    String::from_utf8(bytes).unwrap().replace("\r\n", "\n")
}

/// The text without the colours that we use.
fn plain(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\u{1b}') {
        out.push_str(before);
        let (code, after) = after.split_once('m').expect("a colour");
        assert!(
            code.strip_prefix('[').is_some_and(|code| code.chars().all(|c| c.is_ascii_digit() || c == ';')),
            "{code:?}"
        );
        rest = after;
    }
    out + rest
}

#[test]
fn colour_is_for_terminals_that_want_it() {
    let place = Place::new();
    let file = place.file("web1.xml", domain("web1", 1, "", EXPOSED));
    let args = ["audit", file.as_str()];
    let piped = run(&args).ok();
    assert!(!piped.contains('\u{1b}'), "{piped}");
    let coloured = on_terminal(command(&args), 80);
    assert!(coloured.contains("\u{1b}[1mVM web1"), "{coloured:?}");
    assert_eq!(plain(&coloured), piped, "colour is the only difference");
    for (name, value) in [("NO_COLOR", "1"), ("TERM", "dumb")] {
        let mut without = command(&args);
        without.env(name, value);
        assert_eq!(on_terminal(without, 80), piped, "{name}={value}");
    }
    // https://no-color.org: an empty one counts as absent.
    let mut empty = command(&args);
    empty.env("NO_COLOR", "");
    assert_eq!(on_terminal(empty, 80), coloured);
    for args in [["explain", "vm.graphics-listen"].as_slice(), &["checks"]] {
        assert_eq!(plain(&on_terminal(command(args), 80)), run(args).ok());
    }
}

#[test]
fn lines_are_as_long_as_the_terminal_allows() {
    let place = Place::new();
    let name = "a-long-name-".repeat(20);
    let uri = place.test_driver(&domain(&name, 1, "", EXPOSED));
    let args = ["audit", "--all", "-c", &uri];
    let longest = |text: &str| text.lines().map(|line| line.chars().count()).max().unwrap();
    let piped = run(&args).ok();
    assert!(longest(&piped) <= 80, "{piped}");
    assert!(piped.replace('\n', "").contains(&name), "nothing is cut off");
    // What the kernel says where nobody knows is 0.
    for (columns, limit) in [(0, 80), (60, 60), (80, 80), (100, 100), (1000, 100)] {
        let shown = plain(&on_terminal(command(&args), columns));
        assert!(longest(&shown) <= limit, "{columns} columns: {}", longest(&shown));
    }
    assert!(longest(&run(&["checks"]).ok()) <= 80);
}

#[test]
fn worst_first_and_counts_at_the_end() {
    let place = Place::new();
    let uri = place.test_driver(&[domain("web1", 1, "", EXPOSED), domain("db1", 2, "", "")].concat());
    let shown = run(&["audit", "--all", "-c", &uri]).ok();
    for subject in shown.split("\n\n\n").flat_map(|part| part.split("\nVM ")) {
        let ranks: Vec<usize> = subject
            .lines()
            .filter_map(|line| {
                let word = line.strip_prefix("  ")?.split("  ").next()?;
                ["FAIL", "WARN", "UNKNOWN", "INFO", "PASS", "N/A"].iter().position(|verdict| *verdict == word)
            })
            .collect();
        assert!(!ranks.is_empty() && ranks.is_sorted(), "{subject}");
    }
    assert!(shown.find("\nVM db1") < shown.find("\nVM web1"), "by name");
    let end = shown.rsplit("\n\n").next().unwrap().replace('\n', " ");
    assert!(end.starts_with("Total for the host and 2 VMs, profile server: "), "{end}");
    let short = run(&["audit", "-c", &uri]).ok();
    assert!(!short.contains("\n  PASS ") && !short.contains("\n  N/A "), "{short}");
}

#[test]
fn what_a_definition_says_cannot_drive_the_terminal() {
    let hostile = "a\u{202e}b\u{2066}c\u{85}\u{9b}31m\u{200b}\u{2028}<b>".replace('<', "&lt;");
    let definition = format!(
        "<domain xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>{hostile}</name><title>{hostile}</title>\
         <description>{hostile}</description><os><type machine='{hostile}'>hvm</type><loader>{hostile}</loader></os><devices>\
         <emulator>/tmp/{hostile}</emulator><graphics type='{hostile}' listen='{hostile}'/>\
         <disk type='file' device='{hostile}'><source file='/{hostile}'/><shareable/></disk></devices>\
         <seclabel type='{hostile}' model='{hostile}'/>\
         <qemu:commandline><qemu:arg value='{hostile}'/></qemu:commandline></domain>"
    );
    let place = Place::new();
    let inside = place.file("hostile.xml", definition);
    let outside = place.file("\u{1b}]0;owned\u{7}.xml", "<domain/>");
    let shown = run(&["audit", "--all", &inside, &outside]).ok();
    let bad = |char: char| char != '\n' && (char.is_control() || "\u{202e}\u{2066}\u{200b}\u{2028}".contains(char));
    assert!(!shown.contains(bad), "{:?}", shown.chars().find(|char| bad(*char)));
    assert!(shown.contains("VM a\\u{202e}b\\u{2066}c\\u{85}\\u{9b}31m\\u{200b}\\u{2028}<b> (unknown)"), "{shown}");
    assert!(shown.contains("\\u{1b}]0;owned\\u{7}.xml"), "{shown}");
    let json = run(&["audit", "--format", "json", &inside]).ok();
    assert!(
        !json.contains(|char: char| char != '\n' && char.is_control()) && json.contains("c\\u0085\\u009b31m"),
        "{json}"
    );
}

#[test]
fn a_reader_that_has_enough() {
    let id = "vm.graphics-listen";
    for args in [
        ["audit", "-c", "test:///default"].as_slice(),
        &["audit", "-c", "test:///default", "--format", "json"],
        &["facts", "-c", "test:///default"],
        &["checks"],
        &["checks", "--format", "json"],
        &["explain", id],
        &["audit", "--help"],
    ] {
        let mut child = command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{args:?}: {output:?}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(!stderr.contains("panicked") && !stderr.contains("vm-security:"), "{args:?}: {stderr}");
    }
    let full = File::options().write(true).open("/dev/full").unwrap();
    let run = finish(command(&["checks"]).stdout(full));
    run.refused(&["No space left"]);
}

#[test]
fn a_vm_is_no_safer_than_its_host() {
    let place = Place::new();
    let uri = place.test_driver(&domain("db1", 1, "<test:runstate>5</test:runstate>", ""));
    let root = place.path("");
    let words = "it is no safer than its host, which meets no profile";
    for (sandbox, said) in [(0, true), (1, false)] {
        place.file("etc/libvirt/qemu.conf", format!("seccomp_sandbox = {sandbox}\n"));
        for format in ["terminal", "html"] {
            let text = run(&["audit", "-c", &uri, "--root", &root, "--format", format]).ok().to_lowercase();
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let vm = text.rsplit_once("db1").unwrap().1;
            assert!(vm.contains("meets "), "{vm}");
            assert_eq!(vm.contains(words), said, "{vm}");
        }
    }
}
