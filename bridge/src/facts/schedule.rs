// SPDX-License-Identifier: LGPL-2.1-or-later
//! Crontabs and the administrator's own systemd units that start QEMU's programs. Only the place and the program's name are kept:
//! a command line may hold a password.

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// Directories of crontabs and of scripts that cron runs, then of units.
const DIRECTORIES: [&str; 9] = [
    "/etc/cron.d",
    "/etc/cron.hourly",
    "/etc/cron.daily",
    "/etc/cron.weekly",
    "/etc/cron.monthly",
    "/var/spool/cron",
    "/var/spool/cron/crontabs",
    "/etc/systemd/system",
    "/etc/systemd/user",
];
const CRONTAB: &str = "/etc/crontab";
const FILES: usize = 5000;
const LIMIT: usize = 200;
const PROGRAMS: [&str; 4] = ["qemu-system-", "qemu-kvm", "qemu-img", "qemu-nbd"];

/// A line that starts a program of QEMU.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mention {
    /// A file and the number of a line.
    pub place: String,
    pub program: String,
}

pub(super) fn read(root: &Root) -> Fact<Vec<Mention>> {
    all(root).map_or_else(Fact::Missing, |found| Fact::known(format!("{CRONTAB}, {}", DIRECTORIES.join(", ")), found))
}

fn all(root: &Root) -> Result<Vec<Mention>, Gap> {
    let mut paths = vec![CRONTAB.to_owned()];
    for directory in DIRECTORIES {
        for name in names(root, directory)? {
            let path = format!("{directory}/{name}");
            // A unit's drop-ins.
            if name.strip_suffix(".d").is_some() {
                paths.extend(names(root, &path)?.into_iter().map(|name| format!("{path}/{name}")));
            } else {
                paths.push(path);
            }
        }
    }
    let mut found = Vec::new();
    for path in paths.iter().take(FILES) {
        let text = match root.read(path) {
            Ok(text) => text,
            Err(error) if is_absent(&error) => continue,
            // A directory of links (`multi-user.target.wants`), or what an administrator masked with /dev/null.
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::InvalidInput | std::io::ErrorKind::IsADirectory) =>
            {
                continue;
            }
            Err(error) => return Err(Gap::from_io(path, &error)),
        };
        let is_unit = path.starts_with("/etc/systemd");
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim_start();
            if line.starts_with(['#', ';']) || (is_unit && !line.starts_with("Exec")) {
                continue;
            }
            if let Some(program) = program(line)
                && found.len() < LIMIT
            {
                found.push(Mention { place: format!("{path}: line {number}"), program });
            }
        }
    }
    Ok(found)
}

fn names(root: &Root, directory: &str) -> Result<Vec<String>, Gap> {
    match root.list(directory) {
        Ok(names) => Ok(names),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(Gap::from_io(directory, &error)),
    }
}

/// The first word of a line that is one of QEMU's programs, with or without its directory.
fn program(line: &str) -> Option<String> {
    let words = line.split(|letter: char| {
        letter.is_whitespace() || matches!(letter, '\'' | '"' | ';' | '|' | '&' | '(' | '`' | '=')
    });
    // systemd's marks may stand before the path.
    let words = words.map(|word| word.trim_start_matches(['-', '@', '+', '!', ':']));
    words.map(|word| word.rsplit('/').next().unwrap_or(word)).find_map(|name| {
        let known = PROGRAMS
            .iter()
            .any(|program| if program.ends_with('-') { name.starts_with(program) } else { name == *program });
        known.then(|| name.chars().take(40).collect())
    })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn crontabs_scripts_and_units() {
        let test = TestRoot::new();
        assert_eq!(read(&test.root()).get().unwrap(), &[]);
        test.file(
            "/etc/crontab",
            "# qemu-img\n0 1 * * * root /usr/bin/qemu-img convert --object secret,data=hunter2 a b\n",
        )
        .file("/var/spool/cron/crontabs/root", "0 1 * * * x=$(qemu-nbd -c /dev/nbd0 x)\n0 2 * * * virsh list\n")
        .file("/etc/cron.daily/backup", "#!/bin/sh\nmy-qemu-img x\nqemu-imgs\n")
        .file(
            "/etc/systemd/system/vm.service",
            "[Unit]\nDescription=qemu-kvm\n[Service]\nExecStart=-/usr/libexec/qemu-kvm -m 1\n",
        )
        .file("/etc/systemd/system/a.service.d/x.conf", "[Service]\nExecStartPre=/usr/bin/qemu-system-x86_64\n")
        .link("/etc/systemd/system/masked.service", "/dev/null")
        .directory("/etc/systemd/system/multi-user.target.wants");
        let fact = read(&test.root());
        let shown: Vec<_> = fact.get().unwrap().iter().map(|one| format!("{} {}", one.place, one.program)).collect();
        assert_eq!(
            shown,
            [
                "/etc/crontab: line 2 qemu-img",
                "/var/spool/cron/crontabs/root: line 1 qemu-nbd",
                "/etc/systemd/system/a.service.d/x.conf: line 2 qemu-system-x86_64",
                "/etc/systemd/system/vm.service: line 4 qemu-kvm",
            ]
        );
        assert!(!serde_json::to_string(&fact).unwrap().contains("hunter2"));
    }
}
