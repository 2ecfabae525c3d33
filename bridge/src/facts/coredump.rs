// SPDX-License-Identifier: LGPL-2.1-or-later
//! What systemd-coredump does with the memory of a program that crashed.

use std::collections::BTreeMap;

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// From the one that counts most to the one that counts least.
const PLACES: [&str; 4] = ["/etc/systemd", "/run/systemd", "/usr/local/lib/systemd", "/usr/lib/systemd"];
const NAME: &str = "coredump.conf";

/// `Storage=` as it holds: `none`, `external`, `journal`; `None` where no file sets it, which is `external`.
pub(super) fn storage(root: &Root) -> Fact<Option<String>> {
    read(root).unwrap_or_else(Fact::Missing)
}

fn read(root: &Root) -> Result<Fact<Option<String>>, Gap> {
    let mut found = Fact::known(format!("/etc/systemd/{NAME}: Storage"), None);
    for path in files(root)? {
        let text = root.read(&path).map_err(|error| Gap::from_io(&path, &error))?;
        if let Some(value) = last_storage(&text) {
            found = Fact::known(format!("{path}: Storage"), (!value.is_empty()).then_some(value));
        }
    }
    Ok(found)
}

/// The main file, then the drop-ins by name; of two with one name only the one in the place that counts more.
fn files(root: &Root) -> Result<Vec<String>, Gap> {
    let mut main = None;
    let mut parts = BTreeMap::new();
    for place in PLACES {
        let path = format!("{place}/{NAME}");
        if main.is_none() && root.exists(&path).map_err(|error| Gap::from_io(&path, &error))? {
            main = Some(path);
        }
        let directory = format!("{place}/{NAME}.d");
        match root.list(&directory) {
            Ok(names) => {
                for name in names.into_iter().filter(|name| name.strip_suffix(".conf").is_some()) {
                    let path = format!("{directory}/{name}");
                    parts.entry(name).or_insert(path);
                }
            }
            Err(error) if is_absent(&error) => {}
            Err(error) => return Err(Gap::from_io(directory, &error)),
        }
    }
    Ok(main.into_iter().chain(parts.into_values()).collect())
}

/// Of the section `[Coredump]`. Comments start with `#` or `;`.
fn last_storage(text: &str) -> Option<String> {
    let mut inside = false;
    let mut value = None;
    for line in text.lines().map(str::trim) {
        if line.starts_with('[') {
            inside = line == "[Coredump]";
        } else if inside
            && let Some((key, given)) = line.split_once('=')
            && key.trim() == "Storage"
        {
            value = Some(given.trim().to_owned());
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn drop_ins_come_after_the_main_file_and_etc_hides_usr() {
        let test = TestRoot::new();
        assert_eq!(storage(&test.root()), Fact::known("/etc/systemd/coredump.conf: Storage", None));
        test.file("/usr/lib/systemd/coredump.conf", "[Coredump]\n#Storage=none\n");
        assert_eq!(storage(&test.root()).value(), Some(&None));
        test.file(
            "/etc/systemd/coredump.conf",
            "Storage=journal\n[Other]\nStorage=x\n[Coredump]\nStorage = external\n;Storage=none\n",
        );
        assert_eq!(storage(&test.root()).value(), Some(&Some("external".to_owned())));
        test.file("/usr/lib/systemd/coredump.conf.d/50-a.conf", "[Coredump]\nStorage=none\n")
            .file("/usr/lib/systemd/coredump.conf.d/60-b.txt", "[Coredump]\nStorage=journal\n");
        let fact = storage(&test.root());
        assert_eq!(fact, Fact::known("/usr/lib/systemd/coredump.conf.d/50-a.conf: Storage", Some("none".to_owned())));
        test.file("/etc/systemd/coredump.conf.d/50-a.conf", "");
        assert_eq!(storage(&test.root()).value(), Some(&Some("external".to_owned())));
    }

    #[test]
    fn what_cannot_be_read_is_not_a_default() {
        let test = TestRoot::new();
        test.fifo("/etc/systemd/coredump.conf");
        assert!(storage(&test.root()).value().is_none());
    }
}
