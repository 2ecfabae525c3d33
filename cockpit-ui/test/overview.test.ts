/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the overview works out of findings: comparison, demands of profiles, what is remembered for the menu. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pairs } from "../src/compare-vms";
import { demands, fleetDemands } from "../src/demand";
import { fileName } from "../src/file-name";
import { countSeverities, rank, worst } from "../src/findings";
import { withReport } from "../src/remember";
import type { Check, Finding, Findings, Profile, Report, Severity, Verdict, Waiver } from "../src/report";

const WAIVER: Waiver = { reason: "R", by: "anna", since: "2026-01-31T12:00:00Z", expired: false };
const OVER: Waiver = { ...WAIVER, until: "2026-02-01", expired: true };

function finding(verdict: Verdict, severity: Severity = "high", more: Partial<Finding> = {}): Finding {
    return { verdict, severity, message: "M", evidence: [], basis: [], apply: "live", ...more };
}

const findings = (all: Record<string, Finding>): Findings => new Map(Object.entries(all));

const CHECKS = new Map((["baseline", "server", "multi-tenant", "confidential"] as Profile[]).map((profile): [string, Check] =>
    [profile, { id: profile, title: profile, area: "", profile, why: "", fix: "", impact: "" }]));

void test("what is accepted counts no more, until that is over", () => {
    const all = findings({
        accepted: finding("fail", "critical", { waiver: WAIVER }),
        over: finding("fail", "medium", { waiver: OVER }),
        open: finding("warn", "high"),
    });
    assert.deepEqual([...countSeverities(all.values())], [["medium", 1], ["high", 1]]);
    assert.equal(worst(all)?.id, "over");
    assert.equal(worst(findings({ accepted: finding("fail", "critical", { waiver: WAIVER }) })), null);
    assert.ok(rank(finding("fail", "critical", { waiver: WAIVER })) > rank(finding("unknown", "info")));
    assert.equal(rank(finding("pass", "high", { waiver: WAIVER })), rank(finding("pass", "high")));
});

void test("two VMs differ in a verdict, in its reason, or not", () => {
    const left = findings({
        same: finding("pass"), verdict: finding("fail", "low"), words: finding("warn", "high"), worse: finding("pass", "critical"),
        accepted: finding("fail", "high", { waiver: WAIVER }), gone: finding("pass", "low"),
    });
    const right = findings({
        same: finding("pass"), verdict: finding("pass", "low"), words: finding("warn", "high", { message: "N" }),
        worse: finding("fail", "critical"), accepted: finding("fail", "high"),
    });
    const found = pairs(left, right, new Map());
    assert.deepEqual(Object.fromEntries(found.map(({ id, differ }) => [id, differ])), {
        same: "no", verdict: "verdict", words: "words", worse: "verdict", accepted: "verdict", gone: "verdict",
    });
    assert.deepEqual(found.slice(0, 3).map(({ id }) => id), ["worse", "accepted", "verdict"]);
    assert.equal(found.find(({ id }) => id === "gone")?.right, undefined);
});

void test("each profile demands what those below do, and its own", () => {
    const all = findings({
        baseline: finding("fail"), server: finding("fail"), "multi-tenant": finding("warn"), unheard: finding("fail"),
        confidential: finding("fail", "high", { waiver: WAIVER }),
    });
    assert.deepEqual(demands(all, CHECKS), [
        { profile: "baseline", fails: 2, newFails: 2, warns: 0 },
        { profile: "server", fails: 3, newFails: 1, warns: 0 },
        { profile: "multi-tenant", fails: 3, newFails: 0, warns: 1 },
        { profile: "confidential", fails: 3, newFails: 0, warns: 1 },
    ]);
    const good = findings({ server: finding("pass") });
    const late = findings({ server: finding("fail") });
    assert.deepEqual(fleetDemands([all, good, late], CHECKS).slice(0, 3), [
        { profile: "baseline", vms: 1, newVms: 1, newFails: 2 },
        { profile: "server", vms: 2, newVms: 1, newFails: 2 },
        { profile: "multi-tenant", vms: 2, newVms: 0, newFails: 0 },
    ]);
});

function report(host: Findings, vms: Record<string, Findings>, state: "connected" | "denied" = "connected"): Report {
    const judged = { meets: null, proven: true };
    return {
        profile: "server", privileged: true, libvirt: { state, uri: "qemu:///system" }, host: { ...judged, name: "h", findings: host },
        vms: Object.entries(vms).map(([name, findings]) =>
            ({ ...judged, name, findings, uuid: name, connection: "system", state: "running", vectors: new Map() })),
    };
}

void test("what is critical is remembered of each that was seen, and nothing else", () => {
    const [bad, weak] = [findings({ a: finding("fail", "critical") }), findings({ a: finding("warn", "critical") })];
    const fine = findings({ a: finding("fail", "high"), b: finding("fail", "critical", { waiver: WAIVER }) });
    const all = { connection: "system" };
    const first = withReport(null, report(weak, { web: bad, db: fine, dev: weak }), all, 1);
    assert.deepEqual(first, { at: 1, host: "warning", vms: { "system web": "error", "system dev": "warning" } });
    // one VM's view tells of that one only, also when it is gone
    assert.deepEqual(withReport(first, report(fine, { web: fine }), { ...all, vm: "web" }, 2).vms, { "system dev": "warning" });
    assert.deepEqual(withReport(first, report(fine, {}), { ...all, vm: "web" }, 2).vms, { "system dev": "warning" });
    assert.deepEqual(withReport(first, report(fine, {}), all, 2), { at: 2, host: null, vms: {} });
    assert.deepEqual(withReport(first, report(fine, {}), { connection: "session" }, 2).vms, first.vms);
    assert.deepEqual(withReport(first, report(fine, {}, "denied"), all, 2).vms, first.vms);
    const hostile = withReport(null, report(fine, { "__proto__": bad, web: bad }), all, 1);
    assert.deepEqual(Object.keys(hostile.vms), ["system __proto__", "system web"].filter(key => key in hostile.vms));
});

void test("a file's name is one, whatever the VM is called", () => {
    const day = new Date("2026-01-31T12:00:00Z");
    assert.equal(fileName("web1", "json", day), "vm-security-web1-2026-01-31.json");
    assert.equal(fileName("../a/b:c *?\u202e", "html", day), "vm-security-a-b-c-2026-01-31.html");
    assert.equal(fileName("/", "html", day), "vm-security-report-2026-01-31.html");
    assert.equal(fileName("שרת 7", "json", day), "vm-security-שרת-7-2026-01-31.json");
    assert.ok(fileName("x".repeat(250), "json", day).length < 120);
});
