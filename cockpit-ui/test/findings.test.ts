/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import {
    countSeverities, countVerdicts, groupByArea, keepOrder, matches, needsAdmin, NO_FILTER, toRows, worst, worstFirst
} from "../src/findings";
import { VERDICTS } from "../src/report";
import type { Check, Finding, Severity, Verdict } from "../src/report";

function finding(verdict: Verdict, severity: Severity, more: Partial<Finding> = {}): Finding {
    return { verdict, severity, message: "M", evidence: [], basis: [], apply: "live", ...more };
}

const FINDINGS = new Map([
    ["a.pass", finding("pass", "critical")],
    ["a.low", finding("fail", "low", { basis: ["https://libvirt.org/"] })],
    ["b.unknown", finding("unknown", "critical", { needs: "admin" })],
    ["b.high", finding("fail", "high", { evidence: [{ origin: "/domain/devices/graphics[1]", value: "0.0.0.0" }] })],
    ["b.warn", finding("warn", "critical", { basis: ["virtualization-booleans-in-rhel"] })],
    ["c.unknown", finding("unknown", "low")],
]);

function check(id: string, area: string, title = "T"): [string, Check] {
    return [id, { id, title, area, profile: "baseline", why: "", fix: "", impact: "" }];
}

const CHECKS = new Map([
    check("a.pass", "kernel"), check("a.low", "kernel"), check("b.unknown", "console"), check("b.high", "console", "Löwe"),
    check("b.warn", "console"),
]);

const ROWS = toRows(FINDINGS, CHECKS);
const ids = (rows: { id: string }[]) => rows.map(row => row.id);

void test("worst comes first: what fails, what warns, what is not known", () => {
    assert.deepEqual(ids(worstFirst(ROWS)), ["b.high", "a.low", "b.warn", "b.unknown", "c.unknown", "a.pass"]);
});

void test("an update leaves rows where they are, and puts new ones last", () => {
    const order = ["a.low", "b.warn", "gone", "b.high", "a.pass"];
    assert.deepEqual(ids(keepOrder(ROWS, order)), ["a.low", "b.warn", "b.high", "a.pass", "b.unknown", "c.unknown"]);
});

void test("areas have a fixed order, and a check that is not known has an area of its own", () => {
    const groups = groupByArea(worstFirst(ROWS));
    assert.deepEqual(groups.map(g => [g.area, ids(g.rows)]), [
        ["console", ["b.high", "b.warn", "b.unknown"]],
        ["kernel", ["a.low", "a.pass"]],
        ["", ["c.unknown"]],
    ]);
});

void test("filters are combined, and an empty one hides what is good", () => {
    const shown = (filter: Partial<typeof NO_FILTER>) =>
        ids(ROWS.filter(row => matches(row, { ...NO_FILTER, ...filter })));
    assert.deepEqual(shown({}), ["a.low", "b.unknown", "b.high", "b.warn", "c.unknown"]);
    assert.equal(shown({ verdicts: [...VERDICTS] }).length, ROWS.length);
    assert.deepEqual(shown({ verdicts: ["pass"] }), ["a.pass"]);
    assert.deepEqual(shown({ areas: ["console"], severities: ["critical"] }), ["b.unknown", "b.warn"]);
    assert.deepEqual(shown({ chapter: true }), ["b.warn"], "an address is no section of the chapter");
    assert.deepEqual(shown({ verdicts: ["fail", "warn"] }), ["a.low", "b.high", "b.warn"]);
    assert.deepEqual(shown({ verdicts: ["fail", "warn"], severities: ["critical"] }), ["b.warn"]);
    assert.deepEqual(shown({ text: " LÖWE " }), ["b.high"], "title");
    assert.deepEqual(shown({ text: "graphics[1]" }), ["b.high"], "evidence");
    assert.deepEqual(shown({ text: "c.unk" }), ["c.unknown"], "id");
    assert.deepEqual(shown({ text: "nothing like this" }), []);
});

void test("counts", () => {
    assert.deepEqual([...countVerdicts(FINDINGS.values())].sort(), [["fail", 2], ["pass", 1], ["unknown", 2], ["warn", 1]]);
    assert.deepEqual([...countSeverities(FINDINGS.values())].sort(), [["critical", 1], ["high", 1], ["low", 1]]);
    assert.equal(needsAdmin(FINDINGS), 1);
});

void test("the worst finding is one that fails or warns, or none", () => {
    assert.equal(worst(FINDINGS)?.id, "b.high");
    assert.equal(worst(new Map([["x", finding("unknown", "critical")], ["y", finding("pass", "critical")]])), null);
});
