// SPDX-License-Identifier: LGPL-2.1-or-later
//! What libvirt says: its own documents, and each VM's state, definitions, labels and taints.
//!
//! The connection is read-only. Only the question whether a console has a password, that for domain capabilities, and those to guests need
//! a second, read-write one.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use virt::connect::Connect;
use virt::domain::{Domain, DomainState};
use virt::enumutil::Enum;
use virt::error::{Error, ErrorNumber};

use super::vm::GraphicsPasswords;
use super::{
    Fact, Gap, Libvirt, Link, State, Vm, capabilities, domain_features, guest, libvirt_sys, networks, nwfilters, redact,
};

/// Calls under way at once. libvirtd answers up to five of one client side by side (`max_client_requests`).
const CALLS: usize = 4;

/// Which libvirt: a connection's name, as Cockpit says it, or a URI.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// `system`, `session`, or the URI as given.
    pub connection: String,
    pub uri: String,
}

impl Target {
    pub fn new(connection: &str) -> Self {
        let (connection, uri) = match connection {
            "system" | "qemu:///system" => ("system", "qemu:///system"),
            "session" | "qemu:///session" => ("session", "qemu:///session"),
            uri => (uri, uri),
        };
        Self { connection: connection.to_owned(), uri: uri.to_owned() }
    }

    /// Whether the URI names another machine, so that this host's files say nothing about those VMs.
    pub fn is_remote(&self) -> bool {
        let authority = self.uri.split_once("://").map_or("", |(_, rest)| rest);
        !authority.is_empty() && !authority.starts_with('/') && !authority.starts_with('?')
    }

    /// The socket that libvirt's client tries, for messages.
    fn socket(&self) -> &'static str {
        match self.uri.as_str() {
            "qemu:///session" => {
                " (sockets libvirt/libvirt-sock and libvirt/virtqemud-sock of the user's run directory)"
            }
            "qemu:///system" => " (sockets /run/libvirt/virtqemud-sock-ro and /run/libvirt/libvirt-sock-ro)",
            _ => "",
        }
    }
}

/// Opens a read-only connection; the error says whether libvirt refused or was not there.
pub fn open(target: &Target) -> Result<Connect, Link> {
    // libvirt's default handler prints every error.
    virt::error::clear_error_callback();
    Connect::open_read_only(Some(&target.uri)).map_err(|error| link_error(target, &error))
}

/// How a failed call on the connection looks from outside.
pub fn link_error(target: &Target, error: &Error) -> Link {
    let refused = matches!(
        error.code(),
        Enum::Known(
            ErrorNumber::AuthFailed
                | ErrorNumber::AuthCancelled
                | ErrorNumber::AuthUnavailable
                | ErrorNumber::AccessDenied
                | ErrorNumber::OperationDenied
        )
    ) || error.message().contains("Permission denied");
    let said = error.message().trim();
    if refused {
        Link::Denied { message: format!("libvirt refused the connection to {}: {said}", target.uri) }
    } else {
        Link::Unreachable { message: format!("libvirt did not answer at {}{}: {said}", target.uri, target.socket()) }
    }
}

/// libvirt's documents about the host.
pub fn read_host(target: &Target, connection: &Connect) -> Libvirt {
    let capabilities = match connection.capabilities() {
        Ok(xml) => Fact::known("virConnectGetCapabilities", xml),
        Err(error) => gap("virConnectGetCapabilities", &error).into(),
    };
    let domain_capabilities = domain_capabilities(target, connection);
    let parsed = capabilities.clone().and_then(|xml| capabilities::host(&xml));
    let (security_models, machine_types) = match parsed {
        Fact::Known { value, .. } => (
            Fact::known("virConnectGetCapabilities: /capabilities/host/secmodel/model", value.security_models),
            Fact::known("virsh capabilities: /capabilities/guest/arch/machine", value.machine_types),
        ),
        Fact::Missing(gap) => (gap.clone().into(), gap.into()),
    };
    let domain_features = domain_features::read(&domain_capabilities);
    let device_kinds = capabilities::devices(&domain_capabilities);
    Libvirt {
        link: Link::Connected,
        connection: target.connection.clone(),
        uri: target.uri.clone(),
        capabilities,
        domain_capabilities,
        domain_features,
        security_models,
        machine_types,
        device_kinds,
        networks: networks::read(connection),
        nwfilters: nwfilters::read(connection),
        ..Libvirt::default()
    }
}

