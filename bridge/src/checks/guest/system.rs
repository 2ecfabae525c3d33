// SPDX-License-Identifier: LGPL-2.1-or-later
//! The guest's operating system: whether its maker still supports it, and whether it is what the definition says.

use jiff::civil::Date;

use super::{silent, unheard};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Severity, Verdict};
use crate::facts::guest::GuestOs;
use crate::facts::{Facts, Gap, Vm};
use crate::policy::Profile;

/// Days before the end of support in which to plan an upgrade.
const NOTICE: i32 = 90;

pub static EOL: Check = Check {
    id: "guest.os-eol",
    title: "The guest's operating system is still supported",
    severity: Severity::High,
    // Not from baseline, as high ones are: what confines a guest must hold whatever runs in it, and a definition that names no system
    // leaves this unknown, which is no statement about the host's or the VM's own setting.
    profile: Profile::Server,
    area: Area::Guest,
    basis: &["https://libosinfo.org"],
    why: "An operating system whose support has ended gets no security updates any more: each weakness that is found in it stays open. Who \
          takes over such a guest is one step nearer to the host and to the other guests. In a lab, old systems run on purpose, and what confines them \
          counts; on a host that others depend on, no guest should be lost from the start.",
    fix: "Upgrade the guest, or move its work to a new VM, and then note the new system with `virt-xml VM --edit --metadata os.name=NAME` \
          (`osinfo-query os` lists the names). Where the maker sells extended support, this date does not count.",
    impact: "An upgrade takes time and can break old programs.",
    apply: Apply::Manual,
    needs: "The operating system that the definition names (libosinfo), and its entry in /usr/share/osinfo",
    judge: Judge::Definition(|facts, _, domain| eol(facts, domain)),
};

fn eol(facts: &Facts, domain: &Domain) -> Judged {
    let id = declared(domain)?;
    let fact = facts.host.systems.get(id);
    let fact =
        fact.ok_or_else(|| Gap::new("/usr/share/osinfo", format!("{id} was not looked up in libosinfo's database")))?;
    let Some(system) = fact.get()? else {
        return Err(Gap::new(fact.origin(), format!("libosinfo's database does not know {id}")));
    };
    let Some(date) = &system.end_of_life else {
        return Err(Gap::new(fact.origin(), format!("libosinfo's database names no end of support for {id}")));
    };
    let end: Date = date
        .parse()
        .map_err(|_| Gap::new(fact.origin(), "the end of support in libosinfo's database is not a date"))?;
    let today: Date = facts
        .recorded
        .get(..10)
        .and_then(|day| day.parse().ok())
        .ok_or_else(|| Gap::new("", "the day on which the facts were read is not known"))?;
    // Days, as dates differ in nothing else unless one asks for more.
    let left = today.until(end).map_err(|_| Gap::new(fact.origin(), "the end of support is out of reach"))?.get_days();
    let name = if system.name.is_empty() { id } else { &system.name };
    Ok(if left < 0 {
        Verdict::fail(format!("The support of {name} ended on {end}: it gets no security updates any more."))
    } else if left < NOTICE {
        Verdict::warn(format!("The support of {name} ends on {end}, in {left} days."))
    } else {
        return Ok(Verdict::pass("The maker of the guest's operating system still supports it.")
            .and(fact.origin(), format!("eol-date {date}")));
    }
    .because(domain.guest_os_evidence())
    .and(fact.origin(), format!("eol-date {date}")))
}

fn declared<'a>(domain: &'a Domain) -> Result<&'a str, Gap> {
    domain.guest_os().ok_or_else(|| {
        domain.gap(
            "metadata/libosinfo:libosinfo/libosinfo:os",
            "id",
            "the definition does not name the guest's operating system; `virt-xml VM --edit --metadata os.name=NAME` does",
        )
    })
}

pub static ID_MISMATCH: Check = Check {
    id: "guest.os-id-mismatch",
    title: "The guest is the operating system that the definition names",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &["https://libosinfo.org"],
    why: "Tools, and these checks, look up by the named operating system what the guest needs and until when it is supported. A wrong name \
          makes them judge another system; and that nobody noticed may mean that somebody else installed the guest anew.",
    fix: "Find out why, then name the right one with `virt-xml VM --edit --metadata os.name=NAME` (`osinfo-query os` lists the names).",
    impact: "None for the guest: the name is a note.",
    apply: Apply::Live,
    needs: "The operating system that the definition names (libosinfo), and what the guest agent reports (virsh guestinfo --os)",
    judge: Judge::Definition(|_, vm, domain| id_mismatch(vm, domain)),
};

fn id_mismatch(vm: &Vm, domain: &Domain) -> Judged {
    if let Some(silent) = silent(vm)? {
        return Ok(silent);
    }
    let Some(id) = domain.guest_os() else {
        let message = "The definition names no operating system, from which the guest could differ.";
        return Ok(Verdict::not_applicable(message).because([domain.absence("metadata/libosinfo:libosinfo")]));
    };
    let fact = &vm.guest.os;
    let os = match fact.get() {
        Ok(os) => os,
        Err(gap) => return unheard(domain, gap),
    };
    let verdict = match compare(id, os) {
        Match::Same => return Ok(Verdict::pass("The guest says that it is what the definition names.")),
        Match::Release => Verdict::info(format!("The guest says that it is another release: {}.", said(os))),
        Match::Other => {
            Verdict::warn(format!("The definition names {id}, but the guest says that it is {}.", said(os)))
        }
        Match::Unclear => {
            Verdict::info(format!("What the guest says it is ({}) cannot be compared with {id}.", said(os)))
        }
    };
    Ok(verdict.because(domain.guest_os_evidence()).and(fact.origin(), said(os)))
}

