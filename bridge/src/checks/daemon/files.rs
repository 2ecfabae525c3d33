// SPDX-License-Identifier: LGPL-2.1-or-later
//! Who may read or change libvirt's files below /etc/libvirt.

use super::QEMU_CONF;
use crate::checks::{Apply, Area, Check, Judge, Judged, Severity, Verdict};
use crate::facts::host::ConfValue;
use crate::facts::permissions::{Directory, FileMode, Permissions};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// Nobody but root reaches what is below a directory that only root may enter.
fn enters(permissions: &Permissions) -> Result<bool, Gap> {
    let directory = permissions.etc_libvirt.get()?;
    Ok(directory
        .as_ref()
        .is_none_or(|directory| directory.others_may_enter() || directory.gid != 0 && directory.mode & 0o010 != 0))
}

/// The mode of qemu.conf if somebody who is not root may read it.
pub(super) fn exposure(permissions: &Permissions) -> Result<Option<&FileMode>, Gap> {
    let conf = permissions.qemu_conf.get()?.as_ref();
    let Some(conf) = conf.filter(|conf| conf.others_may_read() || conf.group_may_read()) else { return Ok(None) };
    Ok(enters(permissions)?.then_some(conf))
}

pub static QEMU: Check = Check {
    id: "daemon.qemu-conf-perms",
    title: "Only root may read and change qemu.conf",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: QEMU_CONF,
    why: "The file qemu.conf may hold the passwords of consoles, and decides whether VMs are confined: who may change it owns the host.",
    fix: "Run `chown root:root /etc/libvirt/qemu.conf; chmod 0600 /etc/libvirt/qemu.conf`.",
    impact: "Users who looked settings up there need to be root.",
    apply: Apply::HostNow,
    needs: "owner and mode of /etc/libvirt/qemu.conf and /etc/libvirt; where others may read it, whether a password is set in it",
    judge: Judge::Host(|facts, _| qemu(facts)),
};

fn qemu(facts: &Facts) -> Judged {
    let permissions = &facts.host.permissions;
    let fact = &permissions.qemu_conf;
    let Some(conf) = fact.get()? else {
        return Ok(Verdict::not_applicable("There is no /etc/libvirt/qemu.conf on this host."));
    };
    let shows = |verdict: Verdict| verdict.and(fact.origin(), conf.shown());
    let mode = conf.shown();
    if conf.not_only_root_may_write() {
        return Ok(shows(Verdict::fail(format!(
            "Somebody who is not root may change /etc/libvirt/qemu.conf ({mode})."
        ))));
    }
    if !(conf.others_may_read() || conf.group_may_read()) {
        return Ok(shows(Verdict::pass("Only root may read and change /etc/libvirt/qemu.conf.")));
    }
    if exposure(permissions)?.is_none() {
        let directory = permissions.etc_libvirt.get()?.as_ref().map_or_else(String::new, FileMode::shown);
        let verdict = Verdict::pass("Only root may enter /etc/libvirt, and so read and change qemu.conf.");
        return Ok(shows(verdict).and(permissions.etc_libvirt.origin(), directory));
    }
    let settings = &facts.host.config.qemu.get()?.settings;
    let secret = settings.iter().find(|(_, setting)| matches!(setting.value, ConfValue::Secret { empty: false, .. }));
    Ok(shows(match secret {
        Some((key, _)) => Verdict::fail(format!(
            "Somebody who is not root may read /etc/libvirt/qemu.conf ({mode}), in which a password is set ({key})."
        )),
        None => Verdict::warn(format!(
            "Somebody who is not root may read /etc/libvirt/qemu.conf ({mode}); no password is set in it now."
        )),
    }))
}

pub static DEFINITIONS: Check = Check {
    id: "daemon.etc-libvirt-perms",
    title: "Only root may read the definitions and secrets of VMs",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    basis: &["https://libvirt.org/formatdomain.html", "https://libvirt.org/formatsecret.html"],
    why: "The files in /etc/libvirt/qemu hold passwords of consoles and of unattended installations; those in /etc/libvirt/secrets hold the \
          keys of encrypted disks. Who may write there decides what a VM's devices are, and so owns the host.",
    fix: "Run `chown root:root /etc/libvirt/qemu/*.xml /etc/libvirt/secrets/*; chmod 0600 /etc/libvirt/qemu/*.xml /etc/libvirt/secrets/*; \
          chmod 0700 /etc/libvirt/qemu /etc/libvirt/secrets`.",
    impact: "Scripts that read these files without being root should ask libvirt instead.",
    apply: Apply::HostNow,
    needs: "owners and modes of /etc/libvirt, /etc/libvirt/qemu with its .xml files, and /etc/libvirt/secrets with its files",
    judge: Judge::Host(|facts, _| definitions(&facts.host.permissions)),
};

