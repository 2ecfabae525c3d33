// SPDX-License-Identifier: LGPL-2.1-or-later
//! File system sources, read below a root directory so that a test or a mounted image can stand in for a host.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{Dir, Mode, OFlags, ResolveFlags};

use super::{Fact, Gap};

/// No file that an audit reads is larger; a longer one is an error, not a truncated fact.
pub const FILE_LIMIT: u64 = 4 << 20;
/// No directory that an audit lists has more entries.
const ENTRY_LIMIT: usize = 100_000;

/// An opened root directory. Every path is resolved inside it: neither `..` nor an absolute link leads out of it.
pub struct Root {
    directory: OwnedFd,
    path: PathBuf,
}

impl Root {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory =
            rustix::fs::open(path, flags, Mode::empty()).with_context(|| format!("opening {}", path.display()))?;
        Ok(Self { directory, path: path.to_owned() })
    }

    /// Whether this is the running host itself, about which libvirt and D-Bus speak too.
    pub fn is_host(&self) -> bool {
        self.path == Path::new("/")
    }

    /// Where a path of the host lies, for programs that must be told a path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open_at(&self, path: &str, flags: OFlags) -> io::Result<OwnedFd> {
        // NONBLOCK: a FIFO that somebody planted must not hold the audit. openat2 refuses it beside PATH.
        let opening = if flags.contains(OFlags::PATH) { OFlags::empty() } else { OFlags::NONBLOCK | OFlags::NOCTTY };
        let flags = flags | opening | OFlags::CLOEXEC;
        let inside = path.trim_start_matches('/');
        let inside = if inside.is_empty() { "." } else { inside };
        Ok(rustix::fs::openat2(&self.directory, inside, flags, Mode::empty(), ResolveFlags::IN_ROOT)?)
    }

    pub fn read_bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let file = File::from(self.open_at(path, OFlags::RDONLY)?);
        let mut bytes = Vec::new();
        file.take(FILE_LIMIT + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > FILE_LIMIT {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it is larger than 4 MiB"));
        }
        Ok(bytes)
    }

    /// A text file; bytes that are not UTF-8 are replaced.
    pub fn read(&self, path: &str) -> io::Result<String> {
        self.read_bytes(path).map(|bytes| match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }

    /// A text file as a fact.
    pub fn fact(&self, path: &str) -> Fact<String> {
        match self.read(path) {
            Ok(text) => Fact::known(path, text),
            Err(error) => Gap::from_io(path, &error).into(),
        }
    }

    /// A text file that need not exist: `None` is known then.
    pub fn optional(&self, path: &str) -> Fact<Option<String>> {
        match self.read(path) {
            Ok(text) => Fact::known(path, Some(text)),
            Err(error) if is_absent(&error) => Fact::known(path, None),
            Err(error) => Gap::from_io(path, &error).into(),
        }
    }

    /// The names in a directory, sorted, without `.` and `..`.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in Dir::new(self.open_at(path, OFlags::RDONLY | OFlags::DIRECTORY)?)? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            if name != "." && name != ".." {
                names.push(name);
            }
            if names.len() > ENTRY_LIMIT {
                return Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more than 100,000 entries"));
            }
        }
        names.sort();
        Ok(names)
    }

    /// Where a link points, without following it.
    pub fn read_link(&self, path: &str) -> io::Result<String> {
        let (parent, name) = path.rsplit_once('/').unwrap_or(("", path));
        let parent = self.open_at(parent, OFlags::PATH | OFlags::DIRECTORY)?;
        let target = rustix::fs::readlinkat(parent, name, Vec::new())?;
        Ok(target.to_string_lossy().into_owned())
    }

    pub fn exists(&self, path: &str) -> io::Result<bool> {
        match self.open_at(path, OFlags::PATH) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// The file is not there. A process that has just ended shows as `ESRCH`.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_do_not_lead_out_of_the_root() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("secret"), "outside").unwrap();
        let inside = tempfile::tempdir().unwrap();
        std::fs::create_dir(inside.path().join("etc")).unwrap();
        std::os::unix::fs::symlink(outside.path().join("secret"), inside.path().join("etc/absolute")).unwrap();
        std::os::unix::fs::symlink("../../../../../etc/passwd", inside.path().join("etc/relative")).unwrap();
        std::fs::write(inside.path().join("etc/here"), "inside").unwrap();
        std::os::unix::fs::symlink("/etc/here", inside.path().join("etc/link")).unwrap();
        let root = Root::open(inside.path()).unwrap();
        assert!(is_absent(&root.read("/etc/absolute").unwrap_err()));
        assert!(is_absent(&root.read("/etc/relative").unwrap_err()));
        assert!(is_absent(&root.read("/../../etc/passwd").unwrap_err()));
        assert_eq!(root.read("/etc/link").unwrap(), "inside");
        assert_eq!(root.read_link("/etc/link").unwrap(), "/etc/here");
        assert_eq!(root.list("/etc").unwrap(), ["absolute", "here", "link", "relative"]);
    }

    #[test]
    fn a_file_over_the_limit_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let root = Root::open(dir.path()).unwrap();
        std::fs::File::create(dir.path().join("big")).unwrap().set_len(FILE_LIMIT + 1).unwrap();
        assert_eq!(root.read("/big").unwrap_err().to_string(), "it is larger than 4 MiB");
        assert!(matches!(root.fact("/big"), Fact::Missing(_)));
        assert_eq!(root.optional("/none"), Fact::known("/none", None));
    }
}
