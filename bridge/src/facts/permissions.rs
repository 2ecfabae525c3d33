// SPDX-License-Identifier: LGPL-2.1-or-later
//! Owners and modes of libvirt's files, without what is in them.

use std::io;

use serde::{Deserialize, Serialize};

use super::meta::octal;
use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// No directory is told about with more files.
const FILE_LIMIT: usize = 100;
/// The programs that libvirt looks for in its directory of hooks.
const HOOKS: [&str; 6] = ["bhyve", "daemon", "libxl", "lxc", "network", "qemu"];

/// Owner and mode of a file or directory; of a link, those of what it points to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct FileMode {
    pub path: String,
    /// The twelve bits that `chmod` sets. In a recording as `0644`.
    #[serde(with = "octal")]
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl FileMode {
    pub fn others_may_read(&self) -> bool {
        self.mode & 0o004 != 0
    }

    pub fn others_may_write(&self) -> bool {
        self.mode & 0o002 != 0
    }

    pub fn others_may_enter(&self) -> bool {
        self.mode & 0o001 != 0
    }

    /// A group other than root's.
    pub fn group_may_read(&self) -> bool {
        self.gid != 0 && self.mode & 0o040 != 0
    }

    /// Somebody who is not root: others, a group other than root's, or an owner who is not root.
    pub fn not_only_root_may_write(&self) -> bool {
        self.uid != 0 || self.mode & 0o002 != 0 || self.gid != 0 && self.mode & 0o020 != 0
    }

    /// Somebody who is not root, in a directory: a sticky one keeps its files for their owners.
    pub fn not_only_root_may_replace_files(&self) -> bool {
        self.uid != 0 || self.mode & 0o1000 == 0 && self.not_only_root_may_write()
    }

    /// As `stat -c '%a %u:%g'` writes it, with four digits.
    pub fn shown(&self) -> String {
        format!("{:04o} {}:{}", self.mode, self.uid, self.gid)
    }
}

/// A directory and those of its files that are not for root alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directory {
    pub own: FileMode,
    /// How many files were looked at.
    pub files: usize,
    /// The files whose owner is not root, or that a group or others may use; the first hundred.
    pub wider: Vec<FileMode>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Permissions {
    /// `/etc/libvirt` itself: who may not enter it reaches nothing below it.
    pub etc_libvirt: Fact<Option<FileMode>>,
    pub qemu_conf: Fact<Option<FileMode>>,
    /// `/etc/libvirt/qemu` with its `.xml` files.
    pub definitions: Fact<Option<Directory>>,
    /// `/etc/libvirt/secrets` with all its files.
    pub secrets: Fact<Option<Directory>>,
    pub hooks: Fact<Hooks>,
}

/// `/etc/libvirt/hooks`; without it both are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    /// The directory itself, and those in it for the programs of one event (`qemu.d`).
    pub directories: Vec<FileMode>,
    /// What libvirt starts.
    pub programs: Vec<FileMode>,
}

pub(super) fn read(root: &Root) -> Permissions {
    let hooks = "/etc/libvirt/hooks";
    Permissions {
        etc_libvirt: optional(root, "/etc/libvirt"),
        qemu_conf: optional(root, "/etc/libvirt/qemu.conf"),
        definitions: directory(root, "/etc/libvirt/qemu", ".xml"),
        secrets: directory(root, "/etc/libvirt/secrets", ""),
        hooks: match self::hooks(root, hooks) {
            Ok(found) => Fact::known(format!("stat {hooks}"), found),
            Err(error) => Gap::from_io(hooks, &error).into(),
        },
    }
}

pub(super) fn of(root: &Root, path: &str) -> io::Result<FileMode> {
    let stat = root.metadata(path)?;
    Ok(FileMode { path: path.to_owned(), mode: stat.st_mode & 0o7777, uid: stat.st_uid, gid: stat.st_gid })
}

