/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { applyMergePatch } from "../src/merge-patch";
import type { Json } from "../src/merge-patch";
import { importChecks, importReport } from "../src/report";

const UUID = "4dea22b3-1d52-d8f3-2516-782e98ab3fa0";

const REPORT: Json = {
    version: 1,
    generated: "2026-01-01T00:00:00Z",
    profile: "server",
    privileged: false,
    libvirt: { state: "connected", uri: "qemu:///system" },
    host: { name: "node1", meets: "baseline", proven: true, findings: {} },
    vms: {
        [UUID]: {
            name: "web", connection: "system", state: "running", meets: null, proven: false,
            findings: {
                "vm.tpm": {
                    verdict: "fail", severity: "medium", message: "There is no TPM.", apply: "next-start",
                    evidence: [{ origin: "/domain/devices", value: "no tpm" }], basis: ["windows-security"],
                },
                "proc.uid": {
                    verdict: "unknown", severity: "critical", message: "Not known.", apply: "manual",
                    evidence: [], basis: [], needs: "admin",
                },
            },
            vectors: { "qemu-host": { state: "partly", barriers: ["broken", "holds"] } },
        },
    },
};

void test("a report is read", () => {
    const report = importReport(REPORT);
    assert.equal(report.host.meets, "baseline");
    assert.deepEqual(report.vms[0]?.vectors.get("qemu-host"), { state: "partly", barriers: ["broken", "holds"] });
    const [vm] = report.vms;
    assert.ok(vm);
    assert.equal(vm.uuid, UUID);
    assert.equal(vm.meets, null);
    assert.equal(vm.findings.get("vm.tpm")?.evidence[0]?.origin, "/domain/devices");
    assert.equal(vm.findings.get("vm.tpm")?.needs, undefined);
    assert.equal(vm.findings.get("proc.uid")?.needs, "admin");
});

void test("a report of some findings has no ways of attack", () => {
    const report = importReport(applyMergePatch(REPORT, { vms: { [UUID]: { vectors: null } } }));
    assert.equal(report.vms[0]?.vectors.size, 0);
});

void test("a field that is null and one that a merge patch has removed are the same", () => {
    const report = importReport(applyMergePatch(REPORT, { host: { meets: null } }));
    assert.equal(report.host.meets, null);
});

void test("what a merge patch leaves alone is not read again", () => {
    const [before] = importReport(REPORT).vms;
    const other = { name: "db", connection: "system", state: "running", meets: null, proven: true, findings: {} };
    const [same, added] = importReport(applyMergePatch(REPORT, { vms: { other } })).vms;
    assert.equal(same, before);
    assert.equal(added?.name, "db");
    const [changed] = importReport(applyMergePatch(REPORT, { vms: { [UUID]: { state: "paused" } } })).vms;
    assert.equal(changed?.state, "paused");
});

void test("a finding that was accepted says why, who, since and until when", () => {
    const waiver = { reason: "R", by: "anna", since: "2026-01-31T12:00:00Z", until: "2026-12-31", expired: false };
    const accepted = (waiver: Json) => importReport(applyMergePatch(REPORT, { vms: { [UUID]: { findings: { "vm.tpm": { waiver } } } } }));
    assert.deepEqual(accepted(waiver).vms[0]?.findings.get("vm.tpm")?.waiver, waiver);
    assert.equal(importReport(REPORT).vms[0]?.findings.get("vm.tpm")?.waiver, undefined);
    assert.throws(() => accepted({ ...waiver, expired: "no" }), /waiver\.expired: not a boolean/);
});

const BAD: [patch: Json, error: RegExp][] = [
    [{ version: 2 }, /^Error: version: not 1/],
    [{ privileged: "yes" }, /^Error: privileged: not a boolean/],
    [{ libvirt: { state: "sleeping" } }, /^Error: libvirt.state: not one of connected, unreachable, denied/],
    [{ host: { findings: [] } }, /^Error: host.findings: not an object/],
    [{ vms: { [UUID]: { vectors: { "qemu-host": { state: "ajar" } } } } },
        new RegExp(`^Error: vms.${UUID}.vectors\\["qemu-host"\\].state: not one of open`)],
    [{ vms: { [UUID]: { name: null } } }, new RegExp(`^Error: vms.${UUID}.name: not a string`)],
    [{ vms: { [UUID]: { meets: "gold" } } }, new RegExp(`^Error: vms.${UUID}.meets: not one of baseline`)],
    [{ vms: { [UUID]: { findings: { "vm.tpm": { verdict: "fine" } } } } },
        new RegExp(`^Error: vms.${UUID}.findings\\["vm.tpm"\\].verdict: not one of fail`)],
    [{ vms: { [UUID]: { findings: { "vm.tpm": { evidence: [{ origin: "x", value: 5 }] } } } } },
        new RegExp(`^Error: vms.${UUID}.findings\\["vm.tpm"\\].evidence\\[0\\].value: not a string`)],
];

for (const [patch, error] of BAD) {
    void test(`refuses ${JSON.stringify(patch)} and says where`, () => {
        assert.throws(() => importReport(applyMergePatch(REPORT, patch)), error);
    });
}

for (const value of [null, [], "report", 1]) {
    void test(`refuses ${JSON.stringify(value)} as a report`, () => {
        assert.throws(() => importReport(value), /^Error: report: not an object/);
    });
}

void test("the checks are read in the program's order", () => {
    const text = (id: string) => ({ id, title: "T", area: "kernel", profile: "server", why: "W", fix: "F", impact: "I", newer: true });
    const checks = importChecks({ version: 1, checks: [text("b"), text("a")] });
    assert.deepEqual([...checks.keys()], ["b", "a"]);
    assert.throws(() => importChecks({ version: 1, checks: [{ id: "b" }] }), /^Error: checks\[0\].title: not a string/);
});
