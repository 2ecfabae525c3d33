// SPDX-License-Identifier: LGPL-2.1-or-later
//! The report for a terminal: worst first, counts at the end, readable at 80 columns.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Finding, Findings, Report, Waived};
use crate::checks::{self, Apply, Evidence, Outcome, Severity};
use crate::facts::Link;
use crate::policy::Profile;

/// How it is shown.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    /// Columns, at least 40.
    pub width: usize,
    /// Also what passes or does not apply.
    pub all: bool,
}

pub fn write(out: &mut impl Write, report: &Report, style: Style) -> io::Result<()> {
    if let Link::Unreachable { message } | Link::Denied { message } = &report.libvirt.link {
        wrapped(out, "", message, style.width)?;
        writeln!(out)?;
    }
    let mut total = Counts::default();
    if !report.host.findings.is_empty() {
        let host = &report.host;
        let title = if host.name.is_empty() { "Host".to_owned() } else { format!("Host {}", host.name) };
        let standing = standing(host.meets, host.proven, report.profile);
        subject(out, &title, &standing, &host.findings, style)?;
        total.add(&host.findings);
    }
    let mut vms: Vec<_> = report.vms.values().collect();
    vms.sort_by(|a, b| a.name.cmp(&b.name));
    for vm in &vms {
        let title = format!("VM {} ({})", vm.name, vm.state);
        let mut standing = standing(vm.meets, vm.proven, report.profile);
        if !report.host.findings.is_empty() && report.host.meets < vm.meets {
            let host = report.host.meets.map_or("no profile", Profile::name);
            standing = format!("{standing}; it is no safer than its host, which meets {host}");
        }
        subject(out, &title, &standing, &vm.findings, style)?;
        total.add(&vm.findings);
    }
    let subjects = match (report.host.findings.is_empty(), vms.len()) {
        (true, 1) => "1 definition".to_owned(),
        (true, count) => format!("{count} definitions"),
        (false, 1) => "the host and 1 VM".to_owned(),
        (false, count) => format!("the host and {count} VMs"),
    };
    let heading = format!("Total for {subjects}, profile {}: {}", report.profile.name(), total.text());
    wrapped(out, "", &heading, style.width)?;
    let unknown_for_want = report.vms.values().flat_map(|vm| vm.findings.values()).chain(report.host.findings.values());
    let wanting = unknown_for_want.filter(|finding| finding.needs.is_some()).count();
    if wanting > 0 {
        let text = format!("{wanting} of the unknown need administrative access: run this as root to know them.");
        wrapped(out, "", &text, style.width)?;
    }
    Ok(())
}

fn standing(meets: Option<Profile>, proven: bool, chosen: Profile) -> String {
    let standing = match (meets, proven) {
        (None, _) => "does not meet any profile".to_owned(),
        (Some(meets), true) => format!("meets {}", meets.name()),
        (Some(meets), false) => format!("meets {}, not proven", meets.name()),
    };
    let judged = if meets.is_some_and(|meets| meets >= chosen) { "" } else { " (below the chosen profile)" };
    standing + judged
}

fn subject(out: &mut impl Write, title: &str, standing: &str, findings: &Findings, style: Style) -> io::Result<()> {
    for line in lines(title, style.width) {
        writeln!(out, "{}", paint(style, "1", &line))?;
    }
    let mut counts = Counts::default();
    counts.add(findings);
    wrapped(out, "  ", standing, style.width)?;
    wrapped(out, "  ", &counts.text(), style.width)?;
    let mut shown: Vec<(&&str, &Finding)> = findings
        .iter()
        .filter(|(_, finding)| style.all || !matches!(finding.verdict, Outcome::Pass | Outcome::NotApplicable))
        .collect();
    shown.sort_by_key(|(id, finding)| (std::cmp::Reverse(rank(finding)), **id));
    for (id, finding) in shown {
        one(out, id, finding, style)?;
    }
    writeln!(out)
}

/// Worst first: failures by severity, then warnings, what is not known, and the rest.
pub fn rank(finding: &Finding) -> (u8, Severity) {
    let group = match finding.verdict {
        Outcome::Fail | Outcome::Warn if finding.is_waived() => 2,
        Outcome::Fail => 6,
        Outcome::Warn => 5,
        Outcome::Unknown => 4,
        Outcome::Info => 3,
        Outcome::Pass => 1,
        Outcome::NotApplicable => 0,
    };
    (group, finding.severity)
}

fn one(out: &mut impl Write, id: &str, finding: &Finding, style: Style) -> io::Result<()> {
    let (word, color) = match finding.verdict {
        Outcome::Fail => ("FAIL", "31;1"),
        Outcome::Warn => ("WARN", "33"),
        Outcome::Unknown => ("UNKNOWN", "35"),
        Outcome::Info => ("INFO", "36"),
        Outcome::Pass => ("PASS", "32"),
        Outcome::NotApplicable => ("N/A", "2"),
    };
    let (word, color) = if finding.is_waived() { (format!("WAIVED {word}"), "2") } else { (word.to_owned(), color) };
    writeln!(out, "\n  {}  {}  {}", paint(style, color, &word), paint(style, "1", id), finding.severity.name())?;
    wrapped(out, "    ", &finding.message, style.width)?;
    for Evidence { origin, value } in &finding.evidence {
        wrapped(out, "      ", &format!("{origin} = {value}"), style.width)?;
    }
    if let Some(waiver) = &finding.waiver {
        wrapped(out, "    ", &waived(waiver), style.width)?;
    }
    if finding.is_bad()
        && let Some(check) = checks::find(id)
    {
        wrapped(out, "    ", &format!("Fix ({}): {}", apply(finding.apply), check.fix), style.width)?;
    }
    Ok(())
}

