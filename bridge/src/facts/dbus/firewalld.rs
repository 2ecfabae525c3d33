// SPDX-License-Identifier: LGPL-2.1-or-later
//! firewalld's zones, as they are now and as they are stored.

use std::collections::HashMap;
use std::time::Duration;

use zbus::{OwnedObjectPath, OwnedVariant};

use super::super::host::{Firewall, Zone};
use super::super::{Fact, Gap};
use super::peer::{Peer, ask};

const SERVICE: &str = "org.fedoraproject.FirewallD1";
const PATH: &str = "/org/fedoraproject/FirewallD1";
const ZONE: &str = "org.fedoraproject.FirewallD1.zone";
const CONFIG_PATH: &str = "/org/fedoraproject/FirewallD1/config";
const CONFIG: &str = "org.fedoraproject.FirewallD1.config";
const CONFIG_ZONE: &str = "org.fedoraproject.FirewallD1.config.zone";

type Settings = HashMap<String, OwnedVariant>;

/// All zones or nothing: a zone that is left out could be the one with the open port.
pub(super) fn read(address: &str, limit: Duration) -> Fact<Firewall> {
    let zones = ask(address, SERVICE, limit, |peer| async move {
        let active: HashMap<String, HashMap<String, Vec<String>>> =
            peer.call(PATH, ZONE, "getActiveZones", &()).await?;
        let mut zones = Vec::new();
        let names: Vec<String> = peer.call(PATH, ZONE, "getZones", &()).await?;
        for name in names {
            zones.push(running(&peer, name).await?);
        }
        let paths: Vec<OwnedObjectPath> = peer.call(CONFIG_PATH, CONFIG, "listZones", &()).await?;
        for path in paths {
            zones.push(stored(&peer, path.as_str()).await?);
        }
        for zone in &mut zones {
            zone.active = active.contains_key(&zone.name);
        }
        zones.sort_by(|one, other| (&one.name, one.permanent).cmp(&(&other.name, other.permanent)));
        Ok(zones)
    });
    zones.map(|zones| Fact::known(format!("{SERVICE}: zones"), Firewall { zones })).into()
}

async fn running(peer: &Peer, name: String) -> Result<Zone, Gap> {
    match peer.call_if_known(PATH, ZONE, "getZoneSettings2", &name).await? {
        Some(settings) => zone(name, settings),
        // firewalld before 0.9 has only single questions, and none for the target of the running zone.
        None => Ok(Zone {
            interfaces: peer.call(PATH, ZONE, "getInterfaces", &name).await?,
            services: peer.call(PATH, ZONE, "getServices", &name).await?,
            ports: ports(peer.call::<_, Vec<Vec<String>>>(PATH, ZONE, "getPorts", &name).await?),
            name,
            ..Zone::default()
        }),
    }
}

async fn stored(peer: &Peer, path: &str) -> Result<Zone, Gap> {
    let name = peer.property(path, CONFIG_ZONE, "name").await?;
    let settings = peer.call(path, CONFIG_ZONE, "getSettings2", &()).await?;
    Ok(Zone { permanent: true, ..zone(name, settings)? })
}

/// A key that is absent has no entries.
fn zone(name: String, mut settings: Settings) -> Result<Zone, Gap> {
    let mut take = |key: &str| settings.remove(key);
    let wrong = |key: &str| Gap::new(SERVICE, format!("firewalld's setting {key} has an unexpected type"));
    let words = |value: Option<OwnedVariant>, key| {
        value.map_or(Ok(Vec::new()), |value| Vec::<String>::try_from(value).map_err(|_| wrong(key)))
    };
    let pairs = take("ports")
        .map_or(Ok(Vec::new()), |value| Vec::<(String, String)>::try_from(value).map_err(|_| wrong("ports")))?;
    Ok(Zone {
        name,
        target: take("target").map_or(Ok(String::new()), |value| value.try_into().map_err(|_| wrong("target")))?,
        interfaces: words(take("interfaces"), "interfaces")?,
        services: words(take("services"), "services")?,
        ports: ports(pairs.into_iter().map(|(port, protocol)| vec![port, protocol]).collect()),
        ..Zone::default()
    })
}

fn ports(pairs: Vec<Vec<String>>) -> Vec<String> {
    pairs.into_iter().map(|pair| pair.join("/")).collect()
}
