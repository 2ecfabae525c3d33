// SPDX-License-Identifier: LGPL-2.1-or-later
//! Commands around VMs that sudo runs without a password. Of all other rules nothing is kept.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::root::Root;
use super::root::is_absent;
use super::{Fact, Gap};

const FILE: &str = "/etc/sudoers";
const DEPTH: usize = 16;
const FILES: usize = 500;
/// Rules that are kept, and names that an alias stands for.
const LIMIT: usize = 500;
/// A command that is kept is no longer.
const SHOWN: usize = 120;
/// What tools around VMs are called, for commands with wildcards.
const TOOLS: [&str; 8] =
    ["virsh", "virt-install", "virt-xml", "virt-manager", "qemu-img", "qemu-kvm", "qemu-system-x86_64", "qemu-nbd"];

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sudoers {
    pub rules: Vec<SudoRule>,
    /// A line that could not be understood, so that there may be more.
    pub unclear: Option<String>,
}

/// Who may run a command without a password.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SudoRule {
    /// A file and the number of a line.
    pub place: String,
    /// Users, `%group`s, `ALL`.
    pub who: Vec<String>,
    /// As it stands there, or `ALL`.
    pub command: String,
}

pub(super) fn read(root: &Root) -> Fact<Sudoers> {
    let mut lines = Vec::new();
    match gather(root, FILE, 0, &mut 0, &mut lines) {
        Ok(()) => Fact::known(FILE, judge(&lines)),
        Err(gap) => gap.into(),
    }
}

struct Line {
    place: String,
    text: String,
}

/// The lines of a file and of those that it includes. A host without sudo has no file.
fn gather(root: &Root, path: &str, depth: usize, files: &mut usize, lines: &mut Vec<Line>) -> Result<(), Gap> {
    *files += 1;
    if depth > DEPTH || *files > FILES {
        return Err(Gap::new(path, "sudo's configuration includes too many files"));
    }
    let text = match root.read(path) {
        Ok(text) => text,
        Err(error) if is_absent(&error) => return Ok(()),
        Err(error) => return Err(Gap::from_io(path, &error)),
    };
    for (number, line) in joined(&text) {
        let place = format!("{path}: line {number}");
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["@include" | "#include", name] => gather(root, &beside(path, name), depth + 1, files, lines)?,
            ["@includedir" | "#includedir", name] => {
                let directory = beside(path, name);
                let names = match root.list(&directory) {
                    Ok(names) => names,
                    Err(error) if is_absent(&error) => continue,
                    Err(error) => return Err(Gap::from_io(directory, &error)),
                };
                // sudo leaves out what editors and package managers leave behind.
                for name in names.iter().filter(|name| !name.ends_with('~') && !name.contains('.')) {
                    gather(root, &format!("{}/{name}", directory.trim_end_matches('/')), depth + 1, files, lines)?;
                }
            }
            _ => {
                let text = without_comment(&line).trim();
                if !text.is_empty() {
                    lines.push(Line { place, text: text.to_owned() });
                }
            }
        }
    }
    Ok(())
}

/// Each line with its number. A backslash at the end makes the next one a part of it.
fn joined(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut numbered = (1..).zip(text.lines());
    std::iter::from_fn(move || {
        let (number, line) = numbered.next()?;
        let mut line = line.to_owned();
        while line.ends_with('\\') {
            line.pop();
            let Some((_, next)) = numbered.next() else { break };
            line.push_str(next);
        }
        Some((number, line))
    })
}

/// One file for itself.
#[cfg(any(test, fuzzing))]
pub(super) fn parse(text: &str) -> Sudoers {
    let line = |(number, line): (usize, String)| Line {
        place: format!("line {number}"),
        text: without_comment(&line).trim().to_owned(),
    };
    judge(&joined(text).map(line).collect::<Vec<_>>())
}

fn beside(file: &str, name: &str) -> String {
    let name = name.trim_matches('"');
    if name.starts_with('/') {
        return name.to_owned();
    }
    format!("{}/{name}", file.rsplit_once('/').map_or("", |(directory, _)| directory))
}

/// `#` begins a comment, unless a user's or group's number follows or a backslash stands before it.
fn without_comment(line: &str) -> &str {
    let bytes = line.as_bytes();
    let end = line.match_indices('#').map(|(at, _)| at).find(|at| {
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let number = bytes.get(at + 1).is_some_and(u8::is_ascii_digit);
        before != Some(&b'\\')
            && !(number && before.is_none_or(|byte| matches!(byte, b',' | b'%' | b'(' | b' ' | b'\t' | b'!')))
    });
    end.and_then(|end| line.get(..end)).unwrap_or(line)
}

type Aliases<'a> = BTreeMap<&'a str, Vec<&'a str>>;

