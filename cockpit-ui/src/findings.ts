/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Pure functions over findings: order, groups, filters, counts. */

import { SEVERITIES, VERDICTS } from "./report";
import type { Check, Finding, Findings, Severity, Verdict } from "./report";
import { say, sayValue } from "./say";

export interface Row {
    id: string;
    title: string;
    area: string;
    finding: Finding;
    /** Missing when the program's list of checks has not arrived or does not know this one. */
    check?: Check;
}

export interface Group {
    area: string;
    rows: Row[];
}

export interface Filter {
    /** Empty: what needs attention; see `needsAttention`. */
    verdicts: Verdict[];
    /** Empty: all. */
    severities: Severity[];
    areas: string[];
    /** Only what Red Hat's chapter says. */
    chapter: boolean;
    text: string;
}

export const NO_FILTER: Filter = { verdicts: [], severities: [], areas: [], chapter: false, text: "" };

/** The kebab ids of the areas, in the order of the page. */
export const AREAS = [
    "mac", "confinement", "process", "console", "devices", "network", "firmware", "encryption", "storage", "secrets",
    "guest", "daemon", "access", "kernel", "state",
];

/** Lower is worse. A failed low check comes before a warning: it is known to be bad. What is accepted is a note. */
export function rank(finding: Finding): number {
    const verdict = isAccepted(finding) && isFound(finding) ? "info" : finding.verdict;
    return VERDICTS.indexOf(verdict) * SEVERITIES.length + SEVERITIES.indexOf(finding.severity);
}

export function toRows(findings: Findings, checks: Map<string, Check>): Row[] {
    return [...findings].map(([id, finding]) => {
        const check = checks.get(id);
        return { id, finding, title: check?.title ?? id, area: check?.area ?? "", ...check && { check } };
    });
}

/** A basis is either an address or the slug of a section of Red Hat's chapter. */
export const isChapter = (basis: string): boolean => !basis.includes("://");

export function isFound(finding: Finding): boolean {
    return finding.verdict === "fail" || finding.verdict === "warn";
}

/** Somebody has decided to live with it, and that still counts. */
export function isAccepted(finding: Finding): boolean {
    return finding.waiver !== undefined && !finding.waiver.expired;
}

/** What the reader needs to look at. */
export function isBad(finding: Finding): boolean {
    return isFound(finding) && !isAccepted(finding);
}

/** Worst first; equal ones as the program lists them. */
export function worstFirst(rows: Row[]): Row[] {
    return [...rows].sort((a, b) => rank(a.finding) - rank(b.finding));
}

/**
 * Keeps rows where they were (`order`: ids as last shown), so that a live update never moves what somebody is reading;
 * new ones come last.
 */
export function keepOrder(rows: Row[], order: readonly string[]): Row[] {
    const place = new Map(order.map((id, i) => [id, i]));
    const at = (row: Row) => place.get(row.id) ?? order.length;
    return [...rows].sort((a, b) => at(a) - at(b));
}

/** What is good, and what does not apply, is most of it; and nobody has to do anything about it. */
export function needsAttention({ verdict }: Finding): boolean {
    return verdict !== "pass" && verdict !== "not-applicable";
}

export function matches(row: Row, filter: Filter): boolean {
    const { verdicts } = filter;
    const { verdict } = row.finding;
    return (verdicts.length > 0 ? verdicts.includes(verdict) : needsAttention(row.finding)) && matchesBut(row, filter);
}

/** Whether all but the verdict is as wanted. */
export function matchesBut(row: Row, filter: Filter): boolean {
    const { finding } = row;
    if (filter.severities.length > 0 && !filter.severities.includes(finding.severity))
        return false;
    if (filter.areas.length > 0 && !filter.areas.includes(row.area))
        return false;
    if (filter.chapter && !finding.basis.some(isChapter))
        return false;
    const wanted = filter.text.trim().toLocaleLowerCase();
    if (!wanted)
        return true;
    // as it is shown; and in English, as reports and documents have it
    const words = [row.title, finding.message];
    const values = finding.evidence.flatMap(e => [e.origin, e.value]);
    const texts = [row.id, ...words, ...words.map(say), ...values, ...values.map(sayValue)];
    return texts.some(text => text.toLocaleLowerCase().includes(wanted));
}

export function groupByArea(rows: Row[]): Group[] {
    const groups = new Map<string, Row[]>();
    for (const row of rows)
        groups.set(row.area, [...groups.get(row.area) ?? [], row]);
    return [...groups].map(([area, rows]) => ({ area, rows }))
            .sort((a, b) => placeOfArea(a.area) - placeOfArea(b.area));
}

function placeOfArea(area: string): number {
    return AREAS.includes(area) ? AREAS.indexOf(area) : AREAS.length;
}

/** The areas of these rows, in the order of the page. */
export function areasOf(rows: Row[]): string[] {
    return [...new Set(rows.map(row => row.area))].sort((a, b) => placeOfArea(a) - placeOfArea(b));
}

export function countVerdicts(findings: Iterable<Finding>): Map<Verdict, number> {
    const counts = new Map<Verdict, number>();
    for (const { verdict } of findings)
        counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    return counts;
}

/** How many findings fail or warn, by severity. */
export function countSeverities(findings: Iterable<Finding>): Map<Severity, number> {
    const counts = new Map<Severity, number>();
    for (const finding of findings) {
        if (isBad(finding))
            counts.set(finding.severity, (counts.get(finding.severity) ?? 0) + 1);
    }
    return counts;
}

/** The id of the worst finding that fails or warns. */
export function worst(findings: Findings): { id: string, finding: Finding } | null {
    let result: { id: string, finding: Finding } | null = null;
    for (const [id, finding] of findings) {
        if (isBad(finding) && (!result || rank(finding) < rank(result.finding)))
            result = { id, finding };
    }
    return result;
}

export function needsAdmin(findings: Findings): number {
    return [...findings.values()].filter(f => f.verdict === "unknown" && f.needs === "admin").length;
}
