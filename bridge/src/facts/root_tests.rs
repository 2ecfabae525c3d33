// SPDX-License-Identifier: LGPL-2.1-or-later
use super::*;

/// A directory that stands in for a host.
pub(in crate::facts) struct TestRoot(tempfile::TempDir);

impl TestRoot {
    pub(in crate::facts) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(in crate::facts) fn root(&self) -> Root {
        Root::open(self.0.path()).unwrap()
    }

    /// Where a path lies, with the directories above it made.
    fn place(&self, path: &str) -> PathBuf {
        let place = self.0.path().join(path.trim_start_matches('/'));
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        place
    }

    pub(in crate::facts) fn file(&self, path: &str, text: impl AsRef<[u8]>) -> &Self {
        std::fs::write(self.place(path), text).unwrap();
        self
    }

    pub(in crate::facts) fn sparse(&self, path: &str, length: u64) -> &Self {
        File::create(self.place(path)).unwrap().set_len(length).unwrap();
        self
    }

    pub(in crate::facts) fn directory(&self, path: &str) -> &Self {
        std::fs::create_dir_all(self.place(path)).unwrap();
        self
    }

    /// A directory that its owner alone may pass.
    pub(in crate::facts) fn closed(&self, path: &str) -> &Self {
        let owner = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(self.place(path), owner).unwrap();
        self
    }

    pub(in crate::facts) fn link(&self, path: &str, target: &str) -> &Self {
        std::os::unix::fs::symlink(target, self.place(path)).unwrap();
        self
    }

    pub(in crate::facts) fn fifo(&self, path: &str) -> &Self {
        let place = self.place(path);
        rustix::fs::mknodat(rustix::fs::CWD, place, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
        self
    }
}

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
fn a_path_is_resolved_within_the_root() {
    let test = TestRoot::new();
    test.file("/srv/data/file", "x").link("/srv/link", "/srv/data/..").link("/up", "../../..").fifo("/srv/fifo");
    let root = test.root();
    for (path, resolved) in
        [("/srv/link/data/file", "/srv/data/file"), ("/srv/link", "/srv"), ("/up", "/"), ("/srv/fifo", "/srv/fifo")]
    {
        assert_eq!(root.resolve(path).unwrap(), resolved, "{path}");
    }
    assert!(is_absent(&root.resolve("/none").unwrap_err()));
    assert_eq!(root.metadata("/srv/data/file").unwrap().st_size, 1);
    assert!(is_absent(&root.metadata("/none").unwrap_err()));
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

#[test]
fn what_is_not_a_regular_file_is_not_read() {
    let test = TestRoot::new();
    test.fifo("/etc/fifo").directory("/etc/directory");
    assert_eq!(test.root().read("/etc/fifo").unwrap_err().to_string(), "it is not a regular file");
    assert!(test.root().read("/etc/directory").is_err());
}

#[test]
fn the_end_of_a_file_begins_with_a_line() {
    let test = TestRoot::new();
    test.file("/log", "one\ntwo\nthree\n").fifo("/fifo").file("/long", "x".repeat(99));
    assert_eq!(test.root().read_end("/log", 100).unwrap(), (b"one\ntwo\nthree\n".to_vec(), false));
    assert_eq!(test.root().read_end("/log", 14).unwrap(), (b"one\ntwo\nthree\n".to_vec(), false));
    assert_eq!(test.root().read_end("/log", 12).unwrap(), (b"two\nthree\n".to_vec(), true));
    assert_eq!(test.root().read_end("/long", 12).unwrap(), (Vec::new(), true));
    assert!(test.root().read_end("/fifo", 12).is_err() && test.root().open_file("/fifo").is_err());
    assert_eq!(test.root().metadata("/fifo").unwrap().st_mode & 0o777, 0o400);
    assert!(is_absent(&test.root().metadata("/none").unwrap_err()));
}

#[test]
fn a_handle_opens_only_what_holds_data() {
    let test = TestRoot::new();
    test.fifo("/fifo").file("/file", "data").directory("/directory");
    let root = test.root();
    let mut read = String::new();
    root.handle("/file").unwrap().open().unwrap().read_to_string(&mut read).unwrap();
    assert_eq!(read, "data");
    for path in ["/fifo", "/directory"] {
        let error = root.handle(path).unwrap().open().unwrap_err();
        assert_eq!(error.to_string(), "it is neither a regular file nor a block device", "{path}");
    }
    assert_eq!(root.metadata("/file").unwrap().st_size, 4);
    assert!(is_absent(&root.metadata("/none").unwrap_err()));
    assert_eq!(root.handle("/file").unwrap().attribute("user.none").unwrap(), None);
}

#[test]
fn a_directory_is_a_root_of_its_own() {
    let test = TestRoot::new();
    test.file("/proc/7/comm", "qemu").file("/secret", "outside").link("/proc/7/exe", "/secret");
    let process = test.root().inside("/proc/7").unwrap();
    assert_eq!(process.read("comm").unwrap(), "qemu");
    assert_eq!(process.read_link("exe").unwrap(), "/secret");
    assert!(is_absent(&process.read("exe").unwrap_err()));
    assert_eq!(process.read_start("comm", 2).unwrap(), b"qe");
}

#[test]
fn a_process_sees_a_root_of_its_own() {
    let test = TestRoot::new();
    test.file("/proc/7/root/dev/null", "").link("/proc/8/root", "/").file("/secret", "");
    let seen = test.root().inside("/proc/7").unwrap().of_process().unwrap();
    assert_eq!(seen.list("/dev").unwrap(), ["null"]);
    assert!(is_absent(&seen.metadata("/../../../secret").unwrap_err()));
    // A link that only looks like the kernel's stays inside.
    let planted = test.root().inside("/proc/8").unwrap().of_process().unwrap();
    assert!(is_absent(&planted.metadata("/secret").unwrap_err()));
    let own = Root::open(Path::new("/")).unwrap().inside(&format!("/proc/{}", std::process::id())).unwrap();
    let null = own.of_process().unwrap().metadata("/dev/null").unwrap();
    assert_eq!(rustix::fs::FileType::from_raw_mode(null.st_mode), rustix::fs::FileType::CharacterDevice);
}
