// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is mounted where.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Fact;
use super::root::Root;

/// Mount point to what is mounted there; of several at one point the last, which hides the others.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mounts(pub BTreeMap<String, Mount>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// `ext4`, `nfs4`, `fuse.sshfs` …
    pub fs_type: String,
    /// `/dev/sda1`, `server:/export` …
    pub source: String,
    /// `MAJOR:MINOR` of the device.
    pub device: String,
    /// Of the mount and of the file system: `rw`, `nosuid`, `sec=krb5p`, `seclabel`.
    pub options: Vec<String>,
}

impl Mounts {
    /// The mount that an absolute path lies in, with its mount point. Links in the path are not followed.
    pub fn for_path(&self, path: &str) -> Option<(&str, &Mount)> {
        let mut prefix = path.trim_end_matches('/');
        loop {
            let point = if prefix.is_empty() { "/" } else { prefix };
            if let Some((point, mount)) = self.0.get_key_value(point) {
                return Some((point, mount));
            }
            prefix = prefix.rsplit_once('/')?.0;
        }
    }
}

impl Mount {
    pub fn option(&self, name: &str) -> bool {
        self.options.iter().any(|option| option == name)
    }

    /// Whether it lies on another machine, or may do so: then reading may wait for that one.
    pub fn is_remote(&self) -> bool {
        let kind = self.fs_type.as_str();
        matches!(
            kind,
            "nfs"
                | "nfs4"
                | "cifs"
                | "smb3"
                | "9p"
                | "afs"
                | "ceph"
                | "glusterfs"
                | "lustre"
                | "autofs"
                | "virtiofs"
                | "fuse"
        ) || kind.starts_with("fuse.")
    }
}

/// The mounts of PID 1; where they cannot be seen, our own.
pub(super) fn read(root: &Root) -> Fact<Mounts> {
    let first = root.fact("/proc/1/mountinfo");
    let text = if first.value().is_some() { first } else { root.fact("/proc/self/mountinfo") };
    text.map(|text| Mounts(text.lines().filter_map(line).collect()))
}

/// `ID PARENT MAJOR:MINOR ROOT POINT OPTIONS [FIELD…] - TYPE SOURCE SUPEROPTIONS`
fn line(line: &str) -> Option<(String, Mount)> {
    let (left, right) = line.split_once(" - ")?;
    let mut left = left.split(' ').skip(2);
    let device = left.next()?.to_owned();
    let point = unescape(left.nth(1)?);
    let options = left.next()?;
    let mut right = right.split(' ');
    let (fs_type, source) = (right.next()?.to_owned(), unescape(right.next()?));
    let options = options.split(',').chain(right.next().unwrap_or("").split(',')).filter(|option| !option.is_empty());
    // A password in a mount's options is no business of ours.
    let options =
        options.filter(|option| !option.starts_with("password") && !option.starts_with("secret")).map(unescape);
    Some((point, Mount { fs_type, source, device, options: options.collect() }))
}

/// The kernel writes space, tab, line end and backslash as `\OOO`.
fn unescape(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or("").to_owned();
    for part in parts {
        let code = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok());
        if let (Some(code), Some(rest)) = (code, part.get(3..)) {
            plain.push(char::from(code));
            plain.push_str(rest);
        } else {
            plain.push('\\');
            plain.push_str(part);
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    const SAMPLE: &str = "22 1 253:0 / / rw,relatime shared:1 - xfs /dev/mapper/root rw,seclabel,attr2\n\
        40 22 0:50 / /srv/my\\040images rw - nfs4 nas:/vm rw,vers=4.2,sec=krb5p,password=geheim\n\
        41 22 0:51 / /mnt rw master:1 propagate_from:2 - ext4 /dev/sdb1 rw\n\
        42 22 0:52 / /mnt rw - fuse.sshfs host: rw\nbroken - line\n\n";

    #[test]
    fn a_path_lies_in_the_nearest_mount() {
        let test = TestRoot::new();
        test.file("/proc/1/mountinfo", SAMPLE);
        let fact = read(&test.root());
        assert_eq!(fact.origin(), "/proc/1/mountinfo");
        let mounts = fact.get().unwrap();
        assert_eq!(mounts.0.len(), 3);
        let (point, mount) = mounts.for_path("/srv/my images/a.qcow2").unwrap();
        assert_eq!((point, mount.fs_type.as_str(), mount.source.as_str()), ("/srv/my images", "nfs4", "nas:/vm"));
        assert!(mount.option("sec=krb5p") && mount.is_remote());
        assert!(!mount.options.iter().any(|option| option.contains("geheim")));
        let (point, mount) = mounts.for_path("/srv/my images2").unwrap();
        assert_eq!((point, mount.device.as_str()), ("/", "253:0"));
        assert!(mount.option("seclabel") && !mount.is_remote());
        assert_eq!(mounts.for_path("/mnt").unwrap().1.fs_type, "fuse.sshfs");
        assert_eq!(mounts.for_path("/").unwrap().0, "/");
        assert!(mounts.for_path("relative").is_none());
    }

    #[test]
    fn without_pid_1_our_own_mounts_count() {
        let test = TestRoot::new();
        assert!(read(&test.root()).value().is_none());
        test.file("/proc/self/mountinfo", SAMPLE);
        assert_eq!(read(&test.root()).origin(), "/proc/self/mountinfo");
    }

    #[test]
    fn an_escape_that_is_none_stays() {
        assert_eq!(unescape("a\\0b\\134\\9"), "a\\0b\\\\9");
    }
}