/// Who accepted a finding, and why.
pub fn waived(waiver: &Waived) -> String {
    let Waived { reason, by, since, until, expired } = waiver;
    let day = since.get(..10).unwrap_or(since);
    let end = match until {
        Some(until) if *expired => format!(", but only until {until}, which is over"),
        Some(until) => format!(", until {until}"),
        None => String::new(),
    };
    format!("Accepted by {by} on {day}{end}: {reason}")
}

/// When a fix takes effect, in words.
pub fn apply(apply: Apply) -> &'static str {
    match apply {
        Apply::Live => "at once",
        Apply::NextStart => "when the VM is next started",
        Apply::DaemonRestart => "after a restart of libvirt's daemon",
        Apply::HostNow => "on the host, at once",
        Apply::HostReboot => "after a reboot of the host",
        Apply::Manual => "by hand",
    }
}

#[derive(Default)]
struct Counts {
    /// In the order of `ORDER`.
    verdicts: [usize; 6],
    waived: usize,
}

impl Counts {
    const ORDER: [(Outcome, &'static str); 6] = [
        (Outcome::Fail, "failed"),
        (Outcome::Warn, "warnings"),
        (Outcome::Unknown, "unknown"),
        (Outcome::Info, "for information"),
        (Outcome::Pass, "passed"),
        (Outcome::NotApplicable, "not applicable"),
    ];

    fn add(&mut self, findings: &Findings) {
        for finding in findings.values() {
            if finding.is_waived() && matches!(finding.verdict, Outcome::Fail | Outcome::Warn) {
                self.waived += 1;
                continue;
            }
            for (count, (outcome, _)) in self.verdicts.iter_mut().zip(Self::ORDER) {
                *count += usize::from(finding.verdict == outcome);
            }
        }
    }

    fn text(&self) -> String {
        let mut text = String::new();
        let verdicts = self.verdicts.iter().zip(Self::ORDER).map(|(count, (_, word))| (*count, word));
        for (count, word) in verdicts.chain([(self.waived, "waived")]) {
            if count > 0 {
                let separator = if text.is_empty() { "" } else { ", " };
                let word = if count == 1 && word == "warnings" { "warning" } else { word };
                let _ = write!(text, "{separator}{count} {word}");
            }
        }
        if text.is_empty() { "nothing was checked".to_owned() } else { text }
    }
}

pub(super) fn paint(style: Style, code: &str, text: &str) -> String {
    if style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
}

/// Text written by whoever defined a VM must not drive the terminal, nor turn the reading direction, nor hide in it.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '\u{61c}'
            | '\u{200b}'
            | '\u{200e}'
            | '\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => {
                let _ = write!(out, "\\u{{{:x}}}", char as u32);
            }
            char if char.is_control() => {
                let _ = write!(out, "{}", char.escape_default());
            }
            char => out.push(char),
        }
    }
    out
}

/// Writes text broken at spaces; what has no space within a line is broken where it must be.
pub(crate) fn wrapped(out: &mut impl Write, indent: &str, text: &str, width: usize) -> io::Result<()> {
    lines(text, width.max(40) - indent.len()).iter().try_for_each(|line| writeln!(out, "{indent}{line}"))
}

/// The lines of a text, with what must not reach a terminal escaped.
fn lines(text: &str, width: usize) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut length = 0;
    for word in clean(text).split(' ') {
        let count = word.chars().count();
        if length > 0 && length + 1 + count > width {
            lines.push(std::mem::take(&mut line));
            length = 0;
        }
        if length > 0 {
            line.push(' ');
            length += 1;
        }
        for char in word.chars() {
            if length == width {
                lines.push(std::mem::take(&mut line));
                length = 0;
            }
            line.push(char);
            length += 1;
        }
    }
    lines.push(line);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_names_do_not_reach_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\r\n\u{7}\u{202e}c"), "a\\u{1b}[31mb\\r\\n\\u{7}\\u{202e}c");
        assert_eq!(clean("\u{9b}31m"), "\\u{9b}31m");
        assert_eq!(clean("grün 仮想"), "grün 仮想");
    }

    #[test]
    fn lines_keep_within_the_width() {
        let mut out = Vec::new();
        wrapped(&mut out, "  ", &format!("some words and {} more", "x".repeat(100)), 40).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(text.lines().all(|line| line.chars().count() <= 40), "{text}");
        assert_eq!(text.matches('x').count(), 100);
    }

    #[test]
    fn counts_are_words() {
        let text = |verdicts, waived| Counts { verdicts, waived }.text();
        assert_eq!(text([2, 1, 0, 0, 3, 0], 0), "2 failed, 1 warning, 3 passed");
        assert_eq!(text([0, 2, 1, 0, 0, 0], 3), "2 warnings, 1 unknown, 3 waived");
    }
}
