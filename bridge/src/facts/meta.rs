// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the file system says of a file: its kind, permissions and owner.

use rustix::fs::{FileType, Stat};
use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Meta {
    pub kind: Kind,
    /// Permission bits, with set-user-id, set-group-id and sticky. In a recording as `0644`.
    #[serde(with = "octal")]
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub size: u64,
    /// Seconds since 1970.
    pub modified: i64,
    /// Equal for two names of one file: `DEVICE:INODE`, of a device node the device's number.
    pub identity: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    #[default]
    File,
    Directory,
    Block,
    Other,
}

impl Meta {
    pub fn new(stat: &Stat) -> Self {
        let kind = match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::BlockDevice => Kind::Block,
            _ => Kind::Other,
        };
        let identity = if kind == Kind::Block {
            format!("{}:{}", rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev))
        } else {
            format!("{:x}:{}", stat.st_dev, stat.st_ino)
        };
        Self {
            kind,
            mode: stat.st_mode & 0o7777,
            uid: stat.st_uid,
            gid: stat.st_gid,
            size: u64::try_from(stat.st_size).unwrap_or_default(),
            modified: stat.st_mtime,
            identity,
        }
    }

    /// As `stat -c %a` says it, with four digits.
    pub fn shown(&self) -> String {
        format!("mode {:04o}, owner {}, group {}", self.mode, self.uid, self.gid)
    }
}

/// `None` is known for a file that does not exist.
pub(super) fn read(root: &Root, path: &str) -> Fact<Option<Meta>> {
    match root.metadata(path) {
        Ok(stat) => Fact::known(format!("stat {path}"), Some(Meta::new(&stat))),
        Err(error) if is_absent(&error) => Fact::known(format!("stat {path}"), None),
        Err(error) => Gap::from_io(path, &error).into(),
    }
}

/// A mode is octal for whoever reads a recording.
pub(super) mod octal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    #[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    pub(in crate::facts) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{mode:04o}"))
    }

    pub(in crate::facts) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8).map_err(|_| D::Error::custom("a mode is an octal number in quotes"))
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn a_file_a_directory_and_nothing() {
        let test = TestRoot::new();
        test.file("/a", "12345").directory("/d").link("/l", "a");
        let root = test.root();
        let file = read(&root, "/a").get().unwrap().clone().unwrap();
        assert_eq!((file.kind, file.size), (Kind::File, 5));
        assert!(file.modified > 1_600_000_000 && file.mode < 0o1000);
        assert_eq!(read(&root, "/l").get().unwrap().as_ref().unwrap().identity, file.identity);
        assert_eq!(read(&root, "/d").get().unwrap().as_ref().unwrap().kind, Kind::Directory);
        assert_eq!(read(&root, "/none").value(), Some(&None));
    }

    #[test]
    fn a_mode_is_recorded_as_people_write_it() {
        let meta = Meta { mode: 0o1644, ..Meta::default() };
        let text = serde_json::to_string(&meta).unwrap();
        assert!(text.contains(r#""mode":"1644""#), "{text}");
        assert_eq!(serde_json::from_str::<Meta>(&text).unwrap(), meta);
        assert!(serde_json::from_str::<Meta>(r#"{"mode":"rw"}"#).is_err());
    }
}
