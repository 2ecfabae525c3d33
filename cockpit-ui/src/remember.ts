/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What of a report is remembered for the mark in Cockpit's menu. Pure. */

import { isBad } from "./findings";
import type { Critical, Mark } from "./page-status";
import type { Findings, Report } from "./report";

function markOf(findings: Findings): Mark | null {
    let mark: Mark | null = null;
    for (const finding of findings.values()) {
        if (finding.severity === "critical" && isBad(finding)) {
            if (finding.verdict === "fail")
                return "error";
            mark = "warning";
        }
    }
    return mark;
}

/** What was known, with what a report tells: about the host, and about one VM or all of a connection. */
export function withReport(
    old: Critical | null, report: Report, { connection, vm }: { connection: string, vm?: string }, at: number
): Critical {
    const vms = new Map(Object.entries(old?.vms ?? {}));
    // without libvirt nothing new is known about VMs
    if (report.libvirt.state === "connected") {
        for (const key of vms.keys()) {
            if (vm === undefined ? key.startsWith(`${connection} `) : key === `${connection} ${vm}`)
                vms.delete(key);
        }
        for (const { name, findings } of report.vms) {
            const mark = markOf(findings);
            if (mark)
                vms.set(`${connection} ${name}`, mark);
        }
    }
    return { at, host: markOf(report.host.findings), vms: Object.fromEntries(vms) };
}
