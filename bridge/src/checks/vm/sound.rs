// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sound devices.

use super::Tally;
use crate::checks::{Apply, Area, Check, Domain, Judge, Outcome, Severity, Verdict};
use crate::policy::Profile;

pub static PRESENT: Check = Check {
    id: "vm.sound",
    title: "A server has no sound device",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Devices,
    basis: &[
        "https://docs.openstack.org/security-guide/compute/hardening-the-virtualization-layers.html",
        "https://libvirt.org/formatdomain.html#sound-devices",
    ],
    why: "A device that nobody uses is code that a guest can attack all the same; a guest could crash QEMU through the usual sound \
          card (CVE-2021-3611). One that is connected to the host's own sound system also lets the guest listen to the host's microphone.",
    fix: "Run `virt-xml VM --remove-device --sound all`, shut the VM down and start it again.",
    impact: "The guest has no sound.",
    apply: Apply::NextStart,
    needs: "//sound, //audio and the guest's operating system (libosinfo) in the definition",
    judge: Judge::Definition(|_, _, domain| Ok(sound(domain))),
};

fn sound(domain: &Domain) -> Verdict {
    let mut sounds = domain.devices("sound").peekable();
    if sounds.peek().is_none() {
        return Verdict::pass("The VM has no sound device.");
    }
    // By itself a backend is nothing that the guest sees: libvirt adds one to every VM with a console.
    let backend = domain.devices("audio").find(|audio| {
        matches!(
            audio.attribute("type"),
            Some("alsa" | "coreaudio" | "jack" | "oss" | "pipewire" | "pulseaudio" | "sdl")
        )
    });
    let server = domain.guest_os().is_some_and(is_server);
    let mut tally = Tally::default();
    for sound in sounds {
        let model = sound.attribute("model").unwrap_or("of unknown model");
        let (outcome, rest) = match (backend, server) {
            (Some(_), _) => (Outcome::Warn, ", which is connected to the host's own sound system"),
            (None, true) => (Outcome::Warn, ", which a server does not need"),
            (None, false) => (Outcome::Info, ""),
        };
        tally.add(outcome, || {
            Verdict::new(outcome, format!("The VM has a sound device ({model}){rest}."))
                .because([domain.evidence(sound, "model")])
                .because(backend.map(|backend| domain.evidence(backend, "type")))
                .because(domain.guest_os_evidence().filter(|_| backend.is_none() && server))
        });
    }
    tally.finish(|| Verdict::pass("The VM has no sound device."))
}

/// Systems that libosinfo knows as made for servers.
fn is_server(os: &str) -> bool {
    const SERVERS: [&str; 7] = [
        "http://almalinux.org/",
        "http://centos.org/",
        "http://microsoft.com/win/2k",
        "http://oracle.com/ol/",
        "http://redhat.com/rhel/",
        "http://rockylinux.org/",
        "http://suse.com/sles/",
    ];
    // Windows 2000 is called 2k, and was sold for desktops too.
    os != "http://microsoft.com/win/2k" && SERVERS.iter().any(|server| os.starts_with(server))
}
