/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page's words for the ids that the program uses. An id that is newer than this page is shown as it is. */

import cockpit from "cockpit";

import type { Problem } from "./bridge";
import type { Profile, Severity, Verdict } from "./report";

const _ = cockpit.gettext;

export const verdictText = (verdict: Verdict): string => ({
    fail: _("Failed"),
    warn: _("Warning"),
    unknown: _("Unknown"),
    info: _("Note"),
    pass: _("Passed"),
    "not-applicable": _("Not applicable"),
})[verdict];

export const severityText = (severity: Severity): string => ({
    critical: _("Critical"),
    high: _("High"),
    medium: _("Medium"),
    low: _("Low"),
    info: _("Informational"),
})[severity];

export const profileText = (profile: Profile): string => ({
    baseline: _("Baseline"),
    server: _("Server"),
    "multi-tenant": _("Multi-tenant"),
    confidential: _("Confidential"),
})[profile];

/** The highest profile that somebody meets. */
export const meetsText = (meets: Profile | null): string => meets === null ? _("None") : profileText(meets);

export const profileDescription = (profile: Profile): string => ({
    baseline: _("What every host should have, also at home or in a lab"),
    server: _("A host whose VMs others depend on"),
    "multi-tenant": _("VMs of owners who must be kept apart from each other"),
    confidential: _("VMs that must be protected from their own host"),
})[profile];

export function areaText(area: string): string {
    const texts: Record<string, string> = {
        mac: _("Mandatory access control"),
        kernel: _("Kernel and hardware"),
        daemon: _("Virtualization daemons"),
        access: _("Who may manage VMs"),
        firmware: _("Firmware and boot"),
        confinement: _("Confinement of QEMU"),
        console: _("Consoles"),
        devices: _("Devices"),
        network: _("Networks"),
        storage: _("Storage"),
        secrets: _("Secrets"),
        process: _("Running process"),
        encryption: _("Protection from the host"),
        guest: _("Inside the guest"),
        state: _("State"),
    };
    return Object.hasOwn(texts, area) ? texts[area] ?? area : area || _("Other");
}

export function applyText(apply: string): string {
    const texts: Record<string, string> = {
        live: _("Can be changed while the VM is running."),
        "next-start": _("Takes effect when the VM is shut down and started again. A reboot inside the VM is not enough."),
        "daemon-restart": _("Takes effect when the virtualization daemon is restarted. VMs that run now keep the old setting."),
        "host-now": _("Changes the host, takes effect at once."),
        "host-reboot": _("Takes effect when the host is rebooted."),
        manual: _("Has to be done by hand."),
    };
    return Object.hasOwn(texts, apply) ? texts[apply] ?? apply : apply;
}

export function stateText(state: string): string {
    const texts: Record<string, string> = {
        running: _("Running"),
        paused: _("Paused"),
        "shut off": _("Shut off"),
        idle: _("Idle"),
        crashed: _("Crashed"),
        suspended: _("Suspended"),
        "shutting down": _("Shutting down"),
    };
    return Object.hasOwn(texts, state) ? texts[state] ?? state : state;
}

export function connectionText(connection: string): string {
    if (connection === "system")
        return _("System");
    if (connection === "session")
        return _("Session");
    return connection;
}

/** One headline for a problem; the program's own message is shown below it. */
export function problemText({ code }: Problem): string {
    const texts: Record<string, string> = {
        "not-supported": _("The audit program could not be started. Is the package cockpit-vm-security installed completely?"),
        "not-found": _("The audit program was not found. Is the package cockpit-vm-security installed completely?"),
        "no-cockpit": _("The audit program was not found on this host. Is the package cockpit-vm-security installed there?"),
        terminated: _("The audit program has ended."),
        disconnected: _("The audit program has ended."),
        "internal-error": _("The audit program failed."),
        "access-denied": _("You are not allowed to audit these virtual machines."),
        "protocol-error": _("The audit program gave an answer that this page does not understand."),
        timeout: _("The audit program does not answer."),
    };
    return Object.hasOwn(texts, code) ? texts[code] ?? code : cockpit.format(_("The audit failed: $0"), code);
}
