// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the fuzzer does with the readers of this module: hostile bytes in, no panic, and what each of them promises.

mod redaction;

use std::cell::Cell;
use std::io;

use jiff::civil::DateTime;

use super::host::ConfValue;
use super::qcow2::{self, Contents, ReadAt};
use super::{
    Fact, capabilities, dbus_policy, domain_features, firmware, guest, image_header, leftovers, netlink, networks,
    nvram, nwfilters, osinfo, polkit_policy, pools, selinux_policy, socket_diag, sriov, sudoers, virconf, x509,
};

pub(crate) use redaction::redaction;

/// No reader asks for more at once, and no reader asks more often.
const READ: usize = 4 << 20;
const READS: usize = 20_000;

/// An image.
struct Bytes<'a> {
    bytes: &'a [u8],
    reads: Cell<usize>,
}

impl<'a> Bytes<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, reads: Cell::new(0) }
    }
}

impl ReadAt for Bytes<'_> {
    fn read_at(&self, offset: u64, length: usize) -> io::Result<Vec<u8>> {
        self.reads.set(self.reads.get() + 1);
        assert!(length <= READ && self.reads.get() <= READS, "{length} bytes, {} times", self.reads.get());
        let start = usize::try_from(offset).unwrap_or(usize::MAX).min(self.bytes.len());
        let end = start.saturating_add(length).min(self.bytes.len());
        Ok(self.bytes[start..end].to_vec())
    }
}

/// libvirt's configuration syntax: no password is kept, and what is kept can be recorded.
pub(crate) fn config(data: &[u8]) {
    let Ok(settings) = virconf::parse(data) else { return };
    for (name, setting) in &settings {
        let secret = ["password", "passwd", "passphrase"].iter().any(|end| name.ends_with(end));
        assert_eq!(secret, matches!(setting.value, ConfValue::Secret { .. }), "{name}");
    }
    let recorded = serde_json::to_string(&settings).unwrap_or_default();
    assert_eq!(serde_json::from_str(&recorded).ok(), Some(settings), "{recorded}");
}

/// Headers of images: names become paths without steps upwards, and of a protocol nothing else is kept.
pub(crate) fn qcow2(data: &[u8]) {
    if let Ok(content) = image_header::parse(&Bytes::new(data), "/images/x", data.len() as u64) {
        for parent in [&content.backing, &content.data_file].into_iter().flatten() {
            let plain = |path: &String| path.starts_with('/') && !path.split('/').any(|step| step == "..");
            assert!(parent.path.as_ref().is_none_or(plain), "{parent:?}");
            assert!(parent.protocol.as_ref().is_none_or(|name| name.chars().count() <= 32), "{parent:?}");
        }
        assert!(content.volume.is_none_or(|volume| volume.chars().count() <= 32));
    }
    let image = Bytes::new(data);
    if let Ok(header) = qcow2::parse(&image)
        && let Ok(start) = (Contents { image: &image, header }).start(2 << 20)
    {
        assert!(start.len() <= 2 << 20);
    }
}

pub(crate) fn nvram(data: &[u8]) {
    let _ = nvram::parse(&Bytes::new(data));
}

pub(crate) fn firmware(data: &[u8]) {
    if let Ok(Some(descriptor)) = firmware::parse(data, "/etc/qemu/firmware/x.json") {
        assert!(!descriptor.image.is_empty());
        let recorded = serde_json::to_string(&descriptor).unwrap_or_default();
        assert_eq!(serde_json::from_str(&recorded).ok(), Some(descriptor));
    }
}

/// As PEM and as what is inside it. A date that is accepted is one that the checks can read.
pub(crate) fn x509(data: &[u8]) {
    let chain = x509::parse_pem(&String::from_utf8_lossy(data)).unwrap_or_default();
    assert!(chain.len() <= 16);
    for certificate in chain.into_iter().chain(x509::certificate(data)) {
        for date in [&certificate.not_before, &certificate.not_after] {
            let read = date.strip_suffix('Z').and_then(|date| date.parse::<DateTime>().ok());
            assert!(read.is_some_and(|date| date.year() >= 0), "{date}");
        }
    }
}

pub(crate) fn selinux_policy(data: &[u8]) {
    // Each name stands in the policy.
    let names = selinux_policy::read(data).unwrap_or_default();
    assert!(names.len() <= data.len());
}

/// The kernel's answers about virtual functions and about sockets: whole, and one's body alone.
pub(crate) fn netlink(data: &[u8]) {
    let bodies: Vec<&[u8]> = netlink::messages(data).filter_map(|message| Some(message.ok()?.2)).collect();
    assert!(bodies.len() <= data.len() / 16);
    for body in bodies.into_iter().chain([data]) {
        assert!(sriov::settings(body).len() <= body.len() / 4);
        let _ = socket_diag::socket(body);
    }
}

/// A guest's answers, a line `FIELD=TEXT` each: bounded, and without control characters.
pub(crate) fn guest_agent(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = guest::is_connected(&text);
    let fields = text.split('\n').filter_map(|line| line.split_once('='));
    let fields = fields.filter(|(field, _)| guest::is_wanted(field));
    let answer: Vec<_> = fields.map(|(field, text)| (field.to_owned(), text.to_owned())).collect();
    let mut texts = guest::disk_names(&answer);
    assert!(texts.len() <= guest::DISK_LIMIT);
    if let Fact::Known { value, .. } = guest::os(&answer) {
        texts.extend([value.id, value.version_id, value.pretty_name]);
    }
    for text in texts {
        assert!(text.chars().count() <= guest::TEXT_LIMIT && !text.contains(char::is_control), "{text:?}");
    }
}

/// What a definition names never leaves libosinfo's database, and its files are only files.
pub(crate) fn osinfo(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for id in [osinfo::named(&text), text.lines().next()].into_iter().flatten() {
        if let Some(file) = osinfo::file(id) {
            let steps: Vec<&str> = file.split('/').collect();
            let plain = |step: &&str| !step.is_empty() && !step.starts_with('.') && step.is_ascii();
            assert!(steps.len() == 2 && steps.iter().all(plain), "{file}");
        }
    }
    let _ = osinfo::parse(&text, "http://microsoft.com/win/10", "/usr/share/osinfo/os/microsoft.com/win-10.xml");
}

pub(crate) fn sudoers(data: &[u8]) {
    let sudoers = sudoers::parse(&String::from_utf8_lossy(data));
    assert!(sudoers.rules.len() <= 500);
}

/// libvirt's other documents, and what the bus and polkit keep in XML.
pub(crate) fn documents(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let _ = capabilities::host(&text);
    let _ = capabilities::devices(&Fact::known("", text.to_string()));
    let _ = domain_features::parse(&text);
    let _ = networks::parse(&text);
    let _ = nwfilters::parse(&text);
    let _ = pools::parse_pool(&text);
    let _ = pools::parse_secret(&text);
    let _ = leftovers::snapshot(&text);
    let _ = dbus_policy::parse("/etc/dbus-1/system.d/x.conf", &text);
    let _ = polkit_policy::parse(&text);
}
