// SPDX-License-Identifier: LGPL-2.1-or-later
//! Storage pools, the names of their volumes, and secrets, as libvirt lists them. Of a secret only its flags are asked for.

use std::collections::BTreeMap;
use std::sync::mpsc::{self, Receiver};
use std::time::{Duration, Instant};

use roxmltree::{Document, Node};
use serde::{Deserialize, Serialize};
use virt::connect::Connect;
use virt::error::Error;
use virt::storage_pool::StoragePool;

use super::{Fact, Gap, Libvirt, libvirt};

const POOLS: &str = "virsh pool-list --all";
const SECRETS: &str = "virsh secret-list";
/// libvirt's storage and secret daemons may be other ones than the one that has the VMs, and hang alone.
const DEADLINE: Duration = Duration::from_secs(10);
/// More pools or secrets than this are not asked about one by one.
const LIMIT: usize = 10_000;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Pool {
    /// `dir`, `netfs`, `logical`, `iscsi`, `rbd` …
    pub kind: String,
    pub active: bool,
    /// Directory of its volumes.
    pub path: Option<String>,
    /// `/pool/source/auth/@type`: `chap`, `ceph`.
    pub auth: Option<String>,
    /// In bytes, as libvirt last saw it.
    pub capacity: u64,
    /// Name to path or, where libvirt has none, another name that is unique. Empty while the pool is not active.
    pub volumes: BTreeMap<String, String>,
}

impl Pool {
    /// Whether its volumes are files in a directory.
    pub fn has_files(&self) -> bool {
        matches!(self.kind.as_str(), "dir" | "fs" | "netfs" | "vstorage")
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Secret {
    /// `volume`, `ceph`, `iscsi`, `tls`, `vtpm`; empty without a usage.
    pub usage: String,
    pub private: bool,
    pub ephemeral: bool,
}

/// UUID to flags.
pub type Secrets = BTreeMap<String, Secret>;

/// Name to pool.
pub type Pools = BTreeMap<String, Pool>;

/// An answer that is on its way, and until when it is waited for.
pub struct Pending(Receiver<(Fact<Pools>, Fact<Secrets>)>, Instant);

/// Asks in a thread of its own, which stays behind if libvirt never answers.
pub fn start(connection: &Connect) -> Pending {
    let connection = connection.clone();
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let answer = (pools(&connection), secrets(&connection));
        // Nobody listens any more after the deadline.
        let _ = sender.send(answer);
    });
    Pending(receiver, Instant::now() + DEADLINE)
}

impl Pending {
    pub fn finish(self, libvirt: &mut Libvirt) {
        let reason = || format!("libvirt did not answer within {} seconds", DEADLINE.as_secs());
        let answer = self.0.recv_timeout(self.1.saturating_duration_since(Instant::now()));
        (libvirt.pools, libvirt.secrets) =
            answer.unwrap_or_else(|_| (Fact::missing(POOLS, reason()), Fact::missing(SECRETS, reason())));
    }
}

impl Libvirt {
    /// Where a volume lies that a definition names by pool and name.
    pub fn volume(&self, pool: &str, name: &str) -> Result<&str, Gap> {
        let gap = |reason| Gap::new(format!("virsh vol-path --pool {pool} {name}"), reason);
        let pools = self.pools.get()?;
        let pool = pools.get(pool).ok_or_else(|| gap(format!("libvirt has no pool {pool}")))?;
        let path =
            pool.volumes.get(name).ok_or_else(|| gap(format!("the pool has no volume {name}, or is not active")))?;
        Ok(path)
    }
}

fn pools(connection: &Connect) -> Fact<Pools> {
    let read = || {
        let mut pools = BTreeMap::new();
        for (flag, active) in [
            (virt_sys::VIR_CONNECT_LIST_STORAGE_POOLS_ACTIVE, true),
            (virt_sys::VIR_CONNECT_LIST_STORAGE_POOLS_INACTIVE, false),
        ] {
            for pool in connection.list_all_storage_pools(flag)?.iter().take(LIMIT) {
                // One that went away meanwhile is none.
                if let Ok((name, pool)) = read_pool(pool, active) {
                    pools.insert(name, pool);
                }
            }
        }
        Ok::<_, Error>(pools)
    };
    match read() {
        Ok(pools) => Fact::known(POOLS, pools),
        Err(error) => libvirt::gap(POOLS, &error).into(),
    }
}

fn read_pool(handle: &StoragePool, active: bool) -> Result<(String, Pool), Error> {
    let mut pool = parse_pool(&handle.xml_desc(0)?);
    pool.active = active;
    if active {
        for volume in handle.list_all_volumes(0)? {
            let (name, key) = (volume.name()?, volume.key()?);
            // The key of a file is its path. Others have a path in the pool's directory.
            let path = match &pool.path {
                Some(directory) if !key.starts_with('/') => format!("{directory}/{name}"),
                _ => key,
            };
            pool.volumes.insert(name, path);
        }
    }
    Ok((handle.name()?, pool))
}

