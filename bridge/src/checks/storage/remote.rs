// SPDX-License-Identifier: LGPL-2.1-or-later
//! Images on storage that another machine serves.

use super::files;
use crate::checks::vm::{Tally, not_known};
use crate::checks::{Apply, Area, Check, Domain, Judge, Judged, Outcome, Severity, Verdict};
use crate::facts::Facts;
use crate::policy::Profile;

pub static FILE_SYSTEM: Check = Check {
    id: "storage.remote-fs",
    title: "Images on remote file systems are protected on the way",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Storage,
    basis: &["https://libvirt.org/secureusage.html"],
    why: "NFS sends what guests read and write in clear, and believes each client's word about who it is. Whoever is on that network can read and change \
          the disks of the VMs.",
    fix: "Mount the export with `sec=krb5p`, or encrypt the images: make a LUKS volume with a libvirt secret and copy the data. At least keep storage traffic in \
          a network of its own.",
    impact: "Kerberos needs a key distribution centre, and encryption costs processor time.",
    apply: Apply::Manual,
    needs: "/proc/1/mountinfo, the place of each image, and the header of each qcow2 image",
    judge: Judge::Definition(|facts, _, domain| file_system(facts, domain)),
};

fn file_system(facts: &Facts, domain: &Domain) -> Judged {
    let files = files(facts, domain);
    if files.is_empty() {
        return Ok(Verdict::not_applicable("The VM uses no image or device of this host."));
    }
    let mounts = facts.host.mounts.get()?;
    let encrypted = super::super::vm::disk_encryption::declared_encryption(domain);
    let mut tally = Tally::default();
    for file in &files {
        let path = file.path;
        let image = match &file.image {
            Ok(image) => image,
            Err(gap) => {
                tally.add(Outcome::Unknown, || not_known(&format!("Where {path} lies"), gap));
                continue;
            }
        };
        let Some((point, mount)) = image.mount.as_ref().and_then(|point| Some((point, mounts.0.get(point)?))) else {
            continue;
        };
        let luks =
            encrypted || image.content.value().is_some_and(|content| content.encryption.as_deref() == Some("luks"));
        let nfs = mount.fs_type.starts_with("nfs");
        let (outcome, message) = if !nfs {
            (Outcome::Info, format!("{path} lies on a file system of the type {}.", mount.fs_type))
        } else if luks {
            (Outcome::Info, format!("{path} lies on NFS and is encrypted by QEMU."))
        } else if mount.has_exactly("sec=krb5p") {
            (Outcome::Info, format!("{path} lies on NFS that Kerberos encrypts (sec=krb5p)."))
        } else {
            (Outcome::Warn, format!("{path} lies on NFS, which neither encrypts nor authenticates what passes."))
        };
        tally.add(outcome, || {
            Verdict::new(outcome, message).and(
                format!("{}: {point}", facts.host.mounts.origin()),
                format!("{} {} {}", mount.fs_type, mount.source, mount.options),
            )
        });
    }
    Ok(tally.finish(|| Verdict::pass("All images of the VM lie on file systems of this host.")))
}
