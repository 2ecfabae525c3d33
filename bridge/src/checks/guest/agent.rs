// SPDX-License-Identifier: LGPL-2.1-or-later
//! The QEMU guest agent: whether there is a channel for it, and what it may be used for.
//!
//! libvirt reports neither the agent's version nor the commands that it allows, and an audit sends it no commands of its own: that would
//! taint the VM. Those rows say what to look at in the guest.

use roxmltree::Node;

use crate::checks::domain::child;
use crate::checks::{Apply, Area, Check, Domain, Evidence, Judge, Judged, Severity, Verdict};
use crate::facts::guest::CHANNEL;
use crate::facts::{Facts, Vm};
use crate::policy::Profile;

const CONFIGURATION: &str = "https://www.qemu.org/docs/master/interop/qemu-ga.html";
const GUIDELINES: &str = "https://github.com/vmware/vcf-security-and-compliance-guidelines";

pub static PRESENCE: Check = Check {
    id: "guest.agent-presence",
    title: "The guest agent's channel is there on purpose",
    severity: Severity::Info,
    profile: Profile::MultiTenant,
    area: Area::Guest,
    basis: &["https://libvirt.org/formatdomain.html#channel"],
    why: "Through the guest agent a host knows its guests: consistent backups, clean shutdowns, addresses. But whoever manages the VM on \
          the host can then also read files, run programs and set passwords in the guest, as far as its agent allows.",
    fix: "Where owner and administrator are different people, decide together. Remove the channel with `virt-xml VM --remove-device \
          --channel target.name=org.qemu.guest_agent.0`, or add it with `virt-xml VM --add-device --channel \
          unix,target.type=virtio,target.name=org.qemu.guest_agent.0`.",
    impact: "Without the agent, snapshots do not freeze the guest's file systems, and the host does not learn the guest's addresses from it.",
    apply: Apply::NextStart,
    needs: "//channel in the definition",
    judge: Judge::Definition(|_, _, domain| {
        let Some(target) = channel(domain) else {
            return Ok(
                Verdict::info("The VM has no channel for a guest agent.").because([domain.absence("devices/channel")])
            );
        };
        let message = match target.attribute("state") {
            Some("connected") => "The guest's agent is connected, so that the host can act in the guest.",
            _ => "The VM has a channel for a guest agent, and nothing in the guest is connected to it.",
        };
        let message = if domain.is_live() { message } else { "The VM has a channel for a guest agent." };
        Ok(Verdict::info(message).because(evidence(domain, target)))
    }),
};

/// The guest's end of the agent's channel.
pub(super) fn channel<'a, 'i>(domain: &'a Domain<'i>) -> Option<Node<'a, 'i>> {
    let targets = domain.devices("channel").filter_map(|channel| child(channel, "target"));
    targets.into_iter().find(|target| target.attribute("name") == Some(CHANNEL))
}

fn evidence(domain: &Domain, target: Node) -> Vec<Evidence> {
    let names: &[&str] = if domain.is_live() { &["name", "state"] } else { &["name"] };
    names.iter().map(|name| domain.evidence(target, name)).collect()
}

/// What only the guest can tell: rows that say where to look there.
struct Row {
    id: &'static str,
    title: &'static str,
    severity: Severity,
    why: &'static str,
    fix: &'static str,
    impact: &'static str,
    needs: &'static str,
    judge: fn(&Facts, &Vm, &Domain) -> Judged,
}

const fn row(row: &Row) -> Check {
    Check {
        id: row.id,
        title: row.title,
        severity: row.severity,
        profile: Profile::MultiTenant,
        area: Area::Guest,
        basis: &[CONFIGURATION, GUIDELINES],
        why: row.why,
        fix: row.fix,
        impact: row.impact,
        apply: Apply::Manual,
        needs: row.needs,
        judge: Judge::Definition(row.judge),
    }
}

fn ask_the_guest(domain: &Domain, message: &'static str) -> Verdict {
    match channel(domain) {
        None => Verdict::not_applicable("The VM has no channel for a guest agent."),
        Some(target) => Verdict::info(message).because(evidence(domain, target)),
    }
}