/// libvirt refuses them over a read-only connection since a caller could name any program as the emulator.
fn domain_capabilities(target: &Target, connection: &Connect) -> Fact<String> {
    const ORIGIN: &str = "virsh domcapabilities";
    let ask = |connection: &Connect| connection.domain_capabilities(None, None, None, None, 0);
    // Another driver has nothing to say over any connection, and a second one may cost it all its start.
    let refused =
        |error: &Error| target.uri.starts_with("qemu") && error.code() == Enum::Known(ErrorNumber::OperationDenied);
    let answer = match ask(connection) {
        Err(error) if refused(&error) => match Secure::new(target).for_questions(ORIGIN) {
            Ok(connection) => ask(&connection),
            Err(gap) => return gap.into(),
        },
        answer => answer,
    };
    match answer {
        Ok(xml) => Fact::known(ORIGIN, xml),
        Err(error) => gap(ORIGIN, &error).into(),
    }
}

/// All VMs, sorted by name. `progress` counts the calls that came back.
pub fn read_vms(target: &Target, connection: &Connect, progress: &AtomicUsize) -> Result<Vec<Vm>, Error> {
    let domains = connection.list_all_domains(0)?;
    progress.fetch_add(1, Ordering::Relaxed);
    let secure = Secure::new(target);
    let next = AtomicUsize::new(0);
    let found = Mutex::new(Vec::with_capacity(domains.len()));
    let work = || {
        while let Some(domain) = domains.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Some(vm) = read_vm(target, domain, &secure) {
                found.lock().unwrap_or_else(PoisonError::into_inner).push(vm);
            }
            progress.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..CALLS.min(domains.len()) {
            scope.spawn(work);
        }
        work();
    });
    let mut vms = found.into_inner().unwrap_or_else(PoisonError::into_inner);
    vms.sort_by(|a, b| (&a.name, &a.uuid).cmp(&(&b.name, &b.uuid)));
    guest::ask(&mut vms, || secure.for_questions(guest::INFO));
    Ok(vms)
}

/// One VM; `None` when there is none with this UUID (any more).
pub fn read_one(target: &Target, connection: &Connect, uuid: &str) -> Result<Option<Vm>, Error> {
    match connection.lookup_domain_by_uuid_string(uuid) {
        Ok(domain) => {
            let secure = Secure::new(target);
            let mut vm = read_vm(target, &domain, &secure);
            guest::ask(vm.as_mut_slice(), || secure.for_questions(guest::INFO));
            Ok(vm)
        }
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// It was there when it was listed, and is no more.
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error.code(), Enum::Known(ErrorNumber::NoDomain | ErrorNumber::NoNetwork | ErrorNumber::NoNwfilter))
}

pub(super) fn gap(call: &str, error: &Error) -> Gap {
    let reason = match error.code() {
        Enum::Known(ErrorNumber::NoSupport) => "this libvirt driver does not report it".to_owned(),
        _ => format!("libvirt answered: {}", error.message().trim()),
    };
    Gap::new(call, reason)
}

/// A read-write connection, opened when the first VM needs it: only it may ask for secure XML, for domain
/// capabilities, and guests.
struct Secure<'a> {
    target: &'a Target,
    connection: OnceLock<Option<Connect>>,
}

impl<'a> Secure<'a> {
    fn new(target: &'a Target) -> Self {
        Self { target, connection: OnceLock::new() }
    }

    /// Only for a privileged reader of this host's own libvirt.
    fn connection(&self) -> Option<&Connect> {
        let uri = &self.target.uri;
        let ours = uri.starts_with("qemu:///") || uri.starts_with("test://");
        let open = || (ours && rustix::process::geteuid().is_root()).then(|| Connect::open(Some(uri)).ok()).flatten();
        self.connection.get_or_init(open).as_ref()
    }

