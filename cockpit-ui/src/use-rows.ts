/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a list of findings shows, so that a live update changes nothing under the eyes of who reads it. */

import { useCallback, useEffect, useMemo, useState } from "react";

import { keepOrder, matches, toRows, worstFirst } from "./findings";
import type { Filter, Row } from "./findings";
import type { Check, Findings } from "./report";

const NONE: ReadonlySet<string> = new Set();

/** All rows in their lasting order, and those that the filter lets through or did when they were first shown. */
export function useRows(
    findings: Findings, checks: Map<string, Check>, filter: Filter, always: string
): { rows: Row[], shown: Row[] } {
    const [order, setOrder] = useState<string[]>([]);
    const [kept, setKept] = useState({ filter, ids: NONE });

    const rows = useMemo(() => keepOrder(toRows(findings, checks), order), [findings, checks, order]);
    // worst first when the list is new; after that everything stays where it is, whatever it turns into
    if (rows.some(row => !order.includes(row.id)))
        setOrder((order.length === 0 ? worstFirst(rows) : rows).map(row => row.id));

    // until somebody filters anew, what was shown stays: it shall be seen that a finding has turned good
    const ids = kept.filter === filter ? kept.ids : NONE;
    const shown = rows.filter(row => matches(row, filter) || ids.has(row.id) || row.id === always);
    if (kept.filter !== filter || shown.some(row => !ids.has(row.id)))
        setKept({ filter, ids: new Set([...ids, ...shown.map(row => row.id)]) });
    return { rows, shown };
}

/** Which findings are open. The one to go to is opened, brought into view and given the focus, once it is there. */
export function useExpanded(
    goTo: string, toggleId: string, isThere: boolean
): { expanded: ReadonlySet<string>, toggle: (id: string) => void } {
    const [expanded, setExpanded] = useState(NONE);
    const [gone, setGone] = useState("");

    const toggle = useCallback((id: string) => setExpanded(old => {
        const now = new Set(old);
        if (!now.delete(id))
            now.add(id);
        return now;
    }), []);

    if (gone !== goTo && isThere) {
        setGone(goTo);
        setExpanded(old => new Set([...old, goTo]));
    }
    useEffect(() => {
        if (!gone)
            return;
        const element = document.getElementById(toggleId);
        element?.closest("[data-check]")?.scrollIntoView({ block: "center" });
        element?.focus({ preventScroll: true });
    }, [gone, toggleId]);
    return { expanded, toggle };
}