fn definitions(permissions: &Permissions) -> Judged {
    let (mut changed, mut read, mut files) = (Vec::new(), Vec::new(), 0);
    let mut evidence = Vec::new();
    for fact in [&permissions.definitions, &permissions.secrets] {
        let Some(directory) = fact.get()? else { continue };
        files += directory.files;
        evidence.push((format!("stat {}", directory.own.path), directory.own.shown()));
        if directory.own.not_only_root_may_write() {
            changed.push(&directory.own);
        }
        if !enters(permissions)? || !enters_own(directory) {
            continue;
        }
        changed.extend(directory.wider.iter().filter(|file| file.not_only_root_may_write()));
        read.extend(
            directory
                .wider
                .iter()
                .filter(|file| !file.not_only_root_may_write() && (file.others_may_read() || file.group_may_read())),
        );
    }
    let verdict = if !changed.is_empty() {
        Verdict::fail(format!("Somebody who is not root may change {}.", listed(&changed)))
    } else if !read.is_empty() {
        Verdict::fail(format!("Somebody who is not root may read {}.", listed(&read)))
    } else if evidence.is_empty() {
        Verdict::not_applicable("There is neither /etc/libvirt/qemu nor /etc/libvirt/secrets on this host.")
    } else {
        Verdict::pass(format!("Only root may read and change the {files} files with definitions and secrets."))
    };
    let files = changed.iter().chain(&read).take(5).map(|file| (format!("stat {}", file.path), file.shown()));
    Ok(evidence.into_iter().chain(files).fold(verdict, |verdict, (origin, value)| verdict.and(origin, value)))
}

fn enters_own(directory: &Directory) -> bool {
    let own = &directory.own;
    own.others_may_enter() || own.gid != 0 && own.mode & 0o010 != 0
}

/// The first three by name.
fn listed(files: &[&FileMode]) -> String {
    let first =
        files.iter().take(3).map(|file| format!("{} ({})", file.path, file.shown())).collect::<Vec<_>>().join(", ");
    match files.len().saturating_sub(3) {
        0 => first,
        more => format!("{first} and {more} more files"),
    }
}

pub static HOOKS: Check = Check {
    id: "daemon.hooks",
    title: "Only root decides what libvirt runs at each event",
    severity: Severity::High,
    profile: Profile::Baseline,
    area: Area::Daemon,
    basis: &["https://libvirt.org/hooks.html"],
    why: "libvirt runs the programs in /etc/libvirt/hooks as root, at each start and stop of a VM or network. Who may change one of them is \
          root at the next such event.",
    fix: "Run `chown -R root:root /etc/libvirt/hooks; chmod -R go-w /etc/libvirt/hooks`, and read each program that is there: it has root's \
          rights. Delete those that nobody needs.",
    impact: "Users who changed hooks need to be root.",
    apply: Apply::HostNow,
    needs: "owners and modes of /etc/libvirt/hooks, its programs and its directories NAME.d; on some distributions administrative access",
    judge: Judge::Host(|facts, _| hooks(&facts.host.permissions)),
};

fn hooks(permissions: &Permissions) -> Judged {
    let fact = &permissions.hooks;
    let found = fact.get()?;
    let all = || found.directories.iter().chain(&found.programs);
    let open: Vec<&FileMode> = all().filter(|file| file.not_only_root_may_write()).collect();
    let verdict = if !open.is_empty() {
        Verdict::fail(format!("Somebody who is not root may change what libvirt runs as root: {}.", listed(&open)))
    } else if found.programs.is_empty() {
        Verdict::pass("libvirt runs no hooks on this host.")
    } else {
        let programs: Vec<&FileMode> = found.programs.iter().collect();
        Verdict::info(format!(
            "libvirt runs these programs as root, which only root may change: {}.",
            listed(&programs)
        ))
    };
    if found.directories.is_empty() {
        return Ok(verdict.and(fact.origin(), "(there is no such directory)"));
    }
    Ok(all().take(10).fold(verdict, |verdict, file| verdict.and(format!("stat {}", file.path), file.shown())))
}
