// SPDX-License-Identifier: LGPL-2.1-or-later
//! The dnsmasq processes of libvirt's networks, by the pid files that libvirt keeps of them.

use serde::{Deserialize, Serialize};

use super::root::{Root, is_absent};
use super::{Fact, Gap, process};

const DIRECTORY: &str = "/run/libvirt/network";
const PROCESS_LIMIT: usize = 256;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Dnsmasq {
    /// libvirt's name for the network.
    pub network: String,
    pub pid: u32,
    /// Its effective user.
    pub uid: Fact<u32>,
    /// `None` when no security module labels processes.
    pub label: Fact<Option<String>>,
}

/// The process that answers guests. A second one that dnsmasq keeps as root to run libvirt's script is not looked at.
pub(super) fn read(root: &Root) -> Fact<Vec<Dnsmasq>> {
    let names = match root.list(DIRECTORY) {
        Ok(names) => names,
        Err(error) if is_absent(&error) => Vec::new(),
        Err(error) => return Gap::from_io(DIRECTORY, &error).into(),
    };
    let mut found = Vec::new();
    for network in names.iter().filter_map(|name| name.strip_suffix(".pid")).take(PROCESS_LIMIT) {
        let path = format!("{DIRECTORY}/{network}.pid");
        let pid = match root.read(&path) {
            Ok(text) => text.trim().parse::<u32>().ok(),
            Err(error) if is_absent(&error) => None,
            Err(error) => return Gap::from_io(path, &error).into(),
        };
        let process = pid.and_then(|pid| Some((pid, root.inside(&format!("/proc/{pid}")).ok()?)));
        // A pid file outlives its process, and the number may be another's by now.
        if let Some((pid, process)) = process
            && process.read("comm").is_ok_and(|name| name.trim_end() == "dnsmasq")
        {
            let network = network.to_owned();
            found.push(Dnsmasq {
                network,
                pid,
                uid: uid(&process, pid),
                label: process::label(&process, format!("/proc/{pid}/attr/current")),
            });
        }
    }
    Fact::known(DIRECTORY, found)
}

fn uid(process: &Root, pid: u32) -> Fact<u32> {
    let origin = format!("/proc/{pid}/status");
    let status = match process.read("status") {
        Ok(status) => status,
        Err(error) => return Gap::from_io(origin, &error).into(),
    };
    let uid = status.lines().find_map(|line| line.strip_prefix("Uid:")?.split_whitespace().nth(1)?.parse().ok());
    match uid {
        Some(uid) => Fact::known(origin, uid),
        None => Fact::missing(origin, "the user ids are not four numbers"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::root::tests::TestRoot;
    use super::*;

    #[test]
    fn processes_by_their_pid_files() {
        let test = TestRoot::new();
        assert!(read(&test.root()).get().unwrap().is_empty());
        test.file("/run/libvirt/network/default.pid", "12\n")
            .file("/run/libvirt/network/other.pid", "13\n")
            .file("/run/libvirt/network/old.pid", "14\n")
            .file("/run/libvirt/network/bad.pid", "../12\n")
            .file("/run/libvirt/network/default.xml", "12\n")
            .file("/proc/12/comm", "dnsmasq\n")
            .file("/proc/12/status", "Name:\tdnsmasq\nUid:\t0\t997\t997\t997\n")
            .file("/proc/12/attr/current", "system_u:system_r:dnsmasq_t:s0\0")
            .file("/proc/13/comm", "bash\n");
        let read = read(&test.root()).get().unwrap().clone();
        assert_eq!(read.len(), 1);
        assert_eq!((read[0].network.as_str(), read[0].pid, read[0].uid.get()), ("default", 12, Ok(&997)));
        assert_eq!(read[0].label.get().unwrap().as_deref(), Some("system_u:system_r:dnsmasq_t:s0"));
    }

    #[test]
    fn nonsense_is_a_gap() {
        let test = TestRoot::new();
        test.file("/run/libvirt/network/a.pid", "12")
            .file("/proc/12/comm", "dnsmasq")
            .file("/proc/12/status", "Uid:\tx\n");
        assert!(read(&test.root()).get().unwrap()[0].uid.value().is_none());
        test.fifo("/run/libvirt/network/b.pid");
        assert!(read(&test.root()).value().is_none());
    }
}
