// SPDX-License-Identifier: LGPL-2.1-or-later
//! Keys of qemu.conf that are good or bad by themselves: rows of one table.

use super::qemu_conf::{is_root, shows};
use super::{QEMU_CONF, all_known};
use crate::checks::uses::names;
use crate::checks::{Apply, Area, Check, Judge, Judged, Neighbours, Severity, Verdict};
use crate::facts::{Facts, Gap};
use crate::policy::Profile;

/// What differs from key to key.
struct Row {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    profile: Profile,
    area: Area,
    why: &'static str,
    fix: &'static str,
    impact: &'static str,
    needs: &'static str,
    judge: fn(&Facts, &Neighbours) -> Judged,
}

const fn row(row: &Row) -> Check {
    Check {
        id: row.id,
        title: row.title,
        severity: row.severity,
        profile: row.profile,
        area: row.area,
        basis: QEMU_CONF,
        why: row.why,
        fix: row.fix,
        impact: row.impact,
        apply: Apply::DaemonRestart,
        needs: row.needs,
        judge: Judge::Host(row.judge),
    }
}

/// Judges a switch by its value, with libvirt's default where it is not set.
fn switch(facts: &Facts, key: &str, default: bool, verdict: impl FnOnce(bool) -> Verdict) -> Judged {
    let conf = facts.host.config.qemu.get()?;
    let value = conf.integer(key)?.map_or(default, |value| value != 0);
    Ok(shows(verdict(value), conf, key))
}

pub static DYNAMIC_OWNERSHIP: Check = row(&Row {
    id: "daemon.dynamic-ownership",
    title: "libvirt gives each VM its own files when it starts",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    why: "With dynamic_ownership = 0 libvirt no longer gives images to QEMU's user while a VM runs. Administrators then tend to make \
          images readable for everybody or to give them to QEMU's user for good, so that every VM of that user may open them.",
    fix: "Remove dynamic_ownership from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "libvirt changes the owner of images when a VM starts and stops. Images on NFS with root_squash may need an owner set by hand.",
    needs: "dynamic_ownership in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "dynamic_ownership", true, |on| {
            if on {
                Verdict::pass("libvirt gives a VM its images when it starts, and takes them back.")
            } else {
                Verdict::warn("qemu.conf tells libvirt not to manage who owns images (dynamic_ownership = 0).")
            }
        })
    },
});

pub static REMEMBER_OWNER: Check = row(&Row {
    id: "daemon.remember-owner",
    title: "libvirt gives files back to their owner when a VM stops",
    severity: Severity::Low,
    profile: Profile::MultiTenant,
    area: Area::Storage,
    why: "With remember_owner = 0 libvirt does not note whose a file was before a VM used it, and gives it to root afterwards. Owners \
          who lose their files that way help themselves with wider modes.",
    fix: "Remove remember_owner from /etc/libvirt/qemu.conf and run `systemctl try-restart virtqemud libvirtd`.",
    impact: "libvirt keeps the former owner in extended attributes, where the file system has them.",
    needs: "remember_owner in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "remember_owner", true, |on| {
            if on {
                Verdict::pass("libvirt gives files back to whom they belonged before.")
            } else {
                Verdict::warn("qemu.conf tells libvirt to forget whom files belonged to (remember_owner = 0).")
            }
        })
    },
});

pub static DEFAULT_CONFINED: Check = row(&Row {
    id: "daemon.security-default-confined",
    title: "VMs are confined unless their definition says otherwise",
    severity: Severity::Critical,
    profile: Profile::Baseline,
    area: Area::Mac,
    why: "With security_default_confined = 0, SELinux or AppArmor confines only the VMs that ask for it. Each other QEMU runs \
          unconfined: a guest that breaks out of it may do whatever its user may, also to the disks of other VMs.",
    fix: "Remove security_default_confined from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM \
          down and start it again.",
    impact: "VMs must be started anew; files that they use are given labels.",
    needs: "security_default_confined in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "security_default_confined", true, |on| {
            if on {
                Verdict::pass("VMs are confined unless their definition says otherwise.")
            } else {
                Verdict::fail(
                    "qemu.conf leaves VMs unconfined unless their definition asks for more (security_default_confined = 0).",
                )
            }
        })
    },
});

pub static REQUIRE_CONFINED: Check = row(&Row {
    id: "daemon.security-require-confined",
    title: "libvirt refuses to start an unconfined VM",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Mac,
    why: "By default whoever may define a VM may take it out of SELinux's or AppArmor's confinement with one line (<seclabel type='none'/>), \
          by mistake or on purpose.",
    fix: "Set `security_require_confined = 1` in /etc/libvirt/qemu.conf and run `systemctl try-restart virtqemud libvirtd`.",
    impact: "VMs whose definition has <seclabel type='none'/> no longer start; vm.seclabel-none names them.",
    needs: "security_require_confined in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "security_require_confined", false, |on| {
            if on {
                Verdict::pass("libvirt refuses to start a VM that wants to be unconfined.")
            } else {
                Verdict::warn(
                    "libvirt starts a VM unconfined if its definition says so (security_require_confined is not on).",
                )
            }
        })
    },
});

