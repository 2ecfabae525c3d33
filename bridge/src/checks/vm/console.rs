// SPDX-License-Identifier: LGPL-2.1-or-later
//! Where a VM's graphical consoles listen, as libvirt decides it from the definition and qemu.conf.

use std::borrow::Cow;
use std::net::IpAddr;

use roxmltree::Node;

use crate::checks::domain::children;
use crate::checks::{Domain, Evidence};
use crate::facts::host::{ConfFile, ConfValue};
use crate::facts::{Facts, Gap};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::checks) enum Protocol {
    Vnc,
    Spice,
    Rdp,
}

impl Protocol {
    fn name(self) -> &'static str {
        match self {
            Self::Vnc => "VNC",
            Self::Spice => "SPICE",
            Self::Rdp => "RDP",
        }
    }

    /// How its keys in qemu.conf begin.
    fn prefix(self) -> &'static str {
        match self {
            Self::Vnc => "vnc",
            Self::Spice => "spice",
            Self::Rdp => "rdp",
        }
    }
}

/// One `<graphics>` that can serve a network. The other types are windows on the host's own screen, or none at all.
pub(in crate::checks) struct Console<'a, 'i> {
    /// Its place among all `<graphics>`, from 0.
    pub(super) index: usize,
    pub(in crate::checks) protocol: Protocol,
    pub(super) node: Node<'a, 'i>,
}

/// An address of the network that a console listens on, and where that is said.
pub(in crate::checks) struct Exposed<'a, 'i> {
    pub(in crate::checks) address: &'a str,
    said: Said<'a, 'i>,
}