    /// The same connection, for other questions that libvirt answers over no other.
    fn for_questions(&self, origin: &str) -> Result<Connect, Gap> {
        match self.connection() {
            Some(connection) => Ok(connection.clone()),
            None if rustix::process::geteuid().is_root() => {
                Err(Gap::new(origin, "libvirt gave no read-write connection"))
            }
            None => Err(Gap::needs_admin(origin)),
        }
    }
}

/// `None` when the VM disappeared meanwhile.
fn read_vm(target: &Target, domain: &Domain, secure: &Secure) -> Option<Vm> {
    let (name, uuid) = (domain.name().ok()?, domain.uuid_string().ok()?);
    let active = domain.id().is_some();
    let stored = match domain.xml_desc(virt_sys::VIR_DOMAIN_XML_INACTIVE) {
        Err(error) if is_gone(&error) => return None,
        // A transient VM answers with its running definition, which then is the one that would be stored.
        Ok(_) if active && domain.is_persistent().is_ok_and(|persistent| !persistent) => {
            Fact::known("virsh dumpxml --inactive", None)
        }
        result => xml_fact("virsh dumpxml --inactive", result),
    };
    let mut vm = Vm { uuid, name, connection: target.connection.clone(), stored, ..Vm::default() };
    if active {
        vm.state = match domain.state() {
            Ok((Enum::Known(state), _)) => Fact::known("virsh domstate", state_of(state)),
            Ok((Enum::Unknown(number), _)) => {
                Fact::missing("virsh domstate", format!("libvirt reports state number {number}"))
            }
            Err(error) if is_gone(&error) => return None,
            Err(error) => gap("virsh domstate", &error).into(),
        };
        vm.live = xml_fact("virsh dumpxml", domain.xml_desc(0));
        vm.labels = list_fact("virDomainGetSecurityLabelList", libvirt_sys::security_labels(domain));
        vm.taints = list_fact("virsh dominfo: Messages", libvirt_sys::taint_messages(domain));
    } else {
        vm.state = Fact::known("virsh domstate", State::ShutOff);
        vm.live = Fact::known("virsh domstate", None);
    }
    vm.graphics_passwords = GraphicsPasswords {
        stored: passwords(&vm.stored, secure, &vm.uuid, virt_sys::VIR_DOMAIN_XML_INACTIVE),
        live: passwords(&vm.live, secure, &vm.uuid, 0),
    };
    Some(vm)
}

fn list_fact(origin: &str, result: Result<Vec<String>, Error>) -> Fact<Vec<String>> {
    match result {
        Ok(list) => Fact::known(origin, list),
        Err(error) => gap(origin, &error).into(),
    }
}

fn xml_fact(origin: &str, result: Result<String, Error>) -> Fact<Option<String>> {
    match result {
        Ok(xml) => Fact::known(origin, Some(redact::definition(xml))),
        Err(error) => gap(origin, &error).into(),
    }
}

fn state_of(state: DomainState) -> State {
    match state {
        DomainState::NoState => State::None,
        DomainState::Running => State::Running,
        DomainState::Blocked => State::Blocked,
        DomainState::Paused => State::Paused,
        DomainState::Shutdown => State::ShuttingDown,
        DomainState::Shutoff => State::ShutOff,
        DomainState::Crashed => State::Crashed,
        DomainState::PMSuspended => State::Suspended,
    }
}

/// Which consoles have a password. Asked only where one may be reached from outside: secure XML is a second call for each VM.
fn passwords(
    definition: &Fact<Option<String>>,
    secure: &Secure,
    uuid: &str,
    flags: virt_sys::virDomainXMLFlags,
) -> Fact<Vec<bool>> {
    const ORIGIN: &str = "virsh dumpxml --security-info: /domain/devices/graphics/@passwd";
    let Fact::Known { value: Some(xml), .. } = definition else {
        return Fact::missing(ORIGIN, "there is no such definition");
    };
    if !may_be_exposed(xml) {
        return Fact::missing(ORIGIN, "it was not asked for, as no console is reachable from outside");
    }
    let Some(secure) = secure.connection() else {
        return if rustix::process::geteuid().is_root() {
            Fact::missing(ORIGIN, "libvirt gave no read-write connection")
        } else {
            Gap::needs_admin(ORIGIN).into()
        };
    };
    let domain = secure.lookup_domain_by_uuid_string(uuid);
    match domain.and_then(|domain| domain.xml_desc(flags | virt_sys::VIR_DOMAIN_XML_SECURE)) {
        // The secure XML ends here: only whether an attribute stands leaves this function.
        Ok(xml) => match roxmltree::Document::parse(&xml) {
            Ok(document) => Fact::known(ORIGIN, has_passwords(&document)),
            Err(_) => Fact::missing(ORIGIN, "the secure XML does not parse"),
        },
        Err(error) => gap(ORIGIN, &error).into(),
    }
}

