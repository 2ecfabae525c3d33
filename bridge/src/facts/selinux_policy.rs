// SPDX-License-Identifier: LGPL-2.1-or-later
//! Types that SELinux's policy exempts from being enforced: how many there are in the policy, and those that `semanage permissive` made.

use super::root::{Root, is_absent};
use super::{Fact, Gap};

/// The header and the two sets of bits at its start are far shorter.
const START: u64 = 256 << 10;

/// How many types are permissive in the policy that is loaded at boot, and by each change of it: `/etc/selinux/TYPE/policy/policy.33`.
pub(super) fn permissive_count(root: &Root, policy: &str) -> Fact<u64> {
    let directory = format!("/etc/selinux/{policy}/policy");
    let newest = root.list(&directory).map(|names| {
        let version = |name: &String| name.strip_prefix("policy.")?.parse::<u32>().ok();
        names.iter().filter_map(version).max()
    });
    match newest {
        Ok(Some(version)) => {
            let path = format!("{directory}/policy.{version}");
            match root.read_start(&path, START) {
                Ok(bytes) => match permissive_bits(&bytes) {
                    Some(count) => Fact::known(path, count),
                    None => Fact::missing(&path, format!("{path} does not start as a policy does")),
                },
                Err(error) => Gap::from_io(path, &error).into(),
            }
        }
        Ok(None) => Fact::missing(&directory, format!("there is no policy in {directory}")),
        Err(error) => Gap::from_io(directory, &error).into(),
    }
}

/// Magic, a string, version, flags, two counts; from version 22 the capabilities' bits, from 23 on those of permissive types.
fn permissive_bits(policy: &[u8]) -> Option<u64> {
    let mut reader = Reader(policy);
    if reader.number()? != 0xf97c_ff8c {
        return None;
    }
    let length = usize::try_from(reader.number()?).ok()?;
    if reader.take(length)? != b"SE Linux" {
        return None;
    }
    let version = reader.number()?;
    for _ in ["flags", "symbols", "contexts"] {
        reader.number()?;
    }
    if version < 23 {
        return Some(0);
    }
    reader.bits()?;
    reader.bits()
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    /// How many bits of a set are set: its unit (64), its highest bit, and parts of a place and 64 bits each.
    fn bits(&mut self) -> Option<u64> {
        if self.number()? != 64 {
            return None;
        }
        self.number()?;
        let mut count = 0_u64;
        for _ in 0..self.number()? {
            self.number()?;
            let map = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
            count += u64::from(map.count_ones());
        }
        Some(count)
    }
}

/// Types of which `semanage permissive -a TYPE` made a module called `permissive_TYPE`, unless that is disabled.
pub(super) fn permissive_modules(root: &Root, policy: &str) -> Fact<Vec<String>> {
    let directory = format!("/var/lib/selinux/{policy}/active/modules");
    read_modules(root, &directory).map_or_else(Fact::Missing, |types| Fact::known(directory, types))
}

fn read_modules(root: &Root, directory: &str) -> Result<Vec<String>, Gap> {
    let list = |path: &str| root.list(path).map_err(|error| Gap::from_io(path, &error));
    let mut found = Vec::new();
    let disabled = match root.list(&format!("{directory}/disabled")) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Err(Gap::from_io(format!("{directory}/disabled"), &error)),
    };
    for priority in list(directory)? {
        if priority.parse::<u32>().is_err() {
            continue;
        }
        for module in list(&format!("{directory}/{priority}"))? {
            if let Some(name) = module.strip_prefix("permissive_")
                && !disabled.contains(&module)
            {
                found.push(name.to_owned());
            }
        }
    }
    found.sort();
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn policy(version: u32, permissive: &[u64]) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut number = |number: u32| bytes.extend(number.to_le_bytes());
        number(0xf97c_ff8c);
        number(8);
        bytes.extend(b"SE Linux");
        for number in [version, 1, 8, 7, 64, 128, 1, 0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(0xff_u64.to_le_bytes());
        for number in [64, 4096, u32::try_from(permissive.len()).unwrap()] {
            bytes.extend(number.to_le_bytes());
        }
        for map in permissive {
            bytes.extend(64_u32.to_le_bytes());
            bytes.extend(map.to_le_bytes());
        }
        bytes.extend([7; 1000]);
        bytes
    }

    #[test]
    fn the_newest_policy_is_counted() {
        let test = TestRoot::new();
        test.file("/etc/selinux/targeted/policy/policy.9", "")
            .file("/etc/selinux/targeted/policy/policy.33", policy(33, &[0b101, 1 << 63]))
            .file("/etc/selinux/targeted/policy/policy.kern", "");
        let fact = permissive_count(&test.root(), "targeted");
        assert_eq!(fact, Fact::known("/etc/selinux/targeted/policy/policy.33", 3));
        test.file("/etc/selinux/targeted/policy/policy.33", policy(33, &[]));
        assert_eq!(permissive_count(&test.root(), "targeted").value(), Some(&0));
        test.file("/etc/selinux/targeted/policy/policy.33", policy(22, &[1]));
        assert_eq!(permissive_count(&test.root(), "targeted").value(), Some(&0));
    }

    #[test]
    fn what_is_no_policy() {
        let test = TestRoot::new();
        assert!(permissive_count(&test.root(), "targeted").value().is_none());
        test.directory("/etc/selinux/targeted/policy");
        assert!(permissive_count(&test.root(), "targeted").get().unwrap_err().reason.contains("no policy in"));
        let whole = policy(33, &[1, 1]);
        for length in [0, 3, 20, 50, 80] {
            test.file("/etc/selinux/targeted/policy/policy.33", &whole[..length]);
            assert!(permissive_count(&test.root(), "targeted").value().is_none(), "{length}");
        }
        test.sparse("/etc/selinux/targeted/policy/policy.33", 1 << 40);
        assert!(permissive_count(&test.root(), "targeted").value().is_none());
        let mut endless = policy(33, &[]);
        endless[64..68].copy_from_slice(&u32::MAX.to_le_bytes());
        test.file("/etc/selinux/targeted/policy/policy.33", endless);
        assert!(permissive_count(&test.root(), "targeted").value().is_none());
    }

    #[test]
    fn modules_that_semanage_made() {
        let test = TestRoot::new();
        let store = "/var/lib/selinux/targeted/active/modules";
        assert!(permissive_modules(&test.root(), "targeted").value().is_none());
        test.directory(&format!("{store}/100/virt"))
            .directory(&format!("{store}/400/permissive_svirt_t"))
            .directory(&format!("{store}/400/permissive_httpd_t"))
            .directory(&format!("{store}/400/permissive_sshd_t"))
            .file(&format!("{store}/disabled/permissive_sshd_t"), "");
        let fact = permissive_modules(&test.root(), "targeted");
        assert_eq!(fact.origin(), store);
        assert_eq!(fact.get().unwrap(), &["httpd_t", "svirt_t"]);
    }
}