fn judge(lines: &[Line]) -> Sudoers {
    let mut sudoers = Sudoers::default();
    let (mut users, mut commands, mut free) = (Aliases::new(), Aliases::new(), Vec::new());
    let mut rules = Vec::new();
    for line in lines {
        let (word, rest) = line.text.split_once(char::is_whitespace).unwrap_or((&line.text, ""));
        match word {
            "User_Alias" => aliases(rest, &mut users),
            "Cmnd_Alias" | "Cmd_Alias" => aliases(rest, &mut commands),
            "Runas_Alias" | "Host_Alias" => {}
            "Defaults" if rest.contains("!authenticate") => free.push("ALL"),
            _ if word.starts_with("Defaults") => {
                if rest.contains("!authenticate") {
                    match word.strip_prefix("Defaults:") {
                        Some(names) => free.extend(names.split(',')),
                        None => sudoers.unclear = Some(line.place.clone()),
                    }
                }
            }
            _ => rules.push(line),
        }
    }
    for line in rules {
        let Some((left, right)) = line.text.split_once('=') else {
            sudoers.unclear.get_or_insert_with(|| line.place.clone());
            continue;
        };
        // The last word names hosts.
        let left = left.trim();
        let who = left.rsplit_once(char::is_whitespace).map_or(left, |(who, _)| who);
        let mut names = Vec::new();
        let mut complete = who.split(',').all(|name| expand(name.trim(), &users, &mut names));
        let unasked = names.iter().any(|name| free.contains(name)) || free.contains(&"ALL");
        let mut nopasswd = unasked;
        for part in unescaped_commas(right) {
            let command = tags(part, &mut nopasswd);
            if !nopasswd {
                continue;
            }
            let mut all = Vec::new();
            complete &= expand(command, &commands, &mut all);
            for command in all.into_iter().filter(|command| *command == "ALL" || is_tool(command)) {
                if sudoers.rules.len() >= LIMIT {
                    sudoers.unclear.get_or_insert_with(|| line.place.clone());
                    return sudoers;
                }
                sudoers.rules.push(SudoRule {
                    place: line.place.clone(),
                    who: names.iter().map(|name| (*name).to_owned()).collect(),
                    command: command.chars().take(SHOWN).collect(),
                });
            }
        }
        if !complete {
            sudoers.unclear.get_or_insert_with(|| line.place.clone());
        }
    }
    sudoers
}

/// `A = x, y : B = z`.
fn aliases<'a>(text: &'a str, aliases: &mut Aliases<'a>) {
    for one in text.split(" :") {
        if let Some((name, members)) = one.split_once('=') {
            let members = unescaped_commas(members).map(str::trim).filter(|member| !member.is_empty());
            aliases.entry(name.trim()).or_default().extend(members);
        }
    }
}

/// What a name stands for. Answers whether that is all: aliases may name each other in circles, and many times.
fn expand<'a>(name: &'a str, aliases: &Aliases<'a>, found: &mut Vec<&'a str>) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![name];
    while let Some(name) = open.pop() {
        if found.len() >= LIMIT || seen.len() >= LIMIT {
            return false;
        }
        match aliases.get(name) {
            Some(members) if seen.insert(name) => open.extend(members.iter().rev()),
            Some(_) => {}
            None if name.is_empty() => {}
            None => found.push(name),
        }
    }
    true
}

fn unescaped_commas(text: &str) -> impl Iterator<Item = &str> {
    let mut escaped = false;
    text.split(move |letter| {
        let splits = letter == ',' && !escaped;
        escaped = letter == '\\' && !escaped;
        splits
    })
}

/// A command without what stands before it: `(root)`, tags, options. Tags hold for the following commands too.
fn tags<'a>(part: &'a str, nopasswd: &mut bool) -> &'a str {
    let mut rest = part.trim();
    loop {
        if let Some((_, after)) = rest.strip_prefix('(').and_then(|inner| inner.split_once(')')) {
            rest = after.trim_start();
            continue;
        }
        let Some(at) = rest.find(|letter: char| !(letter.is_ascii_uppercase() || letter == '_')) else { return rest };
        let (word, after) = rest.split_at(at);
        if word.is_empty() {
            return rest;
        } else if let Some(after) = after.strip_prefix(':') {
            match word {
                "NOPASSWD" => *nopasswd = true,
                "PASSWD" => *nopasswd = false,
                _ => {}
            }
            rest = after.trim_start();
        } else if let Some(after) = after.strip_prefix('=') {
            rest = after.split_once(char::is_whitespace).map_or("", |(_, after)| after.trim_start());
        } else {
            return rest;
        }
    }
}

/// virsh, `virt-…` and `qemu-…`, or a directory or pattern that includes them. `!` forbids.
fn is_tool(command: &str) -> bool {
    // A digest may stand before the path.
    let program = command.split_whitespace().find(|word| !word.starts_with("sha")).unwrap_or_default();
    if program.starts_with('!') {
        return false;
    }
    if program.starts_with('^') {
        return ["virsh", "virt-", "qemu-"].iter().any(|name| command.contains(name)) || command.contains(".*");
    }
    if program.ends_with('/') {
        return ["/bin/", "/usr/bin/", "/usr/local/bin/", "/usr/libexec/"].contains(&program);
    }
    let name = program.rsplit('/').next().unwrap_or(program);
    name == "virsh"
        || name.starts_with("virt-")
        || name.starts_with("qemu-")
        || (name.contains(['*', '?']) && TOOLS.iter().any(|tool| glob(name, tool)))
}

/// A name by a pattern with stars and question marks.
pub(super) fn glob(pattern: &str, name: &str) -> bool {
    let (pattern, name) = (pattern.as_bytes(), name.as_bytes());
    let (mut at, mut seen) = (0, 0);
    // Where the last star stood, and how much it took.
    let mut star: Option<(usize, usize)> = None;
    while let Some(byte) = name.get(seen) {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, seen));
                at += 1;
            }
            Some(own) if own == byte || *own == b'?' => {
                at += 1;
                seen += 1;
            }
            _ => match star {
                Some((place, taken)) => {
                    star = Some((place, taken + 1));
                    at = place + 1;
                    seen = taken + 1;
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
#[path = "sudoers_tests.rs"]
mod tests;
