// SPDX-License-Identifier: LGPL-2.1-or-later
//! Types that SELinux's policy exempts from being enforced, from the start of the binary policy. Its form is that of libsepol's
//! `policydb.c` and the kernel's: numbers of 32 bits with the lowest byte first, names with their length before them.

use std::collections::BTreeMap;

use super::root::Root;
use super::{Fact, Gap};

/// What is asked for stands in the first half megabyte of the policies of distributions.
const START: u64 = 4 << 20;

/// The permissive types of the policy that is loaded at boot and by each change of it: `/etc/selinux/TYPE/policy/policy.33`.
pub(super) fn permissive_types(root: &Root, policy: &str) -> Fact<Vec<String>> {
    let directory = format!("/etc/selinux/{policy}/policy");
    let newest = root.list(&directory).map(|names| {
        let version = |name: &String| name.strip_prefix("policy.")?.parse::<u32>().ok();
        names.iter().filter_map(version).max()
    });
    match newest {
        Ok(Some(version)) => {
            let path = format!("{directory}/policy.{version}");
            match root.read_start(&path, START) {
                Ok(bytes) => match read(&bytes) {
                    Some(types) => Fact::known(path, types),
                    None => Fact::missing(&path, format!("{path} has not the form of a policy that is known here")),
                },
                Err(error) => Gap::from_io(path, &error).into(),
            }
        }
        Ok(None) => Fact::missing(&directory, format!("there is no policy in {directory}")),
        Err(error) => Gap::from_io(directory, &error).into(),
    }
}

/// `None` where the policy ends too early or says something that no policy says.
pub(super) fn read(policy: &[u8]) -> Option<Vec<String>> {
    let mut reader = Reader { rest: policy, version: 0 };
    if reader.number()? != 0xf97c_ff8c || reader.name()? != b"SE Linux" {
        return None;
    }
    reader.version = reader.number()?;
    // Flags, and how many tables of each kind follow.
    reader.numbers(3)?;
    // From these versions on there are sets for the policy's capabilities, and for permissive types.
    if reader.version < 23 {
        return Some(Vec::new());
    }
    reader.bits()?;
    let permissive = reader.bits()?;
    if permissive.is_empty() {
        return Some(Vec::new());
    }
    if reader.version >= 35 {
        reader.bits()?;
    }
    reader.table(Reader::common)?;
    reader.table(Reader::class)?;
    reader.table(Reader::role)?;
    let mut names = BTreeMap::new();
    reader.table(|reader| {
        let (name, value) = reader.type_name()?;
        if let Some(name) = name {
            names.insert(value, name);
        }
        Some(())
    })?;
    permissive.into_iter().map(|value| names.remove(&value)).collect()
}

