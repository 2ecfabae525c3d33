/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { chapterItems, progressOf, SECTIONS, toSections, total } from "../src/chapter";
import { toRows } from "../src/findings";
import type { Finding, Verdict } from "../src/report";

const [FIRST = "", SECOND = ""] = SECTIONS;

function finding(verdict: Verdict, ...basis: string[]): Finding {
    return { verdict, severity: "high", message: "M", evidence: [], basis, apply: "live" };
}

const ROWS = toRows(new Map([
    ["a", finding("pass", SECOND, FIRST)],
    ["b", finding("fail", FIRST, "https://libvirt.org/")],
    ["c", finding("unknown", SECOND)],
    ["d", finding("not-applicable", SECOND)],
    ["e", finding("pass", "https://libvirt.org/")],
    ["f", finding("info", "a-newer-section")],
]), new Map());

void test("sections come in the chapter's order, newer ones last, each with its items", () => {
    assert.deepEqual(toSections(ROWS).map(({ slug, items }) => [slug, items.map(item => item.id)]), [
        [FIRST, ["a", "b"]],
        [SECOND, ["a", "c", "d"]],
        ["a-newer-section", ["f"]],
    ]);
});

void test("only what passed is proven, and what does not apply does not count", () => {
    const progress = progressOf(chapterItems(ROWS));
    assert.deepEqual(progress, { proven: 1, broken: 1, unknown: 2, notApplicable: 1 });
    assert.equal(total(progress), 4);
});