/// A node's path is made only when a message needs it: making it for each of ten thousand consoles takes too long.
enum Said<'a, 'i> {
    Definition(Node<'a, 'i>, &'static str),
    /// A key of qemu.conf.
    Config(&'a ConfFile, String),
}

impl Exposed<'_, '_> {
    pub(in crate::checks) fn key(&self) -> Option<&str> {
        match &self.said {
            Said::Definition(..) => None,
            Said::Config(_, key) => Some(key),
        }
    }

    pub(in crate::checks) fn evidence(&self, domain: &Domain) -> Evidence {
        match &self.said {
            Said::Definition(node, attribute) => domain.evidence(*node, attribute),
            Said::Config(conf, key) => evidence(conf, key),
        }
    }
}

pub(in crate::checks) fn consoles<'b, 'i>(domain: &'b Domain<'i>) -> impl Iterator<Item = Console<'b, 'i>> {
    domain.devices("graphics").enumerate().filter_map(|(index, node)| {
        let protocol = match node.attribute("type")? {
            "vnc" => Protocol::Vnc,
            "spice" => Protocol::Spice,
            "rdp" => Protocol::Rdp,
            _ => return None,
        };
        Some(Console { index, protocol, node })
    })
}

impl<'a, 'i> Console<'a, 'i> {
    /// As a message names it.
    pub(super) fn name(&self) -> String {
        format!("{} console (graphics {})", self.protocol.name(), self.index + 1)
    }

    pub(super) fn path(&self, domain: &Domain) -> String {
        domain.path(self.node)
    }

    /// The first address that is reachable from elsewhere; `None` when there is none.
    pub(in crate::checks) fn exposed(&self, facts: &'a Facts) -> Result<Option<Exposed<'a, 'i>>, Gap> {
        if !self.has_port() {
            return Ok(None);
        }
        let mut listens = children(self.node, "listen").peekable();
        if listens.peek().is_none() {
            if let Some(address) = self.node.attribute("listen").filter(|address| !address.is_empty()) {
                return Ok(exposed(address, Said::Definition(self.node, "listen")));
            }
            // The old form of a VNC server on a Unix socket.
            return if self.node.attribute("socket").is_some() { Ok(None) } else { self.default_address(facts) };
        }
        for listen in listens {
            let address = listen.attribute("address").filter(|address| !address.is_empty());
            let found = match (listen.attribute("type"), address) {
                (Some("socket" | "none"), _) => None,
                (_, Some(address)) => exposed(address, Said::Definition(listen, "address")),
                (Some("network"), None) => {
                    let network = listen.attribute("network").unwrap_or("");
                    let reason = format!("the address of the network {network} was not read");
                    return Err(Gap::new(format!("virsh net-dumpxml {network}"), reason));
                }
                (_, None) => self.default_address(facts)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// SPICE without any port serves libvirt's own clients only. The other protocols always get a port.
    fn has_port(&self) -> bool {
        let given = |name| self.node.attribute(name).is_some_and(|port| port != "0");
        self.protocol != Protocol::Spice || self.is_autoport() || given("port") || given("tlsPort")
    }

    fn is_autoport(&self) -> bool {
        self.node.attribute("autoport") == Some("yes") || self.node.attribute("port") == Some("-1")
    }

    /// Its ports, where they are known: a port that libvirt chooses stands in the running definition only. `tls`: it may have one for TLS.
    pub(super) fn ports(&self, domain: &Domain, tls: bool) -> Vec<u16> {
        if self.is_autoport() && !domain.is_live() {
            return Vec::new();
        }
        let names: &[&str] = if tls && self.protocol == Protocol::Spice { &["port", "tlsPort"] } else { &["port"] };
        let known = names.iter().filter_map(|name| self.node.attribute(*name)?.parse().ok());
        known.filter(|port| *port != 0).collect()
    }

    /// Where libvirt lets it listen when the definition does not say.
    fn default_address(&self, facts: &'a Facts) -> Result<Option<Exposed<'a, 'i>>, Gap> {
        let conf = facts.host.config.qemu.get()?;
        if is_on(conf, &self.key("auto_unix_socket")) {
            return Ok(None);
        }
        let key = self.key("listen");
        // The built-in default is 127.0.0.1.
        let Some(ConfValue::Text(address)) = conf.settings.get(&key).map(|setting| &setting.value) else {
            return Ok(None);
        };
        Ok(exposed(address, Said::Config(conf, key)))
    }

    /// Whether a client can use TLS, with the key that says so.
    pub(super) fn tls(&self, facts: &Facts) -> Result<(bool, Option<Evidence>), Gap> {
        if self.protocol == Protocol::Rdp {
            return Ok((true, None));
        }
        // SPICE has a port of its own for TLS, and a definition may forbid its use.
        let offers = self.protocol != Protocol::Spice
            || self.node.attribute("defaultMode") != Some("insecure")
                && (self.is_autoport() || self.node.attribute("tlsPort").is_some_and(|port| port != "0"));
        let conf = facts.host.config.qemu.get()?;
        let key = self.key("tls");
        Ok((offers && is_on(conf, &key), Some(evidence(conf, &key))))
    }

    /// Whether it takes clients without TLS although it can do TLS.
    pub(super) fn is_plain_too(&self) -> bool {
        let plain_port = self.is_autoport() || self.node.attribute("port").is_some_and(|port| port != "0");
        self.protocol == Protocol::Spice && plain_port && self.node.attribute("defaultMode") != Some("secure")
    }

    /// What asks for a login where the definition has no password.
    pub(super) fn default_login(&self, facts: &Facts) -> Result<Login, Gap> {
        let conf = facts.host.config.qemu.get()?;
        let sasl = self.key("sasl");
        if is_on(conf, &sasl) {
            return Ok(Login::Sasl(evidence(conf, &sasl)));
        }
        let key = self.key("password");
        let shown = evidence(conf, &key);
        Ok(match conf.settings.get(&key).map(|setting| &setting.value) {
            // QEMU refuses every client then.
            Some(ConfValue::Secret { empty: true, .. }) if self.protocol == Protocol::Vnc => Login::Nobody(shown),
            None | Some(ConfValue::Secret { empty: true, .. }) => Login::None(shown),
            Some(_) => Login::Password(shown),
        })
    }

    fn key(&self, name: &str) -> String {
        format!("{}_{name}", self.protocol.prefix())
    }
}

/// How a console that has no password of its own lets clients in.
pub(super) enum Login {
    None(Evidence),
    Nobody(Evidence),
    Password(Evidence),
    Sasl(Evidence),
}

fn exposed<'a, 'i>(address: &'a str, said: Said<'a, 'i>) -> Option<Exposed<'a, 'i>> {
    (!is_loopback(address)).then_some(Exposed { address, said })
}

pub(in crate::checks) fn is_loopback(address: &str) -> bool {
    let plain = address.trim_start_matches('[').trim_end_matches(']');
    match plain.parse::<IpAddr>() {
        Ok(address) => address.to_canonical().is_loopback(),
        Err(_) => matches!(plain, "localhost" | "localhost.localdomain" | "localhost6" | "ip6-localhost"),
    }
}

fn is_on(conf: &ConfFile, key: &str) -> bool {
    conf.settings.get(key).is_some_and(|setting| matches!(setting.value, ConfValue::Integer(number) if number != 0))
}

fn evidence(conf: &ConfFile, key: &str) -> Evidence {
    let value: Cow<str> = match conf.settings.get(key).map(|setting| &setting.value) {
        None => "(not set)".into(),
        Some(ConfValue::Integer(number)) => number.to_string().into(),
        Some(ConfValue::Text(text)) => text.into(),
        Some(ConfValue::List(list)) => list.join(", ").into(),
        Some(ConfValue::Secret { .. }) => "(set, not recorded)".into(),
    };
    Evidence { origin: format!("{}: {key}", conf.path), value: value.into_owned() }
}
