/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Red Hat's chapter "Securing virtual machines", by the slugs of its sections (their numbers differ from release to
 * release), and how much of it is proven. A check belongs to each section that its basis names.
 */

import { isBad, isChapter } from "./findings";
import type { Row } from "./findings";

/** In the chapter's order. */
export const SECTIONS = [
    "best-practices-for-securing-virtual-machines",
    "creating-a-secureboot-virtual-machine",
    "limiting-what-actions-are-available-to-virtual-machine-users",
    "automatic-features-for-virtual-machine-security",
    "virtualization-booleans-in-rhel",
    "setting-up-ibm-secure-execution-on-ibm-z",
    "attaching-cryptographic-coprocessors-to-virtual-machines-on-ibm-z",
    "enabling-standard-hardware-security-on-windows-virtual-machines",
    "enabling-enhanced-hardware-security-on-windows-virtual-machines",
];

export interface Progress {
    proven: number;
    /** Known not to be as the chapter wants it. */
    broken: number;
    /** Neither proven nor refuted: not known, or left to a person. */
    unknown: number;
    /** Has nothing to do with this VM or this host; not part of the others. */
    notApplicable: number;
}

export interface Section {
    slug: string;
    items: Row[];
    progress: Progress;
}

export function progressOf(items: readonly Row[]): Progress {
    const progress = { proven: 0, broken: 0, unknown: 0, notApplicable: 0 };
    for (const { finding } of items) {
        if (finding.verdict === "pass")
            progress.proven += 1;
        else if (finding.verdict === "not-applicable")
            progress.notApplicable += 1;
        else if (isBad(finding))
            progress.broken += 1;
        else
            progress.unknown += 1;
    }
    return progress;
}

/** How many items the chapter has for this subject. */
export const total = ({ proven, broken, unknown }: Progress): number => proven + broken + unknown;

/** The sections that something was found for, and their items in the order of the rows. */
export function toSections(rows: readonly Row[]): Section[] {
    const slugs = new Set(rows.flatMap(row => row.finding.basis.filter(isChapter)));
    const place = (slug: string) => SECTIONS.includes(slug) ? SECTIONS.indexOf(slug) : SECTIONS.length;
    return [...slugs].sort((a, b) => place(a) - place(b)).map(slug => {
        const items = rows.filter(row => row.finding.basis.includes(slug));
        return { slug, items, progress: progressOf(items) };
    });
}

/** Every item once, however many sections name it. */
export function chapterItems(rows: readonly Row[]): Row[] {
    return rows.filter(row => row.finding.basis.some(isChapter));
}
