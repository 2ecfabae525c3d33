/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* In what two VMs differ. Pure functions over their findings. */

import { isAccepted, rank } from "./findings";
import type { Check, Finding, Findings } from "./report";

export interface Pair {
    id: string;
    title: string;
    /** Missing where this check has not looked at the VM. */
    left?: Finding;
    right?: Finding;
    /** "words": the verdict is the same, but it was found for another reason. */
    differ: "verdict" | "words" | "no";
}

const decided = (finding: Finding | undefined) => finding && `${finding.verdict} ${isAccepted(finding)}`;

/** All checks, those first in which the worse of both VMs is worst. */
export function pairs(left: Findings, right: Findings, checks: Map<string, Check>): Pair[] {
    const worse = ({ left, right }: Pair) => Math.min(left ? rank(left) : Infinity, right ? rank(right) : Infinity);
    const result = [...new Set([...left.keys(), ...right.keys()])].map((id): Pair => {
        const [l, r] = [left.get(id), right.get(id)];
        return {
            id, title: checks.get(id)?.title ?? id, ...l && { left: l }, ...r && { right: r },
            differ: decided(l) !== decided(r) ? "verdict" : l?.message !== r?.message ? "words" : "no",
        };
    });
    return result.sort((a, b) => worse(a) - worse(b));
}
