/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { countFacts, filterTopics, fold, importFacts, toLine } from "../src/facts";

const ANSWER = {
    version: 1,
    recorded: "2026-01-01T00:00:00Z",
    host: {
        name: "node1",
        selinux: {
            mode: { value: "disabled", origin: "/sys/fs/selinux" },
            policy: { missing: "there is no policy", origin: "/etc/selinux" },
            configured: { value: null, origin: "/etc/selinux/config" },
        },
    },
    libvirt: { uri: "qemu:///system", security_models: { value: ["none", "dac"], origin: "capabilities" } },
    vms: [
        { uuid: "other", name: "other", state: { value: "running", origin: "virsh" } },
        {
            uuid: "ours", name: "ours",
            process: {
                value: { pid: 7, exe: { value: "/usr/bin/qemu", origin: "/proc/7/exe" } },
                origin: "/proc/7",
            },
        },
    ],
};

const lines = (topics: ReturnType<typeof importFacts>["vm"]) =>
    topics.flatMap(topic => topic.facts.map(fact => `${topic.id}: ${toLine(fact)}`));

void test("facts are found wherever they lie, also inside others, and of the VMs only ours", () => {
    const { host, vm } = importFacts(ANSWER, "ours");
    assert.deepEqual(lines(host), [
        "selinux: /sys/fs/selinux = disabled",
        "selinux: /etc/selinux: there is no policy",
        "selinux: /etc/selinux/config = (not there)",
        'libvirt: capabilities = ["none","dac"]',
    ]);
    assert.deepEqual(lines(vm), ['process: /proc/7 = {"pid":7}', "process: /proc/7/exe = /usr/bin/qemu"]);
    assert.deepEqual(importFacts(ANSWER, null).vm, []);
    assert.throws(() => importFacts([], null), /not an object/);
});

void test("paths tell the facts of a topic apart", () => {
    const [selinux] = importFacts(ANSWER, null).host;
    assert.deepEqual(selinux?.facts.map(fact => fact.path), ["selinux.mode", "selinux.policy", "selinux.configured"]);
});

void test("a search looks at origins, values and reasons", () => {
    const { host } = importFacts(ANSWER, null);
    const found = (wanted: string) => countFacts(filterTopics(host, wanted));
    assert.deepEqual(["", "SELINUX", "no policy", "dac", "qemu:///"].map(found), [4, 3, 1, 1, 0]);
});

void test("long values are folded to their beginning, or to the lines that are looked for", () => {
    const xml = Array.from({ length: 50 }, (_line, i) => `<line n='${i}'/>`).join("\n");
    assert.deepEqual(fold("one\ntwo", ""), { text: "one\ntwo", lines: 0 });
    assert.deepEqual(fold(xml, ""), { text: "<line n='0'/>\n<line n='1'/>\n<line n='2'/>\n<line n='3'/>", lines: 50 });
    assert.deepEqual(fold(xml, "n='42'"), { text: "<line n='42'/>", lines: 50 });
    assert.equal(fold("x".repeat(1000), "").text.length, 301);
});
