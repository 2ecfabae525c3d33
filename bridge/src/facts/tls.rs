// SPDX-License-Identifier: LGPL-2.1-or-later
//! Certificates and keys of libvirt's daemons and of QEMU, where their configuration says that they lie. Of a key only its mode is read.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::host::{ConfFile, ConfValue, Config};
use super::permissions::{self, FileMode};
use super::root::{Root, is_absent};
use super::x509::{self, Certificate};
use super::{Fact, Gap};

/// What QEMU uses TLS for; each may have a directory of its own (`vnc_tls_x509_cert_dir`).
const USES: [&str; 7] = ["vnc", "spice", "rdp", "chardev", "nbd", "migrate", "backup"];

/// The files that exist; one that does not is not in use.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Tls {
    pub certificates: BTreeMap<String, Fact<Vec<Certificate>>>,
    /// Private keys of libvirt's daemons, which run as root.
    pub daemon_keys: BTreeMap<String, Fact<FileMode>>,
    /// Private keys that QEMU reads as a user of its own.
    pub qemu_keys: BTreeMap<String, Fact<FileMode>>,
}

pub(super) fn read(root: &Root, config: &Config) -> Fact<Tls> {
    let mut certificates: BTreeSet<String> =
        ["/etc/pki/CA/cacert.pem", "/etc/pki/libvirt/servercert.pem"].map(str::to_owned).into();
    let mut daemon_keys = BTreeSet::from(["/etc/pki/libvirt/private/serverkey.pem".to_owned()]);
    for conf in ["libvirtd.conf", "virtproxyd.conf"].iter().filter_map(|name| config.daemons.get(*name)?.value()) {
        certificates.extend(["ca_file", "cert_file"].iter().filter_map(|key| text(conf, key)));
        daemon_keys.extend(text(conf, "key_file"));
    }
    let mut directories = BTreeSet::from(["/etc/pki/qemu".to_owned()]);
    directories.extend(USES.iter().map(|name| format!("/etc/pki/libvirt-{name}")));
    if let Some(conf) = config.qemu.value() {
        let keys = USES.iter().copied().chain(["default"]).map(|name| format!("{name}_tls_x509_cert_dir"));
        directories.extend(keys.filter_map(|key| text(conf, &key)));
    }
    let in_directories = |names: &[&str]| {
        let names: Vec<_> = directories
            .iter()
            .flat_map(|directory| names.iter().map(move |name| format!("{directory}/{name}")))
            .collect();
        names
    };
    certificates.extend(in_directories(&["ca-cert.pem", "server-cert.pem", "client-cert.pem"]));
    let qemu_keys = in_directories(&["server-key.pem", "client-key.pem"]);
    let mut tls = Tls::default();
    for path in certificates {
        if let Some(fact) = certificate(root, &path) {
            tls.certificates.insert(path, fact);
        }
    }
    tls.daemon_keys.extend(daemon_keys.into_iter().filter_map(|path| key(root, path)));
    tls.qemu_keys.extend(qemu_keys.into_iter().filter_map(|path| key(root, path)));
    Fact::known("/etc/pki", tls)
}

fn text(conf: &ConfFile, key: &str) -> Option<String> {
    match &conf.settings.get(key)?.value {
        ConfValue::Text(text) => Some(text.trim_end_matches('/').to_owned()),
        _ => None,
    }
}

fn certificate(root: &Root, path: &str) -> Option<Fact<Vec<Certificate>>> {
    match root.read(path) {
        Ok(text) => Some(Fact::known(path, text).and_then(|text| {
            x509::parse_pem(&text).map_err(|problem| format!("{path} could not be read ({problem})"))
        })),
        Err(error) if is_absent(&error) => None,
        Err(error) => Some(Gap::from_io(path, &error).into()),
    }
}

fn key(root: &Root, path: String) -> Option<(String, Fact<FileMode>)> {
    let fact = match permissions::of(root, &path) {
        Ok(mode) => Fact::known(format!("stat {path}"), mode),
        Err(error) if is_absent(&error) => return None,
        Err(error) => Gap::from_io(path.as_str(), &error).into(),
    };
    Some((path, fact))
}

#[cfg(test)]
mod tests {
    use super::super::config;
    use super::super::root::tests::TestRoot;
    use super::*;

    fn read(test: &TestRoot) -> Tls {
        let root = test.root();
        super::read(&root, &config::read(&root)).get().unwrap().clone()
    }

    #[test]
    fn files_lie_where_the_configuration_says() {
        let test = TestRoot::new();
        assert_eq!(read(&test), Tls::default());
        test.file("/etc/libvirt/libvirtd.conf", "ca_file = \"/ca.pem\"\nkey_file='/key.pem'\n")
            .file("/etc/libvirt/qemu.conf", "default_tls_x509_cert_dir = \"/tls/\"\nvnc_tls_x509_cert_dir = 5\n");
        for name in [
            "/ca.pem",
            "/key.pem",
            "/tls/server-cert.pem",
            "/tls/server-key.pem",
            "/etc/pki/libvirt-nbd/client-key.pem",
            "/x.pem",
        ] {
            test.file(name, "SECRET");
        }
        let tls = read(&test);
        assert_eq!(tls.certificates.keys().collect::<Vec<_>>(), ["/ca.pem", "/tls/server-cert.pem"]);
        assert_eq!(tls.daemon_keys.keys().collect::<Vec<_>>(), ["/key.pem"]);
        assert_eq!(
            tls.qemu_keys.keys().collect::<Vec<_>>(),
            ["/etc/pki/libvirt-nbd/client-key.pem", "/tls/server-key.pem"]
        );
        let gap = tls.certificates["/ca.pem"].get().unwrap_err();
        assert_eq!(gap.reason, "/ca.pem could not be read (there is no certificate in it)");
        assert!(!serde_json::to_string(&tls).unwrap().contains("SECRET"));
    }

    #[test]
    fn what_holds_an_audit_up_or_is_huge_is_a_gap() {
        let test = TestRoot::new();
        test.fifo("/etc/pki/CA/cacert.pem").sparse("/etc/pki/qemu/ca-cert.pem", 1 << 40);
        let tls = read(&test);
        assert!(tls.certificates.len() == 2 && tls.certificates.values().all(|fact| fact.value().is_none()));
    }
}
