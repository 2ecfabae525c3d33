/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The mark at our entry in Cockpit's menu, while a VM or the host has critical findings that nobody accepted.
 *
 * Nothing runs for it: whichever page of ours has a report writes down what is critical in it (bridge.ts), and the
 * entry shows what was last seen, and when. Cockpit gives the mark of an entry only to the frame behind it, so it is
 * the overview's frame that speaks; that is why it is loaded at login, and does nothing else before it is shown.
 */

import cockpit from "cockpit";
import type { PageStatus } from "cockpit";

const _ = cockpit.gettext;

/** What is critical on a host. Kept small: only what is not good is in it. */
export interface Critical {
    /** Milliseconds since 1970. */
    at: number;
    host: Mark | null;
    /** By connection and name. */
    vms: Record<string, Mark>;
}

export type Mark = "warning" | "error";

/** The browser's store is the same for all hosts that are reached through one Cockpit. */
const statusKey = (): string => `vm-security:critical:${cockpit.transport.host}`;

const isMark = (value: unknown): value is Mark => value === "warning" || value === "error";

export function stored(): Critical | null {
    try {
        const { at, host, vms } = JSON.parse(localStorage.getItem(statusKey()) ?? "null") as Critical;
        const marks = Object.entries(vms).filter(([, mark]) => isMark(mark));
        return { at, host: isMark(host) ? host : null, vms: Object.fromEntries(marks) };
    } catch {
        return null; // nothing yet, or of another release
    }
}

function statusOf(critical: Critical | null): PageStatus | null {
    if (!critical)
        return null;
    const vms = Object.values(critical.vms);
    const marks = critical.host ? [critical.host, ...vms] : vms;
    if (marks.length === 0)
        return null;
    const parts = [];
    if (critical.host)
        parts.push(_("The host has critical findings"));
    if (vms.length > 0) {
        parts.push(cockpit.format(cockpit.ngettext("$0 virtual machine has critical findings",
                                                   "$0 virtual machines have critical findings", vms.length), vms.length));
    }
    const moment = new Date(critical.at).toLocaleString(cockpit.language.replace("_", "-"),
                                                        { dateStyle: "medium", timeStyle: "short" });
    return {
        type: marks.includes("error") ? "error" : "warning",
        title: cockpit.format(_("$0 (seen $1)"), parts.join(". "), moment),
    };
}

let announced = "null";

/** Says what is stored, if this is the frame that may, and if it is news: each time costs the shell an update. */
function announce(): void {
    const status = statusOf(stored());
    const news = JSON.stringify(status);
    if (news !== announced && /^cockpit1:.*\/vm-security\/overview$/.test(window.name)) {
        announced = news;
        cockpit.transport.control("notify", { page_status: status });
    }
}

export function store(critical: Critical): void {
    try {
        localStorage.setItem(statusKey(), JSON.stringify(critical));
    } catch {
        return; // a full store costs the mark, not the page
    }
    announce();
}

/** Says it now, and again whenever another frame has seen something else. */
export function keepAnnouncing(): void {
    cockpit.transport.wait(() => {
        window.addEventListener("storage", event => {
            if (event.key === statusKey() || event.key === null)
                announce();
        });
        announce();
    });
}
