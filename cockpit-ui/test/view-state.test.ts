/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { NO_FILTER } from "../src/findings";
import { VERDICTS } from "../src/report";
import { NO_VIEW, readView, writeView } from "../src/view-state";
import type { ViewState } from "../src/view-state";

const VM = { name: "web", connection: "system" };

const VIEWS: [address: Record<string, string>, view: Partial<ViewState>][] = [
    [{}, {}],
    [{ tab: "picture", vector: "qemu-host" }, { tab: "picture", vector: "qemu-host" }],
    [{ verdict: "all" }, { filter: { ...NO_FILTER, verdicts: [...VERDICTS] } }],
    [{ verdict: "fail,warn", severity: "critical", area: "console,daemon", basis: "chapter", text: "a, b & c" }, {
        filter: {
            verdicts: ["fail", "warn"], severities: ["critical"], areas: ["console", "daemon"], chapter: true, text: "a, b & c",
        },
    }],
    [{ check: "vm.tpm" }, { check: "vm.tpm" }],
];

for (const [address, change] of VIEWS) {
    void test(`${JSON.stringify(address)} is read as it is written, and leaves the VM alone`, () => {
        const view = { ...NO_VIEW, ...change };
        assert.deepEqual(readView({ ...VM, ...address }), view);
        assert.deepEqual(writeView({ ...VM, tab: "gone", verdict: "gone" }, view), { ...VM, ...address });
    });
}

void test("what is not known in an address counts for nothing, but for an area that may be newer", () => {
    const view = readView({ tab: "nonsense", verdict: "fail,fine", severity: "", area: "future", basis: "x" });
    assert.deepEqual(view, { ...NO_VIEW, filter: { ...NO_FILTER, verdicts: ["fail"], areas: ["future"] } });
});

void test("of an option that is given twice the first counts", () => {
    assert.equal(readView({ tab: ["evidence", "picture"] }).tab, "evidence");
});
