/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What of a view lives in its address, so that Back works and a link shows another person the same: `tab`, the filter
 * (`verdict`, `severity`, `area`, `basis=chapter`, `text`), `check` (a finding to open), `vector` (a way of attack to
 * open). Lists are joined by commas; what is as usual is left out. `verdict=all` hides nothing for its verdict.
 */

import { one, withOptions } from "./address";
import type { GivenOptions, Options } from "./address";
import { AREAS, NO_FILTER } from "./findings";
import type { Filter } from "./findings";
import { SEVERITIES, VERDICTS } from "./report";

export const TABS = ["findings", "picture", "evidence", "checklist"] as const;
export type Tab = typeof TABS[number];

export interface ViewState {
    tab: Tab;
    filter: Filter;
    check: string;
    vector: string;
}

/** What somebody wrote into the address by hand may be anything. */
function known<T extends string>(choices: readonly T[], text: string): T[] {
    const parts = text.split(",");
    return choices.filter(choice => parts.includes(choice));
}

export function readView(options: GivenOptions): ViewState {
    const verdict = one(options, "verdict");
    const areas = one(options, "area").split(",").filter(Boolean);
    return {
        tab: TABS.find(tab => tab === one(options, "tab")) ?? "findings",
        filter: {
            verdicts: verdict === "all" ? [...VERDICTS] : known(VERDICTS, verdict),
            severities: known(SEVERITIES, one(options, "severity")),
            // an area may be newer than this page
            areas: [...known(AREAS, areas.join()), ...areas.filter(area => !AREAS.includes(area))],
            chapter: one(options, "basis") === "chapter",
            text: one(options, "text"),
        },
        check: one(options, "check"),
        vector: one(options, "vector"),
    };
}

/** The options of an address that shows `view`; those that are not ours stay. */
export function writeView(options: GivenOptions, { tab, filter, check, vector }: ViewState): Options {
    const { verdicts, severities, areas, chapter, text } = filter;
    return withOptions(options, {
        tab: tab === "findings" ? "" : tab,
        verdict: verdicts.length === VERDICTS.length ? "all" : verdicts.join(),
        severity: severities.join(),
        area: areas.join(),
        basis: chapter ? "chapter" : "",
        text, check, vector,
    });
}

export const NO_VIEW: ViewState = { tab: "findings", filter: NO_FILTER, check: "", vector: "" };
