// SPDX-License-Identifier: LGPL-2.1-or-later
//! polkit's rules files that speak of libvirt. Its answers over D-Bus are in `facts::dbus`.

use super::host::RulesFile;
use super::root::{FILE_LIMIT, Root, is_absent};
use super::{Fact, Gap};

/// Where polkit looks for rules, in its order for files of the same name.
const RULES: [&str; 4] = [
    "/etc/polkit-1/rules.d",
    "/run/polkit-1/rules.d",
    "/usr/local/share/polkit-1/rules.d",
    "/usr/share/polkit-1/rules.d",
];
/// Where its old key files lie, each in a directory of these.
const AUTHORITIES: [&str; 2] = ["/etc/polkit-1/localauthority", "/var/lib/polkit-1/localauthority"];

/// All rules files that mention libvirt. A directory that cannot be read hides rules, so the whole fact is missing then.
pub(super) fn rules(root: &Root) -> Fact<Vec<RulesFile>> {
    read(root).map_or_else(Fact::Missing, |files| Fact::known(RULES.join(", "), files))
}

fn read(root: &Root) -> Result<Vec<RulesFile>, Gap> {
    let mut paths = Vec::new();
    for directory in RULES {
        paths.extend(names(root, directory, ".rules")?.into_iter().map(|name| (name, directory)));
    }
    // polkit goes by the file's name first, whatever its directory. The sort is stable.
    paths.sort_by(|(one, _), (other, _)| one.cmp(other));
    let mut paths: Vec<_> = paths.into_iter().map(|(name, directory)| format!("{directory}/{name}")).collect();
    for authority in AUTHORITIES {
        for directory in names(root, authority, "")? {
            let directory = format!("{authority}/{directory}");
            paths.extend(names(root, &directory, ".pkla")?.into_iter().map(|name| format!("{directory}/{name}")));
        }
    }
    let mut files = Vec::new();
    let mut kept = 0;
    for path in paths {
        let text = match root.read(&path) {
            Ok(text) => text,
            // A link to nowhere, or removed in between.
            Err(error) if is_absent(&error) => continue,
            Err(error) => return Err(Gap::from_io(&path, &error)),
        };
        if about_libvirt(&text) {
            kept += text.len() as u64;
            if kept > FILE_LIMIT {
                return Err(Gap::new(path, "polkit's rules files for libvirt are larger than 4 MiB together"));
            }
            files.push(RulesFile { path, text });
        }
    }
    Ok(files)
}

/// A key file names actions by patterns, so one with a wildcard may speak of libvirt without its name.
fn about_libvirt(text: &str) -> bool {
    let pattern = |line: &str| line.trim_start().starts_with("Action") && line.contains('*');
    text.contains("libvirt") || text.lines().any(pattern)
}

fn names(root: &Root, directory: &str, ending: &str) -> Result<Vec<String>, Gap> {
    match root.list(directory) {
        Ok(names) => Ok(names.into_iter().filter(|name| name.ends_with(ending)).collect()),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(error) => Err(Gap::from_io(directory, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn rules_that_mention_libvirt_in_polkits_order() {
        let test = TestRoot::new();
        test.file("/usr/share/polkit-1/rules.d/50-a.rules", "org.libvirt.unix.manage")
            .file("/etc/polkit-1/rules.d/60-b.rules", "\"org.\" + \"libvirt\"")
            .file("/etc/polkit-1/rules.d/50-a.rules", "// org.libvirt")
            .file("/etc/polkit-1/rules.d/10-other.rules", "org.freedesktop.packagekit")
            .file("/etc/polkit-1/rules.d/20-libvirt.rules.bak", "org.libvirt")
            .link("/etc/polkit-1/rules.d/30-dangling.rules", "/nowhere")
            .file("/var/lib/polkit-1/localauthority/50-local.d/all.pkla", "[x]\nAction=*\nResultAny=yes\n")
            .file("/etc/polkit-1/localauthority/10-vendor.d/v.pkla", "[x]\nAction=org.libvirt.unix.manage\n")
            .file("/etc/polkit-1/localauthority/10-vendor.d/w.pkla", "[x]\nAction=org.other\n");
        let fact = rules(&test.root());
        let paths: Vec<_> = fact.get().unwrap().iter().map(|file| file.path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/etc/polkit-1/rules.d/50-a.rules",
                "/usr/share/polkit-1/rules.d/50-a.rules",
                "/etc/polkit-1/rules.d/60-b.rules",
                "/etc/polkit-1/localauthority/10-vendor.d/v.pkla",
                "/var/lib/polkit-1/localauthority/50-local.d/all.pkla",
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_hides_rules() {
        let test = TestRoot::new();
        test.fifo("/etc/polkit-1/rules.d/50-a.rules");
        let gap = rules(&test.root()).get().unwrap_err();
        assert_eq!(gap.reason, "/etc/polkit-1/rules.d/50-a.rules could not be read (it is not a regular file)");
    }

    #[test]
    fn the_kept_text_is_bounded() {
        let test = TestRoot::new();
        for n in 0..3 {
            test.file(&format!("/etc/polkit-1/rules.d/{n}.rules"), "libvirt".repeat(300_000));
        }
        assert!(rules(&test.root()).get().unwrap_err().reason.contains("larger than 4 MiB together"));
    }
}
