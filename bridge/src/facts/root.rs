// SPDX-License-Identifier: LGPL-2.1-or-later
//! File system sources, read below a root directory so that a test or a mounted image can stand in for a host.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::Context;
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, Stat};
use rustix::io::Errno;

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

    /// A directory of this root as a root of its own. Of a directory `/proc/PID` it stays with that process: once it has ended,
    /// reads fail, even if another process got its number.
    pub fn inside(&self, path: &str) -> io::Result<Self> {
        let directory = self.open_at(path, OFlags::PATH | OFlags::DIRECTORY)?;
        Ok(Self { directory, path: self.path.join(path.trim_start_matches('/')) })
    }

    /// The same directory for a thread that may outlive this audit.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { directory: self.directory.try_clone()?, path: self.path.clone() })
    }

    /// Owner, mode and the like of what a path leads to, which is not opened for that.
    pub fn metadata(&self, path: &str) -> io::Result<Stat> {
        self.handle(path)?.metadata()
    }

    /// A file without opening it, so that a device or a FIFO does not notice.
    pub fn handle(&self, path: &str) -> io::Result<Handle> {
        Ok(Handle(self.open_at(path, OFlags::PATH)?))
    }

    /// A regular file. Anything else is not opened: that alone can start a device.
    pub fn open_file(&self, path: &str) -> io::Result<File> {
        let regular = rustix::fs::FileType::from_raw_mode(self.metadata(path)?.st_mode).is_file();
        let file = if regular { Some(File::from(self.open_at(path, OFlags::RDONLY)?)) } else { None };
        // It may have been exchanged in between.
        match file {
            Some(file) if file.metadata()?.is_file() => Ok(file),
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
        }
    }

    /// At most `limit` bytes from the end of a regular file, from the start of a line, and whether there is more before them.
    pub fn read_end(&self, path: &str, limit: u64) -> io::Result<(Vec<u8>, bool)> {
        let mut file = self.open_file(path)?;
        let start = file.metadata()?.len().saturating_sub(limit);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(limit).read_to_end(&mut bytes)?;
        if start > 0 {
            let line = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |end| end + 1);
            bytes.drain(..line);
        }
        Ok((bytes, start > 0))
    }

    /// The file system that a process sees, as a root of its own; `self` is its directory `/proc/PID`.
    pub fn of_process(&self) -> io::Result<Self> {
        // The kernel's own link cannot be followed inside a root, but is no file that anybody wrote. Elsewhere it is, and stays inside.
        let real = rustix::fs::fstatfs(&self.directory)?.f_type == rustix::fs::PROC_SUPER_MAGIC;
        let flags = OFlags::PATH | OFlags::DIRECTORY;
        let directory = if real {
            rustix::fs::openat(&self.directory, "root", flags | OFlags::CLOEXEC, Mode::empty())?
        } else {
            self.open_at("root", flags)?
        };
        Ok(Self { directory, path: self.path.join("root") })
    }

    /// At most `limit` bytes from the start of a regular file.
    pub fn read_start(&self, path: &str, limit: u64) -> io::Result<Vec<u8>> {
        let file = File::from(self.open_at(path, OFlags::RDONLY)?);
        // A FIFO without a writer would read as an empty file: a fact that nobody wrote.
        if !file.metadata()?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        // Room for what the kernel gives at once: for each read of `/proc/net/tcp` it walks its whole table.
        let mut bytes = Vec::with_capacity(16 << 10);
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub fn read_bytes(&self, path: &str) -> io::Result<Vec<u8>> {
        let bytes = self.read_start(path, FILE_LIMIT + 1)?;
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

    /// The path of a file within the root once all links in it are followed.
    pub fn resolve(&self, path: &str) -> io::Result<String> {
        let own = |descriptor: &OwnedFd| {
            let link = format!("/proc/self/fd/{}", descriptor.as_raw_fd());
            let target = rustix::fs::readlinkat(rustix::fs::CWD, link, Vec::new())?;
            Ok::<_, io::Error>(target.to_string_lossy().into_owned())
        };
        let (place, root) = (own(&self.open_at(path, OFlags::PATH)?)?, own(&self.directory)?);
        let inside = place.strip_prefix(root.trim_end_matches('/')).unwrap_or(&place);
        Ok(if inside.is_empty() { "/".to_owned() } else { inside.to_owned() })
    }

    pub fn exists(&self, path: &str) -> io::Result<bool> {
        match self.open_at(path, OFlags::PATH) {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

/// A file that was found but not opened.
pub struct Handle(OwnedFd);

impl Handle {
    pub fn metadata(&self) -> io::Result<Stat> {
        Ok(rustix::fs::fstat(&self.0)?)
    }

    /// An extended attribute; `None` where there is none, or the file system has no such thing.
    pub fn attribute(&self, name: &str) -> io::Result<Option<Vec<u8>>> {
        let mut value = [0; 1024];
        match rustix::fs::getxattr(self.link(), name, &mut value) {
            Ok(length) => Ok(Some(value.get(..length).unwrap_or_default().to_owned())),
            Err(Errno::NODATA | Errno::NOTSUP) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// For reading only. What is neither a regular file nor a block device is not opened: that alone can set a device going.
    pub fn open(&self) -> io::Result<File> {
        match FileType::from_raw_mode(self.metadata()?.st_mode) {
            FileType::RegularFile | FileType::BlockDevice => {
                let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                Ok(File::from(rustix::fs::open(self.link(), flags, Mode::empty())?))
            }
            _ => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a regular file nor a block device")),
        }
    }

    /// The kernel's own way from a handle back to its file.
    fn link(&self) -> String {
        format!("/proc/self/fd/{}", self.0.as_raw_fd())
    }
}

/// The file is not there. A process that has just ended shows as `ESRCH`.
pub fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
        || error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

#[cfg(test)]
#[path = "root_tests.rs"]
pub(super) mod tests;
