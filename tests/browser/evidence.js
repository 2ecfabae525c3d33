/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { ourProcesses } from "./lib/bed.js";
import { finding, Session, until, URL_BASE } from "./lib/session.js";

describe("The evidence of a VM", () => {
    let session, view;
    before(async () => {
        session = await Session.open();
        await session.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: URL_BASE });
    });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const fact = path => view.locator(`[data-fact="${path}"]`);
    const copied = () => view.evaluate(() => navigator.clipboard.readText());

    it("is read when somebody looks, not before", async () => {
        view = await session.view("insecure");
        assert.equal(await view.locator("[data-fact]").count(), 0);
        await view.getByRole("tab", { name: "Evidence" }).click();
        await fact("stored").waitFor();
        await until("the program that read it to be gone", async () => (await ourProcesses()).length <= 2);
    });

    it("is grouped by VM and host, each with origin and value, or with the reason why it was not read", async () => {
        assert.match(await view.locator("#vm-evidence-vm").innerText(), /virsh dumpxml --inactive/);
        assert.match(await view.locator('#vm-evidence-host [data-topic="kernel"]').innerText(), /\/proc\/cmdline/);
        const missing = view.locator('[data-fact][data-missing="true"]').first();
        assert.match(await missing.innerText(), /Not read: \S/);
        assert.equal(await view.getByText("22222222-2222-4222-8222-222222222222").count(), 0, "nothing of other VMs' definitions");
    });

    it("folds long values and shows them when asked", async () => {
        assert.doesNotMatch(await fact("stored").innerText(), /<\/domain>/);
        await fact("stored").getByRole("button", { name: /^Show all \d+ lines$/ }).click();
        assert.match(await fact("stored").innerText(), /<\/domain>/);
        await fact("stored").getByRole("button", { name: "Show less" }).click();
        assert.doesNotMatch(await fact("stored").innerText(), /<\/domain>/);
    });

    it("is searched, also inside of what is folded", async () => {
        const all = await view.locator("[data-fact]").count();
        await view.getByRole("textbox", { name: "Search the evidence" }).fill("0.0.0.0");
        await until("fewer facts", async () => await view.locator("[data-fact]").count() < all);
        assert.match(await fact("stored").innerText(), /listen='0\.0\.0\.0'/);
        const left = await view.locator("[data-fact]").count();
        assert.equal(await view.locator("#vm-evidence-filter [role=status]").last().innerText(), `${left} of ${all} facts`);
        await until("the words in the address", () => session.options().text === "0.0.0.0");
    });

    it("is copied: one fact with its origin, or all that is shown", async () => {
        await view.getByRole("textbox", { name: "Search the evidence" }).fill("/proc/cmdline");
        const line = view.locator("[data-fact]", { hasText: "/proc/cmdline" }).first();
        await line.getByRole("button", { name: /^Copy / }).click();
        await until("one line", async () => /^\/proc\/cmdline = \S/.test(await copied()));
        await view.getByRole("textbox", { name: "Search the evidence" }).fill("selinux");
        await view.getByRole("button", { name: "Copy all that is shown" }).click();
        await until("many lines", async () => (await copied()).split("\n").length > 2 && /^\/sys\/fs\/selinux = disabled$/m.test(await copied()));
    });
});

describe("The checklist of Red Hat's chapter", () => {
    let session, view;
    before(async () => {
        session = await Session.open();
        view = await session.view("insecure", "#vm-security-checklist", "tab=checklist");
    });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("has the sections by their titles, and counts what is proven", async () => {
        const titles = await view.locator("[data-section] h3").allInnerTexts();
        assert.ok(titles.includes("Best practices for securing virtual machines"), titles.join());
        assert.ok(titles.every(title => !/^[a-z-]+$/.test(title)), titles.join());
        for (const section of await view.locator("[data-section]").all()) {
            const verdicts = await section.locator("[data-item]").evaluateAll(all => all.map(item => item.dataset.verdict));
            const counted = section.locator("[data-proven]");
            assert.equal(Number(await counted.getAttribute("data-proven")), verdicts.filter(verdict => verdict === "pass").length);
            assert.equal(Number(await counted.getAttribute("data-total")), verdicts.length);
        }
        assert.match(await view.locator("#vm-security-checklist [data-proven]").first().innerText(), /^\d+ of \d+ items proven$/);
    });

    it("folds what does not apply", async () => {
        const fold = view.getByRole("button", { name: /items? (does|do) not apply$/ }).first();
        assert.equal(await view.locator('[data-item][data-verdict="not-applicable"]').count(), 0);
        await fold.click();
        await view.locator('[data-item][data-verdict="not-applicable"]').first().waitFor();
    });

    it("shows what proves an item, and leads to its finding", async () => {
        const item = view.locator('[data-item="vm.secure-boot"]').first();
        assert.match(await item.innerText(), /\/domain\/os/);
        await item.getByRole("link").click();
        await finding(view, "vm.secure-boot").getByText("Why it matters").waitFor();
    });
});
