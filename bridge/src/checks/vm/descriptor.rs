// SPDX-License-Identifier: LGPL-2.1-or-later
//! What the host's firmware descriptors say about the firmware of a VM.

use crate::checks::Domain;
use crate::checks::domain::{child, children};
use crate::facts::firmware::{Descriptor, Firmwares};
use crate::facts::{Facts, Gap};

/// What is known about the firmware that a VM has, or will have.
pub(super) enum Firmware<'a> {
    Bios,
    Uefi {
        secure_boot: bool,
        /// Whether its variables begin with keys.
        enrolled_keys: bool,
        descriptor: &'a Descriptor,
    },
}

/// Features that the definition demands or refuses.
#[derive(Clone, Copy)]
pub(super) struct Wanted {
    pub(super) secure_boot: Option<bool>,
    pub(super) enrolled_keys: Option<bool>,
}

/// The last of several counts, as libvirt reads them.
pub(super) fn feature<'a, 'i>(domain: &'a Domain<'i>, name: &str) -> Option<roxmltree::Node<'a, 'i>> {
    let firmware = child(domain.find("os")?, "firmware")?;
    children(firmware, "feature").filter(|feature| feature.attribute("name") == Some(name)).last()
}

pub(super) fn is_enabled(feature: Option<roxmltree::Node>) -> Option<bool> {
    Some(feature?.attribute("enabled")? == "yes")
}

/// By the paths that the definition names, or, where it names none, by the choice that libvirt will make.
pub(super) fn of_vm<'a>(facts: &'a Facts, domain: &Domain, arch: &str, wanted: Wanted) -> Result<Firmware<'a>, Gap> {
    let known = facts.host.firmware.get()?;
    let image = domain.text("os/loader").filter(|path| !path.is_empty());
    let found = match image {
        Some(image) => of_paths(known, image, domain.attribute("os/nvram", "template")),
        None => chosen(known, domain, arch, wanted),
    };
    found.ok_or_else(|| {
        let what = match image {
            Some(image) => format!("the firmware descriptors of this host do not tell what {image} does in this VM"),
            None if known.unread.is_empty() => "no firmware descriptor of this host fits the definition".to_owned(),
            None => "libvirt chooses among all firmware descriptors of this host".to_owned(),
        };
        let unread = known.unread.first().map_or_else(String::new, |unread| format!("; one was not read ({unread})"));
        Gap::new(facts.host.firmware.origin(), what + &unread)
    })
}

/// Secure Boot is the image's, the keys are the template's: distributions combine one image with several templates.
fn of_paths<'a>(known: &'a Firmwares, image: &str, template: Option<&str>) -> Option<Firmware<'a>> {
    let mut images = known.descriptors.iter().filter(|found| found.image == image);
    let first = images.clone().next()?;
    if !first.is_uefi() {
        return Some(Firmware::Bios);
    }
    let secure_boot = images.clone().any(|found| found.has("secure-boot"));
    let mut templates =
        known.descriptors.iter().filter(|found| template.is_some() && found.template.as_deref() == template);
    let (enrolled_keys, descriptor) = if template.is_none() {
        // libvirt takes the template of a descriptor with this image: which one matters only where they differ.
        let keys = first.has("enrolled-keys");
        (images.all(|found| found.has("enrolled-keys") == keys).then_some(keys), first)
    } else {
        let pair = images.find(|found| found.template.as_deref() == template);
        let descriptor = pair.or_else(|| templates.clone().next());
        let keys = descriptor.map(|_| templates.any(|found| found.has("enrolled-keys")));
        (keys, descriptor.unwrap_or(first))
    };
    // Without Secure Boot in the image the keys do not matter.
    let enrolled_keys = if secure_boot { enrolled_keys? } else { false };
    Some(Firmware::Uefi { secure_boot, enrolled_keys, descriptor })
}

/// The first that fits, as libvirt's `qemuFirmwareMatchDomain` decides it.
fn chosen<'a>(known: &'a Firmwares, domain: &Domain, arch: &str, wanted: Wanted) -> Option<Firmware<'a>> {
    // One that was not read may stand before the one that is found.
    if !known.unread.is_empty() {
        return None;
    }
    let machine = domain.attribute("os/type", "machine")?;
    let loader = |name: &str| domain.attribute("os/loader", name);
    let smm = domain.attribute("features/smm", "state");
    let fits = |found: &&Descriptor| {
        let smm_fits = if found.has("requires-smm") {
            smm != Some("off") && loader("secure") != Some("no")
        } else {
            loader("secure") != Some("yes")
        };
        found.is_uefi()
            && runs_on(found, arch, machine)
            && wanted.secure_boot.is_none_or(|wanted| wanted == found.has("secure-boot"))
            && wanted.enrolled_keys.is_none_or(|wanted| wanted == found.has("enrolled-keys"))
            && smm_fits
            && (loader("stateless") == Some("yes")) == found.template.is_none()
            && loader("format").is_none_or(|format| format == found.format)
    };
    let descriptor = known.descriptors.iter().find(fits)?;
    let (secure_boot, enrolled_keys) = (descriptor.has("secure-boot"), descriptor.has("enrolled-keys"));
    Some(Firmware::Uefi { secure_boot, enrolled_keys, descriptor })
}

fn runs_on(descriptor: &Descriptor, arch: &str, machine: &str) -> bool {
    // Descriptors name concrete machine types, which libvirt writes into a definition too; a person may write an alias.
    let machine = match machine {
        "q35" => "pc-q35-0",
        "pc" => "pc-i440fx-0",
        machine => machine,
    };
    let targets = descriptor.targets.iter().filter(|target| target.architecture == arch);
    targets.flat_map(|target| &target.machines).any(|pattern| matches(pattern, machine))
}

/// A pattern of a shell, of which descriptors use `*` only. At most one star is tried anew at a time, so that it is never worse
/// than pattern times text.
fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
    let (mut at, mut pos) = (0, 0);
    let mut star = None;
    while pos < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, pos));
                at += 1;
            }
            Some(byte) if *byte == b'?' || text.get(pos) == Some(byte) => {
                at += 1;
                pos += 1;
            }
            _ => match star {
                Some((place, begin)) => {
                    star = Some((place, begin + 1));
                    (at, pos) = (place + 1, begin + 1);
                }
                None => return false,
            },
        }
    }
    pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        for (pattern, text, wanted) in [
            ("pc-q35-*", "pc-q35-9.0", true),
            ("pc-q35-*", "pc-i440fx-9.0", false),
            ("pc-q35-rhel9.?.0", "pc-q35-rhel9.4.0", true),
            ("pc-q35-rhel9.?.0", "pc-q35-rhel9.10.0", false),
            ("microvm", "microvm", true),
            ("microvm", "microvm-2", false),
            ("*q35*9.0", "pc-q35-9.0-9.1", false),
            ("*q35*9.1", "pc-q35-9.0-9.1", true),
            ("", "", true),
            ("*", "", true),
            ("a", "", false),
            ("", "a", false),
        ] {
            assert_eq!(matches(pattern, text), wanted, "{pattern} {text}");
        }
    }

    #[test]
    fn a_hostile_pattern_is_decided_quickly() {
        let text = "a".repeat(10_000);
        assert!(!matches(&("*a".repeat(1_000) + "*b"), &text));
        assert!(matches(&("*a".repeat(1_000) + "*"), &text));
    }
}
