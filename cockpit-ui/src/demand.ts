/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each profile says about the same findings. Pure functions over a report that was judged by the strictest. */

import { isBad } from "./findings";
import { PROFILES } from "./report";
import type { Check, Findings, Profile } from "./report";

export interface Demand {
    profile: Profile;
    /** What fails with this profile, and how much of it with no profile below. */
    fails: number;
    newFails: number;
    warns: number;
}

/** `findings` as the strictest profile shows them: in it nothing that fails or warns is shown as a note. */
export function demands(findings: Findings, checks: Map<string, Check>): Demand[] {
    const fails = new Map<Profile, number>();
    const warns = new Map<Profile, number>();
    for (const [id, finding] of findings) {
        if (!isBad(finding))
            continue;
        const profile = checks.get(id)?.profile ?? "baseline";
        const counts = finding.verdict === "fail" ? fails : warns;
        counts.set(profile, (counts.get(profile) ?? 0) + 1);
    }
    const sum = { fails: 0, warns: 0 };
    return PROFILES.map(profile => {
        const newFails = fails.get(profile) ?? 0;
        sum.fails += newFails;
        sum.warns += warns.get(profile) ?? 0;
        return { profile, newFails, ...sum };
    });
}

export interface FleetDemand {
    profile: Profile;
    /** VMs in which something fails with this profile, and those of them in which nothing does with the one below. */
    vms: number;
    newVms: number;
    newFails: number;
}

export function fleetDemands(fleet: readonly Findings[], checks: Map<string, Check>): FleetDemand[] {
    const all = fleet.map(findings => demands(findings, checks));
    return PROFILES.map((profile, i) => {
        const here = all.map(one => one[i]).filter(demand => demand !== undefined);
        const failing = here.filter(demand => demand.fails > 0);
        return {
            profile,
            vms: failing.length,
            newVms: failing.filter(demand => demand.fails === demand.newFails).length,
            newFails: here.reduce((total, demand) => total + demand.newFails, 0),
        };
    });
}
