// SPDX-License-Identifier: LGPL-2.1-or-later
//! The SSH server's configuration, as far as it is about root: the first value that is given counts, included files where they stand.

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// openSUSE keeps its own below `/usr/etc`, for as long as the administrator has none.
const FILES: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];
/// OpenSSH's own limit.
const DEPTH: usize = 16;
const LIMIT: usize = 500;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Sshd {
    pub file: String,
    /// `None` where nothing is given, so that OpenSSH's default holds.
    pub root_login: Option<SshSetting>,
    pub passwords: Option<SshSetting>,
    /// Values of `PermitRootLogin` that hold for some connections only.
    pub matched: Vec<SshSetting>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SshSetting {
    pub value: String,
    /// A file and the number of a line.
    pub place: String,
}

pub(super) fn read(root: &Root) -> Fact<Option<Sshd>> {
    for file in FILES {
        match root.exists(file) {
            Ok(true) => {
                let mut reader = Reader { root, sshd: Sshd { file: file.to_owned(), ..Sshd::default() }, files: 0 };
                return match reader.file(file, 0, false) {
                    Ok(()) => Fact::known(file, Some(reader.sshd)),
                    Err(gap) => gap.into(),
                };
            }
            Ok(false) => {}
            Err(error) => return Gap::from_io(file, &error).into(),
        }
    }
    Fact::known(FILES[0], None)
}

struct Reader<'a> {
    root: &'a Root,
    sshd: Sshd,
    files: usize,
}

impl Reader<'_> {
    /// `within`: the file is included for some connections only.
    fn file(&mut self, path: &str, depth: usize, within: bool) -> Result<(), Gap> {
        self.files += 1;
        if depth > DEPTH || self.files > LIMIT {
            return Err(Gap::new(path, "the SSH server's configuration includes too many files"));
        }
        let text = self.root.read(path).map_err(|error| Gap::from_io(path, &error))?;
        let mut matching = within;
        for (number, line) in (1..).zip(text.lines()) {
            let Some((key, value)) = setting(line) else { continue };
            let found = || SshSetting { value: value.to_ascii_lowercase(), place: format!("{path}: line {number}") };
            match key.to_ascii_lowercase().as_str() {
                // What follows `Match all` holds for everybody again.
                "match" => matching = within || !value.trim().eq_ignore_ascii_case("all"),
                "include" => {
                    for pattern in value.split_whitespace() {
                        self.include(pattern.trim_matches('"'), depth, matching)?;
                    }
                }
                "permitrootlogin" if matching => {
                    let room = self.sshd.matched.len() < LIMIT;
                    self.sshd.matched.extend(room.then(found));
                }
                "permitrootlogin" => {
                    self.sshd.root_login.get_or_insert_with(found);
                }
                "passwordauthentication" if !matching => {
                    self.sshd.passwords.get_or_insert_with(found);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// A pattern with stars in the file's name, as the distributions have it. Relative ones are below `/etc/ssh`.
    fn include(&mut self, pattern: &str, depth: usize, within: bool) -> Result<(), Gap> {
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/ssh/{pattern}") };
        let Some((directory, name)) = pattern.rsplit_once('/') else { return Ok(()) };
        if directory.contains(['*', '?', '[']) || name.contains(['?', '[']) {
            return Err(Gap::new(
                &pattern,
                format!("the SSH server includes {pattern}, a pattern that is not understood"),
            ));
        }
        let names = match self.root.list(directory) {
            Ok(names) => names,
            Err(error) if is_absent(&error) => return Ok(()),
            Err(error) => return Err(Gap::from_io(directory, &error)),
        };
        for file in names.iter().filter(|file| super::sudoers::glob(name, file)) {
            self.file(&format!("{directory}/{file}"), depth + 1, within)?;
        }
        Ok(())
    }
}

/// `Key value`, `Key=value`; a comment is none.
fn setting(line: &str) -> Option<(&str, &str)> {
    let line = line.trim();
    if line.starts_with('#') {
        return None;
    }
    let (key, rest) = line.split_once(|letter: char| letter.is_whitespace() || letter == '=')?;
    let value = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '=');
    // A comment may follow a value.
    let value = value.split_once(" #").map_or(value, |(value, _)| value);
    Some((key, value.trim().trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn the_first_value_counts_and_included_files_stand_where_they_are_named() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).value(), Some(&None));
        test.file(
            "/etc/ssh/sshd_config",
            "#PermitRootLogin yes\nInclude /etc/ssh/sshd_config.d/*.conf\nPermitRootLogin yes\nPasswordAuthentication=no # x\nMatch User git\n PermitRootLogin no\nMatch all\npermitrootlogin no\n",
        )
        .file("/etc/ssh/sshd_config.d/50-redhat.conf", "PermitRootLogin \"Prohibit-Password\"\n")
        .file("/etc/ssh/sshd_config.d/README", "PermitRootLogin no\n");
        let sshd = read(&test.root()).get().unwrap().clone().unwrap();
        let root_login = sshd.root_login.unwrap();
        assert_eq!(
            (root_login.value.as_str(), root_login.place.as_str()),
            ("prohibit-password", "/etc/ssh/sshd_config.d/50-redhat.conf: line 1")
        );
        assert_eq!(sshd.passwords.unwrap().value, "no");
        assert_eq!((sshd.matched.len(), sshd.matched[0].place.as_str()), (1, "/etc/ssh/sshd_config: line 6"));
    }

    #[test]
    fn a_file_included_in_a_match_holds_for_that_match() {
        let test = TestRoot::new();
        test.file("/etc/ssh/sshd_config", "Match User a\nInclude one\n")
            .file("/etc/ssh/one", "Match all\nPermitRootLogin yes\n");
        let sshd = read(&test.root()).get().unwrap().clone().unwrap();
        assert_eq!((sshd.root_login, sshd.matched.len()), (None, 1));
    }

    #[test]
    fn loops_fifos_and_odd_patterns_are_gaps() {
        let test = TestRoot::new();
        test.file("/etc/ssh/sshd_config", "Include sshd_config\n");
        assert!(read(&test.root()).get().unwrap_err().reason.contains("too many files"));
        test.file("/etc/ssh/sshd_config", "Include /etc/*/x\n");
        assert!(read(&test.root()).get().unwrap_err().reason.contains("not understood"));
        test.file("/etc/ssh/sshd_config", "Include x\nInclude /none/*\nPermitRootLogin\n").fifo("/etc/ssh/x");
        assert!(read(&test.root()).value().is_none());
    }
}