pub(super) fn optional(root: &Root, path: &str) -> Fact<Option<FileMode>> {
    match unless_absent(of(root, path)) {
        Ok(mode) => Fact::known(format!("stat {path}"), mode),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

fn unless_absent<T>(read: io::Result<T>) -> io::Result<Option<T>> {
    match read {
        Err(error) if is_absent(&error) => Ok(None),
        read => read.map(Some),
    }
}

fn directory(root: &Root, path: &str, end: &str) -> Fact<Option<Directory>> {
    let read = || {
        let Some(own) = unless_absent(of(root, path))? else { return Ok(None) };
        let (mut files, mut wider) = (0, Vec::new());
        for name in root.list(path)?.iter().filter(|name| name.ends_with(end)) {
            // A file may be gone by now.
            let Some(file) = unless_absent(of(root, &format!("{path}/{name}")))? else { continue };
            files += 1;
            if (file.uid != 0 || file.mode & 0o077 != 0) && wider.len() < FILE_LIMIT {
                wider.push(file);
            }
        }
        Ok(Some(Directory { own, files, wider }))
    };
    match read() {
        Ok(directory) => Fact::known(format!("stat {path}/*{end}"), directory),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

fn hooks(root: &Root, path: &str) -> io::Result<Hooks> {
    let mut hooks = Hooks::default();
    let Some(own) = unless_absent(of(root, path))? else { return Ok(hooks) };
    hooks.directories.push(own);
    let names = root.list(path)?;
    for hook in HOOKS {
        let several = format!("{hook}.d");
        if names.iter().any(|name| name == hook) {
            hooks.programs.extend(unless_absent(of(root, &format!("{path}/{hook}")))?.filter(is_program));
        }
        if names.contains(&several) {
            let several = format!("{path}/{several}");
            hooks.directories.extend(unless_absent(of(root, &several))?);
            for name in unless_absent(root.list(&several))?.unwrap_or_default().iter().take(FILE_LIMIT) {
                hooks.programs.extend(unless_absent(of(root, &format!("{several}/{name}")))?.filter(is_program));
            }
        }
    }
    Ok(hooks)
}

/// libvirt passes by what nobody may execute.
fn is_program(file: &FileMode) -> bool {
    file.mode & 0o111 != 0
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::super::root::tests::TestRoot;
    use super::*;

    fn set(test: &TestRoot, path: &str, mode: u32) {
        let place = test.root().path().join(path.trim_start_matches('/'));
        std::fs::set_permissions(place, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn names(files: &[FileMode]) -> Vec<String> {
        files.iter().map(|file| format!("{} {:04o}", file.path, file.mode)).collect()
    }

    #[test]
    fn what_is_absent_is_known_to_be() {
        let read = read(&TestRoot::new().root());
        assert_eq!(read.qemu_conf.get().unwrap(), &None);
        assert_eq!(read.definitions.get().unwrap(), &None);
        assert_eq!(read.hooks.get().unwrap(), &Hooks::default());
    }

    #[test]
    fn definitions_for_root_alone_are_only_counted() {
        let test = TestRoot::new();
        test.file("/etc/libvirt/qemu/a.xml", "").file("/etc/libvirt/qemu/b.xml", "").file("/etc/libvirt/qemu/c", "");
        test.directory("/etc/libvirt/qemu/networks").link("/etc/libvirt/qemu/gone.xml", "/nowhere");
        set(&test, "/etc/libvirt/qemu/a.xml", 0o600);
        set(&test, "/etc/libvirt/qemu/b.xml", 0o604);
        set(&test, "/etc/libvirt/qemu", 0o711);
        let directory = read(&test.root()).definitions.get().unwrap().clone().unwrap();
        assert_eq!(directory.files, 2);
        assert_eq!(directory.own.mode, 0o711);
        // A test that does not run as root owns all its files.
        if rustix::process::geteuid().is_root() {
            assert_eq!(names(&directory.wider), ["/etc/libvirt/qemu/b.xml 0604"]);
        }
    }

    #[test]
    fn hooks_are_the_programs_that_libvirt_starts() {
        let test = TestRoot::new();
        for name in ["qemu", "daemon", "other", "qemu.d/10-a", "qemu.d/README", "other.d/x"] {
            test.file(&format!("/etc/libvirt/hooks/{name}"), "");
            set(&test, &format!("/etc/libvirt/hooks/{name}"), 0o755);
        }
        set(&test, "/etc/libvirt/hooks/qemu.d/README", 0o644);
        set(&test, "/etc/libvirt/hooks/daemon", 0o644);
        for name in ["", "/qemu.d"] {
            set(&test, &format!("/etc/libvirt/hooks{name}"), 0o700);
        }
        let found = read(&test.root()).hooks.get().unwrap().clone();
        assert_eq!(names(&found.directories), ["/etc/libvirt/hooks 0700", "/etc/libvirt/hooks/qemu.d 0700"]);
        assert_eq!(names(&found.programs), ["/etc/libvirt/hooks/qemu 0755", "/etc/libvirt/hooks/qemu.d/10-a 0755"]);
    }

    #[test]
    fn who_may_do_what() {
        let file = |mode, uid, gid| FileMode { path: String::new(), mode, uid, gid };
        assert!(!file(0o640, 0, 0).others_may_read() && file(0o604, 0, 0).others_may_read());
        assert!(!file(0o706, 0, 0).others_may_enter() && file(0o701, 0, 0).others_may_enter());
        assert!(!file(0o640, 0, 0).group_may_read() && file(0o640, 0, 5).group_may_read());
        assert!(!file(0o620, 0, 5).group_may_read());
        for safe in [file(0o755, 0, 5), file(0o664, 0, 0)] {
            assert!(!safe.not_only_root_may_write(), "{safe:?}");
        }
        for unsafe_one in [file(0o755, 5, 0), file(0o602, 0, 0), file(0o620, 0, 5)] {
            assert!(unsafe_one.not_only_root_may_write(), "{unsafe_one:?}");
        }
        assert!(file(0o602, 0, 0).others_may_write() && !file(0o664, 0, 0).others_may_write());
        for (directory, open) in [(file(0o755, 5, 0), true), (file(0o777, 0, 0), true), (file(0o1777, 0, 0), false)] {
            assert_eq!(directory.not_only_root_may_replace_files(), open, "{directory:?}");
        }
        assert_eq!(file(0o4755, 0, 5).shown(), "4755 0:5");
    }
}