struct Reader<'a> {
    rest: &'a [u8],
    version: u32,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(usize::try_from(length).ok()?)?;
        self.rest = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn numbers(&mut self, count: u32) -> Option<()> {
        self.take(count.checked_mul(4)?).map(|_| ())
    }

    /// A name with its length right before it.
    fn name(&mut self) -> Option<&'a [u8]> {
        let length = self.number()?;
        self.take(length)
    }

    /// The bits of a set: its unit (64), its highest bit, and for each part its place and 64 bits.
    fn bits(&mut self) -> Option<Vec<u32>> {
        if self.number()? != 64 {
            return None;
        }
        self.number()?;
        let mut found = Vec::new();
        for _ in 0..self.number()? {
            let start = self.number()?;
            let map = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
            for bit in (0..64).filter(|bit| map & (1 << bit) != 0) {
                found.push(start.checked_add(bit)?);
            }
        }
        Some(found)
    }

    /// All entries of one table.
    fn table(&mut self, mut entry: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        self.number()?;
        for _ in 0..self.number()? {
            entry(self)?;
        }
        Some(())
    }

    fn permissions(&mut self, count: u32) -> Option<()> {
        for _ in 0..count {
            let length = self.number()?;
            self.numbers(1)?;
            self.take(length)?;
        }
        Some(())
    }

    /// Permissions that several classes have.
    fn common(&mut self) -> Option<()> {
        let length = self.number()?;
        self.numbers(2)?;
        let count = self.number()?;
        self.take(length)?;
        self.permissions(count)
    }

    fn class(&mut self) -> Option<()> {
        let (length, of_common) = (self.number()?, self.number()?);
        self.numbers(2)?;
        let (permissions, constraints) = (self.number()?, self.number()?);
        self.take(length)?;
        self.take(of_common)?;
        self.permissions(permissions)?;
        self.constraints(constraints)?;
        let transitions = self.number()?;
        self.constraints(transitions)?;
        // How new objects get their user, role, range and type.
        self.numbers(match self.version {
            ..27 => 0,
            27 => 3,
            28.. => 4,
        })
    }

    fn constraints(&mut self, count: u32) -> Option<()> {
        const NAMES: u32 = 5;
        for _ in 0..count {
            self.numbers(1)?;
            for _ in 0..self.number()? {
                let kind = self.number()?;
                self.numbers(2)?;
                if kind == NAMES {
                    self.bits()?;
                    if self.version >= 29 {
                        self.bits()?;
                        self.bits()?;
                        self.numbers(1)?;
                    }
                }
            }
        }
        Some(())
    }

    fn role(&mut self) -> Option<()> {
        let length = self.number()?;
        self.numbers(if self.version >= 24 { 2 } else { 1 })?;
        self.take(length)?;
        self.bits()?;
        self.bits().map(|_| ())
    }

    /// A type and its value. An alias has no name of its own here.
    fn type_name(&mut self) -> Option<(Option<String>, u32)> {
        let (length, value, properties) = (self.number()?, self.number()?, self.number()?);
        if self.version >= 24 {
            self.numbers(1)?;
        }
        let name = self.take(length)?;
        let name = (properties & 1 != 0).then(|| String::from_utf8_lossy(name).into_owned());
        Some((name, value))
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    /// Of three types and an alias, `svirt_t` and `virtd_t` are permissive; compiled by `secilc` from the file beside it.
    const SAMPLE: &[u8] = include_bytes!("selinux_policy.sample");
    const FILE: &str = "/etc/selinux/targeted/policy/policy.33";

    fn of(policy: &[u8]) -> Fact<Vec<String>> {
        let test = TestRoot::new();
        test.file(FILE, policy)
            .file("/etc/selinux/targeted/policy/policy.9", "")
            .file("/etc/selinux/targeted/policy/policy.kern", "");
        permissive_types(&test.root(), "targeted")
    }

    #[test]
    fn permissive_types_have_their_names() {
        let names = ["svirt_t", "virtd_t"].map(str::to_owned).to_vec();
        assert_eq!(of(SAMPLE), Fact::known(FILE, names));
    }

    #[test]
    fn a_policy_without_them_ends_the_search_early() {
        // The two sets stand right behind the header: a set without a part has a count of 0.
        let mut policy = SAMPLE[..32].to_vec();
        for _ in ["capabilities", "permissive types"] {
            for number in [64_u32, 0, 0] {
                policy.extend(number.to_le_bytes());
            }
        }
        assert_eq!(of(&policy).value(), Some(&Vec::new()));
        policy[16..20].copy_from_slice(&22_u32.to_le_bytes());
        policy.truncate(32);
        assert_eq!(of(&policy).value(), Some(&Vec::new()));
    }

    #[test]
    fn what_is_no_policy() {
        for length in (0..SAMPLE.len()).step_by(7) {
            // Whatever is missing at the end may only be what was not asked for.
            let types = of(&SAMPLE[..length]);
            assert!(types.value().is_none_or(|types| types.len() == 2), "{length}: {types:?}");
        }
        let mut hostile = SAMPLE.to_vec();
        for place in (16..SAMPLE.len() - 4).step_by(4) {
            let kept = hostile[place..place + 4].to_vec();
            hostile[place..place + 4].copy_from_slice(&u32::MAX.to_le_bytes());
            let _ = read(&hostile);
            hostile[place..place + 4].copy_from_slice(&kept);
        }
        assert!(of(b"\x7fELF").get().unwrap_err().reason.contains("has not the form"));
        let test = TestRoot::new();
        assert!(permissive_types(&test.root(), "targeted").value().is_none());
        test.directory("/etc/selinux/targeted/policy");
        assert!(permissive_types(&test.root(), "targeted").get().unwrap_err().reason.contains("no policy in"));
        test.sparse(FILE, 1 << 40);
        assert!(permissive_types(&test.root(), "targeted").value().is_none());
    }
}
