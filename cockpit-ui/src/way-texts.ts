/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The words of the attack picture. */

import cockpit from "cockpit";

import type { State, Strength } from "./vectors";

const _ = cockpit.gettext;

export const wayStateText = (state: State): string => ({
    open: _("Open"),
    partly: _("Partly blocked"),
    unknown: _("Not known"),
    blocked: _("Blocked"),
    "not-applicable": _("Does not apply"),
})[state];

export const strengthText = (strength: Strength): string => ({
    broken: _("Broken"),
    weak: _("Weak"),
    unknown: _("Not known"),
    holds: _("Holds"),
    "not-applicable": _("Does not apply"),
})[strength];

export function nodeText(node: string): string {
    const texts: Record<string, string> = {
        guest: _("Guest"),
        qemu: _("QEMU process"),
        host: _("Host kernel"),
        neighbours: _("Other VMs"),
        storage: _("Storage"),
        network: _("Network"),
        consoles: _("Consoles"),
        admins: _("Administrators"),
        users: _("Local users"),
    };
    return Object.hasOwn(texts, node) ? texts[node] ?? node : node;
}

/** A few letters beside an arrow; the title says the rest. */
export function wayLabel(vector: string): string {
    const texts: Record<string, string> = {
        "guest-qemu": _("Emulated devices"),
        "qemu-host": _("Escape to the host"),
        "qemu-neighbours": _("Memory, disks"),
        "qemu-storage": _("Disk images"),
        "guest-shares": _("Shared directories"),
        "guest-dma": _("Real devices"),
        "side-channels": _("Side channels"),
        "guest-network": _("Traffic"),
        "network-consoles": _("Screens"),
        "network-management": _("Management"),
        "users-vm": _("Sockets, files"),
        "boot-chain": _("Boot chain"),
        "admins-memory": _("Memory"),
    };
    return Object.hasOwn(texts, vector) ? texts[vector] ?? "" : "";
}

/** "Guest → QEMU process", also where it is read aloud. */
export const wayText = (from: string, to: string): string =>
    cockpit.format(_("$0 → $1"), nodeText(from), nodeText(to));

/** How barriers add up. */
export const logicText = (logic: string): string => logic === "depth"
    ? _("Barriers one behind the other: an attacker must get through all of them.")
    : _("Barriers side by side, each before a door of its own: an attacker takes the weakest.");