fn said(os: &GuestOs) -> String {
    if os.version_id.is_empty() { os.id.clone() } else { format!("{} {}", os.id, os.version_id) }
}

#[derive(Debug, PartialEq)]
enum Match {
    Same,
    /// Another minor release: guests update themselves to it.
    Release,
    Other,
    /// A system of which the two namings are not known here.
    Unclear,
}

/// libosinfo's name of a system, and what it calls itself in `/etc/os-release` (the agent for Windows: `mswindows`).
const NAMES: [(&str, &str); 18] = [
    ("rhel", "rhel"),
    ("centos", "centos"),
    ("centos-stream", "centos"),
    ("fedora", "fedora"),
    ("almalinux", "almalinux"),
    ("rocky", "rocky"),
    ("ol", "ol"),
    ("debian", "debian"),
    ("ubuntu", "ubuntu"),
    ("opensuse", "opensuse"),
    ("sles", "sles"),
    ("sle", "sles"),
    ("alpinelinux", "alpine"),
    ("archlinux", "arch"),
    ("gentoo", "gentoo"),
    ("nixos", "nixos"),
    ("freebsd", "freebsd"),
    ("win", "mswindows"),
];

fn compare(id: &str, os: &GuestOs) -> Match {
    let mut parts = id.trim_start_matches("http://").split('/').skip(1);
    let (Some(system), version) = (parts.next(), parts.next().unwrap_or_default()) else { return Match::Unclear };
    let Some((_, name)) = NAMES.iter().find(|(known, _)| *known == system) else { return Match::Unclear };
    // openSUSE calls itself opensuse-leap or opensuse-tumbleweed.
    let same = os.id.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'));
    if !same {
        // A system that is not in the table may be a sibling under another name.
        return if NAMES.iter().any(|(_, known)| *known == os.id) { Match::Other } else { Match::Unclear };
    }
    let version = if *name == "mswindows" { windows_version(version) } else { version.to_owned() };
    let numbered = |text: &str| text.starts_with(|first: char| first.is_ascii_digit());
    // `rawhide`, `tumbleweed`, `testing`: there is no number to compare.
    if !numbered(&version) || !numbered(&os.version_id) || version == os.version_id {
        return Match::Same;
    }
    let major = |text: &str| text.split('.').next().map(str::to_owned);
    if major(&version) == major(&os.version_id) { Match::Release } else { Match::Other }
}

/// libosinfo writes `2k22` for Windows Server 2022, and `2k12r2`.
fn windows_version(version: &str) -> String {
    match version.strip_prefix("2k") {
        Some(year) if year.starts_with(|first: char| matches!(first, '0'..='2')) && year.len() > 1 => {
            format!("20{year}")
        }
        Some(year) => format!("200{year}"),
        None => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_namings_are_compared() {
        for (id, os, version, expected) in [
            ("http://redhat.com/rhel/9.4", "rhel", "9.4", Match::Same),
            ("http://redhat.com/rhel/9.4", "rhel", "9.6", Match::Release),
            ("http://redhat.com/rhel/9.4", "rhel", "10.0", Match::Other),
            ("http://debian.org/debian/12", "debian", "12", Match::Same),
            ("http://debian.org/debian/testing", "debian", "", Match::Same),
            ("http://debian.org/debian/12", "debian", "", Match::Same),
            ("http://centos.org/centos-stream/9", "centos", "9", Match::Same),
            ("http://opensuse.org/opensuse/15.5", "opensuse-leap", "15.5", Match::Same),
            ("http://opensuse.org/opensuse/15.5", "opensusex", "15.5", Match::Unclear),
            ("http://ubuntu.com/ubuntu/22.04", "debian", "12", Match::Other),
            ("http://ubuntu.com/ubuntu/22.04", "pop", "22.04", Match::Unclear),
            ("http://microsoft.com/win/11", "mswindows", "11", Match::Same),
            ("http://microsoft.com/win/11", "mswindows", "10", Match::Other),
            ("http://microsoft.com/win/2k22", "mswindows", "2022", Match::Same),
            ("http://microsoft.com/win/2k12r2", "mswindows", "2012r2", Match::Same),
            ("http://microsoft.com/win/2k8", "mswindows", "2008", Match::Same),
            ("http://microsoft.com/win/11", "fedora", "41", Match::Other),
            ("http://libosinfo.org/linux/2022", "fedora", "41", Match::Unclear),
            ("http://libosinfo.org", "fedora", "41", Match::Unclear),
        ] {
            let os = GuestOs { id: os.to_owned(), version_id: version.to_owned(), ..GuestOs::default() };
            assert_eq!(compare(id, &os), expected, "{id} {os:?}");
        }
    }
}