pub static DUMP_GUEST_CORE: Check = row(&Row {
    id: "daemon.dump-guest-core",
    title: "The memory of guests is left out of core dumps",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Secrets,
    why: "With dump_guest_core = 1 a QEMU that crashes writes the guest's whole memory to the host's disk: keys, passwords and \
          whatever else the guest worked with. A guest can let its QEMU crash.",
    fix: "Remove dump_guest_core from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again. Delete old dumps, see `coredumpctl list qemu-kvm`.",
    impact: "A core dump of QEMU no longer shows what the guest did.",
    needs: "dump_guest_core in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "dump_guest_core", false, |on| {
            if on {
                Verdict::fail("qemu.conf writes the memory of guests into QEMU's core dumps (dump_guest_core = 1).")
            } else {
                Verdict::pass("The memory of guests is left out of QEMU's core dumps.")
            }
        })
    },
});

pub static MAC_FILTER: Check = row(&Row {
    id: "daemon.mac-filter",
    title: "The host's bridges let each VM use its own MAC address only",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Daemon,
    why: "Without a filter a guest may send frames in the name of another machine on the same bridge, and receive what is meant for it.",
    fix: "Prefer a network filter for each interface: `virsh edit VM`, <filterref filter='clean-traffic'/> in each <interface>. Or set \
          `mac_filter = 1` in /etc/libvirt/qemu.conf, which needs ebtables, and run `systemctl try-restart virtqemud libvirtd`.",
    impact: "Guests that bridge or run VMs of their own use several MAC addresses, and lose their network.",
    needs: "mac_filter in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        switch(facts, "mac_filter", false, |on| {
            if on {
                Verdict::pass("libvirt filters MAC addresses on the bridges of the host.")
            } else {
                Verdict::info(
                    "libvirt does not filter MAC addresses on bridges by itself (mac_filter); network filters of single interfaces do that better.",
                )
            }
        })
    },
});

pub static STDIO_HANDLER: Check = row(&Row {
    id: "daemon.stdio-handler",
    title: "What QEMU prints cannot fill the host's disk",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Daemon,
    why: "With stdio_handler = \"file\" QEMU writes its log itself and without limit. A guest that lets QEMU complain, or that writes to \
          a serial port which goes to a file, fills the disk that the host and the other VMs need.",
    fix: "Remove stdio_handler from /etc/libvirt/qemu.conf, run `systemctl try-restart virtqemud libvirtd`, then shut each VM down \
          and start it again.",
    impact: "The service virtlogd starts a new log file at each 2 MiB and keeps three old ones, see /etc/libvirt/virtlogd.conf.",
    needs: "stdio_handler in /etc/libvirt/qemu.conf (administrative access)",
    judge: |facts, _| {
        const KEY: &str = "stdio_handler";
        let conf = facts.host.config.qemu.get()?;
        let verdict = match conf.text(KEY)? {
            None | Some("logd") => Verdict::pass("What QEMU prints goes through virtlogd, which limits it."),
            Some("file") => Verdict::warn("QEMU writes its log itself and without limit (stdio_handler = \"file\")."),
            Some(_) => return Err(Gap::new(conf.place(KEY), "stdio_handler in qemu.conf is none of its two values")),
        };
        Ok(shows(verdict, conf, KEY))
    },
});

pub static SWTPM_USER: Check = row(&Row {
    id: "daemon.swtpm-user",
    title: "TPM emulators do not run as root",
    severity: Severity::Medium,
    profile: Profile::Server,
    area: Area::Daemon,
    why: "A guest talks to its TPM emulator (swtpm) directly. If that runs as root, a guest that breaks it owns the host; there is \
          neither QEMU's system call filter nor its user around it.",
    fix: "Set swtpm_user and swtpm_group in /etc/libvirt/qemu.conf to a user of their own that exists (tss, or swtpm on Debian), run `systemctl try-restart virtqemud libvirtd`, then shut each \
          VM with a TPM down and start it again.",
    impact: "The files below /var/lib/libvirt/swtpm must belong to that user.",
    needs: "swtpm_user in /etc/libvirt/qemu.conf (administrative access); where it is not set, the users in /etc/passwd and the definitions of \
            all VMs",
    judge: swtpm,
});

fn swtpm(facts: &Facts, neighbours: &Neighbours) -> Judged {
    const KEY: &str = "swtpm_user";
    let conf = facts.host.config.qemu.get()?;
    if let Some(user) = conf.text(KEY)? {
        let verdict = if is_root(user) {
            Verdict::fail(format!("qemu.conf lets TPM emulators run as root (swtpm_user = \"{user}\")."))
        } else {
            Verdict::pass(format!("qemu.conf lets TPM emulators run as the user {user}."))
        };
        return Ok(shows(verdict, conf, KEY));
    }
    let groups = &facts.host.groups;
    if groups.get()?.iter().any(|group| group.members.iter().any(|member| member == "tss")) {
        let verdict = Verdict::pass("TPM emulators run as the user tss, as they do by default.");
        return Ok(shows(verdict, conf, KEY).and(format!("{}: tss", groups.origin()), "(exists)"));
    }
    // libvirt falls back to root then, unless the distribution built it with another user.
    let tpm = &neighbours.uses.tpm;
    let verdict = if tpm.is_empty() {
        all_known(facts, neighbours)?;
        Verdict::info(
            "This host has no user tss, without which libvirt runs TPM emulators as root. No VM has an emulated TPM.",
        )
    } else {
        Verdict::warn(format!(
            "This host has no user tss, without which libvirt runs TPM emulators as root. VMs with an emulated TPM: {}.",
            names(tpm)
        ))
    };
    let verdict = shows(verdict, conf, KEY).and(format!("{}: tss", groups.origin()), "(not there)");
    Ok(verdict.because(tpm.iter().filter_map(|used| used.evidence.clone()).take(5)))
}
