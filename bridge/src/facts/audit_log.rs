// SPDX-License-Identifier: LGPL-2.1-or-later
//! What SELinux denied to QEMU lately, from the end of the audit log.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::root::Root;
use super::{Fact, Gap};

const LOG: &str = "/var/log/audit/audit.log";
/// So much of its end is read.
const TAIL: u64 = 4 << 20;
/// Denials within so many seconds before the log's last record count as recent.
const RECENT: u64 = 7 * 24 * 3600;
/// Kinds of denials that are kept; a guest that breaks out may cause any number.
const KINDS: usize = 50;
const TEXT: usize = 120;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Denials {
    /// All that are recent, in the part of the log that was read.
    pub count: u64,
    /// Equal ones together, from the most frequent one.
    pub kinds: Vec<Denial>,
    /// The part that was read does not reach back over the whole time.
    pub cut: bool,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(default)]
pub struct Denial {
    pub count: u64,
    /// `svirt_t`.
    pub domain: String,
    /// `read write`.
    pub permissions: String,
    /// Type of what it wanted: `user_home_t`.
    pub target: String,
    pub class: String,
    /// The last name that was given for it, if any.
    pub name: String,
}

pub(super) fn read(root: &Root) -> Fact<Denials> {
    match root.read_end(LOG, TAIL) {
        Ok((bytes, cut)) => Fact::known(LOG, denials(&String::from_utf8_lossy(&bytes), cut)),
        Err(error) => Gap::from_io(LOG, &error).into(),
    }
}

fn denials(text: &str, cut: bool) -> Denials {
    let last = text.lines().rev().find_map(time).unwrap_or_default();
    let since = last.saturating_sub(RECENT);
    let mut kinds: BTreeMap<Denial, (u64, String)> = BTreeMap::new();
    let mut count = 0_u64;
    for line in text.lines().filter(|line| line.starts_with("type=AVC ")) {
        if time(line).is_none_or(|time| time < since) {
            continue;
        }
        let Some((kind, name)) = denial(line) else { continue };
        count += 1;
        if kinds.len() < KINDS || kinds.contains_key(&kind) {
            let seen = kinds.entry(kind).or_default();
            *seen = (seen.0 + 1, name);
        }
    }
    let mut kinds: Vec<Denial> =
        kinds.into_iter().map(|(kind, (count, name))| Denial { count, name, ..kind }).collect();
    kinds.sort_by(|one, other| other.count.cmp(&one.count).then_with(|| one.cmp(other)));
    Denials { count, kinds, cut: cut && text.lines().find_map(time).is_some_and(|first| first > since) }
}

/// `type=AVC msg=audit(1700000000.123:456): …`, in seconds.
fn time(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once("msg=audit(")?;
    rest.split(['.', ':']).next()?.parse().ok()
}

/// The kernel's own record of a denial in a domain of sVirt or of its TPMs.
fn denial(line: &str) -> Option<(Denial, String)> {
    let line = line.strip_prefix("type=AVC ")?;
    let (_, rest) = line.split_once("avc:  denied  {")?;
    let (permissions, fields) = rest.split_once('}')?;
    let field = |name: &str| fields.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    let of_type = |name: &str| field(name)?.split(':').nth(2).map(short);
    let domain = of_type("scontext")?;
    if !(domain.starts_with("svirt") || domain == "swtpm_t") {
        return None;
    }
    let name = field("path").or_else(|| field("name")).unwrap_or_default();
    let kind = Denial {
        domain,
        permissions: short(permissions.trim()),
        target: of_type("tcontext")?,
        class: short(field("tclass")?),
        ..Denial::default()
    };
    Some((kind, short(name.trim_matches('"'))))
}

fn short(text: &str) -> String {
    text.chars().take(TEXT).collect()
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    fn line(time: u64, domain: &str, name: &str) -> String {
        format!(
            "type=AVC msg=audit({time}.123:456): avc:  denied  {{ read write }} for  pid=42 comm=\"qemu-kvm\" {name} dev=\"dm-0\" \
             ino=7 scontext=system_u:system_r:{domain}:s0:c1,c2 tcontext=unconfined_u:object_r:user_home_t:s0 tclass=file permissive=0\n"
        )
    }

    #[test]
    fn recent_denials_of_svirt_are_counted_by_kind() {
        let test = TestRoot::new();
        let now = 1_700_000_000;
        let log = [
            line(now - RECENT - 1, "svirt_t", "name=\"old\""),
            line(now - RECENT, "svirt_t", "name=\"a.img\""),
            line(now - 5, "httpd_t", "name=\"x\""),
            line(now - 4, "svirt_t", "name=\"b.img\""),
            line(now - 3, "swtpm_t", "path=\"/tmp/x\""),
            format!("type=USER_AVC msg=audit({now}.1:2): avc:  denied  {{ x }} scontext=a:b:svirt_t:s0\n"),
            format!("type=SYSCALL msg=audit({now}.2:3): arch=c000003e\n"),
        ];
        test.file(LOG, log.concat());
        let fact = read(&test.root());
        let denials = fact.get().unwrap();
        let kind = |count, domain: &str, name: &str| Denial {
            count,
            domain: domain.to_owned(),
            permissions: "read write".to_owned(),
            target: "user_home_t".to_owned(),
            class: "file".to_owned(),
            name: name.to_owned(),
        };
        assert_eq!(denials.count, 3);
        assert_eq!(denials.kinds, [kind(2, "svirt_t", "b.img"), kind(1, "swtpm_t", "/tmp/x")]);
        assert!(!denials.cut);
    }

    #[test]
    fn of_a_long_log_the_end_is_read() {
        let test = TestRoot::new();
        let filler = format!("type=LOGIN msg=audit(1700000000.0:1): {}\n", "x".repeat(1000));
        test.file(
            LOG,
            line(1_700_000_000, "svirt_t", "name=\"first\"")
                + &filler.repeat(5000)
                + &line(1_700_000_001, "svirt_t", "name=\"last\""),
        );
        let fact = read(&test.root());
        let denials = fact.get().unwrap();
        assert_eq!((denials.count, denials.kinds[0].name.as_str(), denials.cut), (1, "last", true));
    }

    #[test]
    fn absent_and_hostile_logs() {
        assert!(read(&TestRoot::new().root()).value().is_none());
        let test = TestRoot::new();
        let hostile = (0..1000).map(|n| line(5, &format!("svirt{n}_t"), &"y".repeat(9999))).collect::<String>();
        test.file(LOG, [b"\xff\0avc:  denied  {}}{\ntype=AVC avc:  denied  {\n", hostile.as_bytes()].concat());
        let fact = read(&test.root());
        let denials = fact.get().unwrap();
        assert_eq!(denials.kinds.len(), KINDS);
        assert!(denials.kinds.iter().all(|kind| kind.name.len() <= TEXT));
        test.file(LOG, "");
        assert_eq!(read(&test.root()).get().unwrap(), &Denials::default());
    }
}