/// For each console, whether a password stands in this definition.
pub(super) fn has_passwords(document: &roxmltree::Document) -> Vec<bool> {
    graphics(document).map(|node| node.attribute("passwd").is_some_and(|text| !text.is_empty())).collect()
}

fn graphics<'a>(document: &'a roxmltree::Document) -> impl Iterator<Item = roxmltree::Node<'a, 'a>> {
    let devices = document.root_element().children().find(|node| node.has_tag_name("devices"));
    devices.into_iter().flat_map(|node| node.children()).filter(|node| node.has_tag_name("graphics"))
}

/// Whether a console may listen elsewhere than on loopback. Rather yes than no: it only decides whether to ask.
fn may_be_exposed(xml: &str) -> bool {
    // Nearly all consoles are written so, and parsing a definition takes as long as fetching it.
    let tags = |name: &'static str| {
        let starts = memchr::memmem::find_iter(xml.as_bytes(), name);
        starts.map(|at| xml[at..].split_once('>').map_or("", |(tag, _)| tag))
    };
    if tags("<graphics").all(|tag| tag.contains(" listen='127.0.0.1'"))
        && tags("<listen").all(|tag| tag.contains(" address='127.0.0.1'"))
    {
        return false;
    }
    let Ok(document) = roxmltree::Document::parse(xml) else { return false };
    graphics(&document).any(|node| {
        let addresses = node.children().filter(|child| child.has_tag_name("listen"));
        let mut listens = addresses
            .map(|listen| match listen.attribute("type") {
                Some("none" | "socket") => Some("127.0.0.1"),
                _ => listen.attribute("address"),
            })
            .chain(node.attribute("listen").map(Some))
            .peekable();
        listens.peek().is_none() || listens.any(|address| !matches!(address, Some("127.0.0.1" | "::1" | "localhost")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_that_has_a_name_goes_by_it() {
        assert_eq!(Target::new("qemu:///system"), Target::new("system"));
        assert_eq!(Target::new("qemu:///session").connection, "session");
        assert_eq!(Target::new("test:///default").connection, "test:///default");
    }

    #[test]
    fn a_console_on_loopback_needs_no_second_question() {
        for (graphics, exposed) in [
            ("", false),
            ("<graphics type='vnc' listen='127.0.0.1'><listen type='address' address='127.0.0.1'/></graphics>", false),
            ("<graphics type='vnc' listen='127.0.0.1'><listen type='address' address='0.0.0.0'/></graphics>", true),
            ("<graphics type='vnc' listen='127.0.0.1'/><graphics type='spice' listen='::'/>", true),
            ("<graphics type='vnc'><listen type='none'/></graphics>", false),
            ("<graphics type='vnc'/>", true),
            ("<graphics listen=\"::1\"/>", false),
        ] {
            let xml = format!("<domain><devices>{graphics}</devices></domain>");
            assert_eq!(may_be_exposed(&xml), exposed, "{xml}");
        }
    }

    #[test]
    fn another_machine_is_known_by_its_uri() {
        for (uri, remote) in [
            ("system", false),
            ("test:///default", false),
            ("qemu+unix:///system?socket=/run/x", false),
            ("qemu+ssh://root@db.example/system", true),
            ("qemu+tls://[::1]/system", true),
        ] {
            assert_eq!(Target::new(uri).is_remote(), remote, "{uri}");
        }
    }
}
