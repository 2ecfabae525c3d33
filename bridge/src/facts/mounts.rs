// SPDX-License-Identifier: LGPL-2.1-or-later
//! What is mounted where in the host's mount namespace.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::root::Root;
use super::{Fact, Gap};

/// By mount point; of several on one point the last, which is the one that is seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Mounts(pub BTreeMap<String, Mount>);

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    pub point: String,
    /// `xfs`, `nfs4`, `fuse.sshfs`.
    pub fs_type: String,
    /// `MAJOR:MINOR` of the device.
    pub device: String,
    /// A device, `server:/export`, or whatever the file system calls its source.
    pub source: String,
    /// Of the mount and of its file system, as `/proc/self/mountinfo` lists them, with commas.
    pub options: String,
}

impl Mount {
    /// An option by its name alone, or by `NAME=`.
    pub fn has(&self, option: &str) -> bool {
        self.options.split(',').any(|given| given.split_once('=').map_or(given, |(name, _)| name) == option)
    }

    /// An option with its value: `sec=krb5p`.
    pub fn has_exactly(&self, option: &str) -> bool {
        self.options.split(',').any(|given| given == option)
    }

    /// Whether it lies on another machine, or may do so: then reading may wait for that one.
    pub fn is_remote(&self) -> bool {
        let remote =
            ["nfs", "nfs4", "cifs", "smb3", "9p", "afs", "ceph", "glusterfs", "lustre", "autofs", "virtiofs", "fuse"];
        remote.contains(&self.fs_type.as_str()) || self.fs_type.starts_with("fuse.")
    }

    /// Files on it have SELinux labels of their own, or one that the mount gives them.
    pub fn is_labelled(&self) -> bool {
        self.has("seclabel") || self.has("context")
    }
}

impl Mounts {
    /// The mount that an absolute path lies on, by its text: links in it are not followed.
    pub fn for_path(&self, path: &str) -> Option<&Mount> {
        Path::new(path).ancestors().find_map(|part| self.0.get(part.to_str()?))
    }

    pub fn values(&self) -> impl Iterator<Item = &Mount> {
        self.0.values()
    }
}

/// PID 1 is in the host's namespace, but only root may look; who asks is there too, as a rule.
pub(super) fn read(root: &Root) -> Fact<Mounts> {
    let mut gap = Gap::new("/proc/1/mountinfo", "it was not read");
    for path in ["/proc/1/mountinfo", "/proc/self/mountinfo"] {
        match root.read(path) {
            Ok(text) => return Fact::known(path, parse(&text)),
            Err(error) => gap = Gap::from_io(path, &error),
        }
    }
    gap.into()
}

/// `36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda1 rw,errors=continue`.
fn parse(text: &str) -> Mounts {
    let mut mounts = BTreeMap::new();
    for line in text.lines() {
        let Some((own, file_system)) = line.split_once(" - ") else { continue };
        let own: Vec<&str> = own.split(' ').collect();
        let file_system: Vec<&str> = file_system.split(' ').collect();
        if let ([_, _, device, _, point, options, ..], [fs_type, source, more, ..]) =
            (own.as_slice(), file_system.as_slice())
        {
            let point = unescaped(point);
            let mount = Mount {
                point: point.clone(),
                fs_type: (*fs_type).to_owned(),
                device: (*device).to_owned(),
                source: unescaped(source),
                options: without_secrets(&format!("{options},{more}")),
            };
            mounts.insert(point, mount);
        }
    }
    Mounts(mounts)
}

/// A password in a mount's options is no business of ours.
fn without_secrets(options: &str) -> String {
    let open = |option: &&str| !option.starts_with("password") && !option.starts_with("secret");
    options.split(',').filter(open).collect::<Vec<_>>().join(",")
}

/// The kernel writes blanks, line ends and backslashes as three octal digits.
pub(super) fn unescaped(text: &str) -> String {
    let mut parts = text.split('\\');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.get(..3).and_then(|digits| u8::from_str_radix(digits, 8).ok()).filter(u8::is_ascii);
        if let (Some(byte), Some(rest)) = (digits, part.get(3..)) {
            plain.push(char::from(byte));
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

    const SAMPLE: &str = "22 1 253:0 / / rw,relatime shared:1 - xfs /dev/mapper/rhel-root rw,seclabel,attr2
40 22 0:50 / /srv/my\\040images rw,relatime shared:9 - nfs4 nas:/vm\\134x rw,vers=4.2,addr=192.0.2.1
41 22 0:51 / /srv/lab rw - nfs nas:/lab rw,context=system_u:object_r:svirt_image_t:s0
42 40 0:52 / /srv/my\\040images/inner rw master:1 propagate_from:2 - fuse.sshfs x@y:/ rw
43 22 0:53 / /srv/lab rw - ext4 /dev/sdb1 rw
broken
1 2 3 4 - 5
";

    #[test]
    fn a_path_lies_on_the_nearest_mount() {
        let test = TestRoot::new();
        test.file("/proc/1/mountinfo", SAMPLE);
        let fact = read(&test.root());
        assert_eq!(fact.origin(), "/proc/1/mountinfo");
        let mounts = fact.get().unwrap();
        assert_eq!(mounts.0.len(), 4);
        let kind = |path: &str| mounts.for_path(path).map(|mount| mount.fs_type.as_str());
        assert_eq!(kind("/srv/my images/a.qcow2"), Some("nfs4"));
        assert_eq!(kind("/srv/my images/inner/a"), Some("fuse.sshfs"));
        assert_eq!(kind("/srv/my images2/a"), Some("xfs"));
        assert_eq!(kind("/srv/lab"), Some("ext4"));
        assert_eq!(kind("relative"), None);
        assert_eq!(mounts.0["/srv/my images"].source, "nas:/vm\\x");
        assert!(mounts.0["/"].is_labelled() && !mounts.0["/srv/my images"].is_labelled());
        assert!(mounts.0["/srv/my images"].has("vers") && !mounts.0["/srv/my images"].has("ver"));
        let given = Mount { options: "rw,context=system_u:object_r:svirt_image_t:s0".to_owned(), ..Mount::default() };
        assert!(given.is_labelled());
        assert!(mounts.0["/srv/my images"].is_remote() && !mounts.0["/"].is_remote());
        assert!(mounts.0["/srv/my images"].has_exactly("vers=4.2") && !mounts.0["/srv/my images"].has_exactly("vers"));
        assert_eq!(mounts.0["/"].device, "253:0");
        assert_eq!(without_secrets("rw,password=x,secretfile=y,sec=ntlm"), "rw,sec=ntlm");
    }

    #[test]
    fn who_may_not_see_the_first_process_looks_at_itself() {
        let test = TestRoot::new();
        test.file("/proc/self/mountinfo", SAMPLE);
        assert_eq!(read(&test.root()).origin(), "/proc/self/mountinfo");
        assert!(read(&TestRoot::new().root()).value().is_none());
    }

    #[test]
    fn hostile_lines_are_skipped_or_kept_as_they_are() {
        assert_eq!(unescaped("a\\04"), "a\\04");
        assert_eq!(unescaped("\\999\\"), "\\999\\");
        assert_eq!(unescaped("\\377é\\é40"), "\\377é\\é40");
        let test = TestRoot::new();
        test.sparse("/proc/1/mountinfo", 1 << 30).sparse("/proc/self/mountinfo", 1 << 30);
        assert!(read(&test.root()).get().unwrap_err().reason.contains("larger than 4 MiB"));
    }
}
