/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { PAGE_SIZE, readTable, writeTable } from "../src/table-state";
import type { TableState } from "../src/table-state";

const USUAL: TableState = { text: "", column: "worst", direction: "asc", page: 1, perPage: PAGE_SIZE };
const TAB = { tab: "evidence" };

const STATES: [address: Record<string, string>, state: Partial<TableState>][] = [
    [{}, {}],
    [{ vms: "a, b & c", page: "3" }, { text: "a, b & c", page: 3 }],
    [{ sort: "name" }, { column: "name" }],
    [{ sort: "-worst", "per-page": "200" }, { direction: "desc", perPage: 200 }],
];

for (const [address, change] of STATES) {
    void test(`${JSON.stringify(address)} is read as it is written, and leaves the tab below alone`, () => {
        const state = { ...USUAL, ...change };
        assert.deepEqual(readTable({ ...TAB, ...address }), state);
        assert.deepEqual(writeTable({ ...TAB, sort: "gone", page: "gone" }, state), { ...TAB, ...address });
    });
}

void test("what is not known in an address counts for nothing", () => {
    for (const page of ["0", "-1", "1e3", "2.5", "x", "9999999"])
        assert.deepEqual(readTable({ sort: "-nonsense", page, "per-page": "51" }), USUAL);
});
