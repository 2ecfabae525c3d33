/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { finding, Session, until } from "./lib/session.js";

const READY = '[data-state="ready"]';

describe("The tabs and filters of a view", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const selected = view => view.locator('[role="tab"][aria-selected="true"]').innerText();

    it("a tab has an address, and the browser's Back button goes through them", async () => {
        const view = await session.view("insecure");
        assert.equal(await selected(view), "Findings");
        await view.getByRole("tab", { name: "Attack picture" }).click();
        await view.locator(".vms-picture").waitFor();
        await until("the tab in the address", () => session.options().tab === "picture");
        await view.getByRole("tab", { name: "Checklist" }).click();
        await view.locator("#vm-security-checklist").waitFor();
        await until("the tab in the address", () => session.options().tab === "checklist");

        await session.page.goBack();
        await view.locator(".vms-picture").waitFor();
        await session.page.goBack();
        await view.locator("#vm-findings").waitFor();
        await until("no tab in the address", () => session.options().tab === undefined);
        await session.page.goForward();
        await view.locator(".vms-picture").waitFor();
        assert.equal(await selected(view), "Attack picture");
    });

    it("tabs work from the keyboard", async () => {
        const view = await session.view("insecure");
        await view.getByRole("tab", { name: "Evidence" }).focus();
        await session.page.keyboard.press("Enter");
        await view.locator("[data-evidence]").waitFor();
        assert.ok(await view.getByRole("tab", { name: "Evidence" }).evaluate(tab => tab === document.activeElement));
    });

    it("filters by area and by Red Hat's chapter", async () => {
        const view = await session.view("insecure", READY, "verdict=all");
        const rows = view.locator("#vm-findings [data-check]");
        const all = await rows.count();
        await view.locator("#vm-filter-area").click();
        await view.locator('[data-choice="console"]').getByRole("checkbox").or(view.locator('input[data-choice="console"]')).first().click();
        await session.page.keyboard.press("Escape");
        await until("one area", async () => await view.locator("#vm-findings [data-area]").count() === 1);
        assert.equal(await view.locator("#vm-findings [data-area]").getAttribute("data-area"), "console");
        const consoles = await rows.count();

        await view.getByRole("button", { name: "Clear filters" }).click();
        await view.locator("#vm-findings .vms-show-good").click();
        await until("all findings", async () => await rows.count() === all);
        await view.getByRole("switch", { name: "Only Red Hat's chapter" }).or(view.getByRole("checkbox", { name: "Only Red Hat's chapter" }))
                .first().setChecked(true, { force: true });
        await until("fewer findings", async () => await rows.count() < all);
        assert.ok(consoles > 0 && consoles < all && await rows.count() > 0);
        await until("both in the address", () => session.options().basis === "chapter" && session.options().verdict === "all");
        await finding(view, "vm.secure-boot").getByRole("button").first().click();
        await finding(view, "vm.secure-boot").getByText("Red Hat, Securing virtual machines: Creating a SecureBoot virtual machine").waitFor();
    });

    it("a link that is handed on shows the same to whoever loads it", async () => {
        await session.load("/vm-security#/vm?name=insecure&connection=system&severity=critical,high&verdict=fail&area=console");
        const view = await session.frame("vm-security", READY);
        await finding(view, "vm.graphics-listen").waitFor();
        const shown = await view.locator("#vm-findings [data-check]").evaluateAll(items =>
            items.map(({ dataset }) => `${dataset.verdict} ${dataset.severity}`));
        assert.ok(shown.length > 0 && shown.every(item => /^fail (critical|high)$/.test(item)), shown.join());
        assert.equal(await view.locator("#vm-findings [data-area]").count(), 1);
        assert.equal(await view.locator("#vm-filter-severity").innerText().then(text => /2/.test(text)), true);
    });

    it("words that are typed are in the address, without a step for Back for each letter", async () => {
        const view = await session.view("insecure");
        await view.getByRole("tab", { name: "Checklist" }).click();
        await view.locator("#vm-security-checklist").waitFor();
        await view.getByRole("tab", { name: "Findings" }).click();
        const box = view.getByRole("textbox", { name: "Filter by text" }).first();
        await box.pressSequentially("secure boot");
        assert.equal(await box.inputValue(), "secure boot");
        await until("the words in the address", () => session.options().text === "secure boot");
        await session.page.goBack();
        await view.locator("#vm-security-checklist").waitFor();
    });
});

describe("The tabs of the host", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("are findings, evidence and checklist, each with an address", async () => {
        const page = await session.overview();
        assert.deepEqual(await page.getByRole("tab").allInnerTexts(), ["Findings", "Evidence", "Checklist"]);
        await page.getByRole("tab", { name: "Evidence" }).click();
        await page.locator('[data-evidence] [data-topic="kernel"]').waitFor();
        assert.equal(await page.locator("#vm-evidence-vm").count(), 0, "no VM's");
        await page.getByRole("tab", { name: "Checklist" }).click();
        await page.locator("[data-item]").first().waitFor();
        assert.deepEqual(await page.locator('[data-item^="vm."]').count(), 0);
        await until("the tab in the address", () => session.options().tab === "checklist");
        await session.page.goBack();
        await page.locator("[data-evidence]").waitFor();
    });

    it("an item of the checklist leads to its finding, which is open", async () => {
        await session.load("/vm-security/overview#/?tab=checklist");
        const page = await session.frame("vm-security/overview", READY);
        await page.locator('[data-item="host.selinux-enforcing"]').first().getByRole("link").click();
        await finding(page, "host.selinux-enforcing").getByText("Why it matters").waitFor();
        await until("the focus on it", () => page.evaluate(() =>
            document.activeElement.closest("[data-check]")?.dataset.check === "host.selinux-enforcing"));
    });
});