pub static EXEC: Check = row(&Row {
    id: "guest.agent-exec",
    title: "The host cannot run programs in the guest",
    severity: Severity::Medium,
    why: "With `guest-exec` whoever may use the VM's agent on the host is root in the guest, without a password and without a trace in the \
          guest's logs of logins. Where the guest belongs to somebody else, that is a way around its owner.",
    fix: "In the guest, look at the agent's options (`systemctl cat qemu-guest-agent`, /etc/sysconfig/qemu-ga, /etc/qemu/qemu-ga.conf). Block \
          `guest-exec` and `guest-exec-status`: RHEL 9.4 and later with `FILTER_RPC_ARGS=\"--block-rpcs=guest-exec,guest-exec-status\"`, older \
          ones with `BLOCK_RPCS` or `BLACKLIST_RPC`, Debian and Ubuntu with `block-rpcs` in qemu-ga.conf. Then restart the agent. Debian \
          and Ubuntu allow all commands as they are shipped.",
    impact: "Tools that run programs in the guest through its agent stop to work, among them some backup and provisioning tools.",
    needs: "//channel in the definition; the rest stands in the guest",
    judge: |_, _, domain| {
        let message = "Whether the guest's agent runs programs for the host is not visible from here: look at its configuration in the guest.";
        Ok(ask_the_guest(domain, message))
    },
});

pub static FILE_ACCESS: Check = row(&Row {
    id: "guest.agent-file-access",
    title: "The host cannot read or write files in the guest",
    severity: Severity::Medium,
    why: "With `guest-file-open` and its siblings whoever may use the VM's agent on the host reads and writes any file of the guest as its \
          root: its keys, its password hashes, its programs.",
    fix: "In the guest, add `guest-file-open`, `guest-file-read`, `guest-file-write`, `guest-file-seek`, `guest-file-flush` and \
          `guest-file-close` to the commands that the agent blocks (`block-rpcs` in /etc/qemu/qemu-ga.conf, or `FILTER_RPC_ARGS` in \
          /etc/sysconfig/qemu-ga), and restart the agent.",
    impact: "Tools that copy files through the agent stop to work.",
    needs: "//channel in the definition; the rest stands in the guest",
    judge: |_, _, domain| {
        let message = "Whether the guest's agent opens files for the host is not visible from here: look at its configuration in the guest.";
        Ok(ask_the_guest(domain, message))
    },
});

pub static CREDENTIALS: Check = row(&Row {
    id: "guest.agent-credentials",
    title: "The host cannot set passwords or keys in the guest",
    severity: Severity::Low,
    why: "With `virsh set-user-password` and `virsh set-user-sshkeys` whoever manages the VM gives himself a login in the guest. That is \
          how many clouds let people in; where nobody needs it, it is one more way in.",
    fix: "In the guest, add `guest-set-user-password`, `guest-ssh-add-authorized-keys` and `guest-ssh-remove-authorized-keys` to the \
          commands that the agent blocks, and restart it.",
    impact: "Lost passwords can then not be set from the host.",
    needs: "//channel in the definition; the rest stands in the guest",
    judge: |_, _, domain| {
        let message = "Whether the guest's agent sets passwords and keys for the host is not visible from here: look at its configuration in the guest.";
        Ok(ask_the_guest(domain, message))
    },
});

pub static VERSION: Check = row(&Row {
    id: "guest.agent-version",
    title: "The guest agent is kept up to date",
    severity: Severity::Low,
    why: "The agent runs as root in the guest and reads what the host sends. An old one has old weaknesses, and knows neither how to block \
          single commands nor how to answer newer questions.",
    fix: "In the guest, update the package qemu-guest-agent; in Windows install the newest virtio-win guest tools. See its version with \
          `qemu-ga --version`.",
    impact: "None; the agent is restarted.",
    needs: "//channel in the definition; the rest stands in the guest",
    judge: |_, _, domain| {
        let message = "libvirt does not report the agent's version: look at it in the guest with `qemu-ga --version`.";
        Ok(ask_the_guest(domain, message))
    },
});