/// The first element at a path below a node.
pub(super) fn child<'a, 'i>(node: Node<'a, 'i>, path: &str) -> Option<Node<'a, 'i>> {
    path.split('/').try_fold(node, |node, name| node.children().find(|child| child.has_tag_name(name)))
}

pub(super) fn parse_pool(xml: &str) -> Pool {
    let Ok(document) = Document::parse(xml) else { return Pool::default() };
    let root = document.root_element();
    let text = |path: &str| child(root, path).and_then(|node| node.text()).map(|text| text.trim().to_owned());
    Pool {
        kind: root.attribute("type").unwrap_or_default().to_owned(),
        path: text("target/path").filter(|path| path.starts_with('/')),
        auth: child(root, "source/auth").and_then(|auth| auth.attribute("type")).map(str::to_owned),
        capacity: text("capacity").and_then(|bytes| bytes.parse().ok()).unwrap_or_default(),
        ..Pool::default()
    }
}

fn secrets(connection: &Connect) -> Fact<Secrets> {
    let read = || {
        let mut secrets = BTreeMap::new();
        for secret in connection.list_all_secrets(0)?.iter().take(LIMIT) {
            if let (Ok(uuid), Ok(xml)) = (secret.uuid_string(), secret.xml_desc(0)) {
                secrets.insert(uuid, parse_secret(&xml));
            }
        }
        Ok::<_, Error>(secrets)
    };
    match read() {
        Ok(secrets) => Fact::known(SECRETS, secrets),
        Err(error) => libvirt::gap(SECRETS, &error).into(),
    }
}

pub(super) fn parse_secret(xml: &str) -> Secret {
    let Ok(document) = Document::parse(xml) else { return Secret::default() };
    let root = document.root_element();
    Secret {
        usage: child(root, "usage").and_then(|usage| usage.attribute("type")).unwrap_or_default().to_owned(),
        private: root.attribute("private") == Some("yes"),
        ephemeral: root.attribute("ephemeral") == Some("yes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_pool() {
        let pool = parse_pool(
            "<pool type='dir'><name>default</name><capacity unit='bytes'>1000</capacity>\
             <target><path>/var/lib/libvirt/images</path><permissions><mode>0711</mode></permissions></target></pool>",
        );
        assert_eq!((pool.kind.as_str(), pool.capacity, pool.auth.as_deref()), ("dir", 1000, None));
        assert_eq!(pool.path.as_deref(), Some("/var/lib/libvirt/images"));
        assert!(pool.has_files());
    }

    #[test]
    fn a_network_pool_with_authentication() {
        let pool = parse_pool(
            "<pool type='rbd'><source><auth type='ceph' username='libvirt'><secret usage='x'/></auth></source></pool>",
        );
        assert_eq!((pool.auth.as_deref(), pool.path, pool.kind.as_str()), (Some("ceph"), None, "rbd"));
    }

    #[test]
    fn flags_of_a_secret() {
        let secret = parse_secret("<secret ephemeral='no' private='yes'><usage type='vtpm'/></secret>");
        assert_eq!(secret, Secret { usage: "vtpm".to_owned(), private: true, ephemeral: false });
        assert_eq!(parse_secret("garbage"), Secret::default());
        assert_eq!(parse_pool("<pool"), Pool::default());
    }

    #[test]
    fn libvirts_test_driver_has_a_pool_and_no_secrets() {
        virt::error::clear_error_callback();
        let connection = Connect::open_read_only(Some("test:///default")).unwrap();
        let mut libvirt = Libvirt::default();
        start(&connection).finish(&mut libvirt);
        let pools = libvirt.pools.get().unwrap();
        assert!(pools["default-pool"].active && pools["default-pool"].path.is_some(), "{pools:?}");
        assert_eq!(libvirt.secrets.get().unwrap_err().reason, "this libvirt driver does not report it");
    }

    #[test]
    fn a_volume_lies_where_its_pool_says() {
        let volumes = BTreeMap::from([("a.img".to_owned(), "/images/a.img".to_owned())]);
        let pools = BTreeMap::from([("default".to_owned(), Pool { volumes, ..Pool::default() })]);
        let libvirt = Libvirt { pools: Fact::known(POOLS, pools), ..Libvirt::default() };
        assert_eq!(libvirt.volume("default", "a.img").unwrap(), "/images/a.img");
        assert_eq!(libvirt.volume("other", "a.img").unwrap_err().reason, "libvirt has no pool other");
        assert!(libvirt.volume("default", "b.img").unwrap_err().reason.contains("no volume b.img"));
        assert!(Libvirt::default().volume("default", "a.img").is_err());
    }
}
