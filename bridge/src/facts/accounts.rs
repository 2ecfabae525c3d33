// SPDX-License-Identifier: LGPL-2.1-or-later
//! Local groups and who is in them.

use std::collections::BTreeMap;

use super::Fact;
use super::access::User;
use super::host::Group;
use super::root::Root;

/// The users of `/etc/passwd`. Of two of one name the first counts, as for the C library.
pub(super) fn users(root: &Root) -> Fact<BTreeMap<String, User>> {
    root.fact("/etc/passwd").map(|text| {
        let mut users = BTreeMap::new();
        for line in text.lines() {
            if let [name, _, uid, gid, _, home, ..] = line.split(':').collect::<Vec<_>>()[..]
                && let (Ok(uid), Ok(gid)) = (uid.parse(), gid.parse())
            {
                users.entry(name.to_owned()).or_insert_with(|| User { uid, gid, home: home.to_owned() });
            }
        }
        users
    })
}

/// The groups of `/etc/group`, each with the users it lists and those of `/etc/passwd` whose primary group it is.
pub(super) fn groups(root: &Root) -> Fact<Vec<Group>> {
    let users = match root.fact("/etc/passwd") {
        Fact::Known { value, .. } => value,
        Fact::Missing(gap) => return gap.into(),
    };
    let mut primary: BTreeMap<u32, Vec<&str>> = BTreeMap::new();
    for line in users.lines() {
        if let [name, _, _, gid, ..] = line.split(':').collect::<Vec<_>>()[..]
            && let Ok(gid) = gid.parse()
        {
            primary.entry(gid).or_default().push(name);
        }
    }
    root.fact("/etc/group").map(|text| text.lines().filter_map(|line| group(line, &primary)).collect())
}

/// A line that is not of the form `name:password:gid:members` is skipped, as the C library does.
fn group(line: &str, primary: &BTreeMap<u32, Vec<&str>>) -> Option<Group> {
    let [name, _, gid, members] = line.splitn(4, ':').collect::<Vec<_>>()[..] else { return None };
    let gid = gid.parse().ok()?;
    let listed = members.split(',').map(str::trim).filter(|member| !member.is_empty());
    let mut members: Vec<String> =
        listed.chain(primary.get(&gid).into_iter().flatten().copied()).map(str::to_owned).collect();
    members.sort();
    members.dedup();
    Some(Group { name: name.to_owned(), gid, members })
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn members_are_listed_and_primary_ones() {
        let test = TestRoot::new();
        test.file("/etc/passwd", "root:x:0:0:root:/root:/bin/sh\neve:x:1000:110::/home/eve:/bin/sh\n#x\nbad:x:1:y\n")
            .file("/etc/group", "root:x:0:\nlibvirt:x:110:zoe,ann,ann\n+::\nbroken\nhuge:x:99999999999:a\n");
        let fact = groups(&test.root());
        assert_eq!(fact.origin(), "/etc/group");
        let groups = fact.get().unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[0], Group { name: "root".to_owned(), gid: 0, members: vec!["root".to_owned()] });
        assert_eq!(groups[1].members, ["ann", "eve", "zoe"]);
    }

    #[test]
    fn without_either_file_nothing_is_known() {
        let test = TestRoot::new();
        test.file("/etc/group", "libvirt:x:110:zoe\n");
        assert!(groups(&test.root()).value().is_none());
        test.file("/etc/passwd", "");
        assert_eq!(groups(&test.root()).get().unwrap()[0].members, ["zoe"]);
    }

    #[test]
    fn many_lines_are_read_in_linear_time() {
        let lines = |count: u32, line: fn(u32) -> String| (0..count).map(line).collect::<Vec<_>>().join("\n");
        let test = TestRoot::new();
        test.file("/etc/passwd", lines(50_000, |n| format!("u{n}:x:{n}:{n}:::")))
            .file("/etc/group", lines(100_000, |n| format!("g{n}:x:{n}:a,b")));
        let groups = groups(&test.root());
        assert_eq!(groups.get().unwrap().len(), 100_000);
        assert_eq!(groups.get().unwrap()[7].members, ["a", "b", "u7"]);
    }
}
