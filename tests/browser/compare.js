/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Two VMs side by side, what each profile demands, and reports as files. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, afterEach, before, describe, it } from "node:test";

import { Session, until } from "./lib/session.js";

const READY = "#vm-security-compare [data-state='ready']";

describe("Two VMs", () => {
    let session, page;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const choose = name => page.getByRole("checkbox", { name: `Choose ${name} to compare` });

    it("are chosen in the table, two and no more, and compared", async () => {
        page = await session.overview();
        await page.locator('[data-row-id="vm-stopped-system"]').waitFor();
        assert.equal(await page.locator("#compare").getAttribute("aria-disabled"), "true");
        await choose("insecure").check();
        await choose("hardened").check();
        assert.ok(await choose("stopped").isDisabled());
        await choose("hardened").uncheck();
        assert.ok(await choose("stopped").isEnabled());
        await choose("hardened").check();
        await page.locator("#compare").click();
        page = await session.frame("vm-security/overview", READY);
    });

    it("are in the address, so that a link shows the same", async () => {
        const url = new URL(session.page.url());
        assert.equal(url.pathname + url.hash, "/vm-security/overview#/compare?left=insecure&left-connection=system&right=hardened&right-connection=system");
        await session.load(url.pathname + url.hash);
        page = await session.frame("vm-security/overview", READY);
        assert.equal(await session.currentArea(), "VM security");
    });

    it("show the checks in which they differ, the worst first", async () => {
        const rows = page.locator("#compare-table tr[data-check]");
        const verdicts = await rows.evaluateAll(all => all.map(row =>
            [...row.querySelectorAll("[data-verdict]")].map(side => side.dataset.verdict)));
        assert.ok(verdicts.length >= 5);
        for (const [left, right] of verdicts)
            assert.notEqual(left, right);
        assert.deepEqual(verdicts[0], ["fail", "pass"]);
        assert.equal(await page.locator('[data-check="vm.graphics-listen"] [data-side="left"] [data-verdict]').getAttribute("data-verdict"), "fail");
    });

    it("change sides, and lead to the Security view of each", async () => {
        await page.getByRole("link", { name: "Swap sides" }).click();
        page = await session.frame("vm-security/overview", '[data-check="vm.graphics-listen"] [data-side="right"] [data-verdict="fail"]');
        await page.locator("#compare-summary").getByRole("link", { name: "hardened" }).click();
        await session.frame("vm-security", '#vm-security-view[data-vm="hardened"] [data-state="ready"]');
    });

    it("of which one is not there are told apart from an empty page", async () => {
        const path = "/vm-security/overview#/compare?left=insecure&right=no%2Fsuch%20%26%23";
        page = await session.place("vm-security/overview", path, '[data-state="no-such-vm"]');
        assert.match(await page.locator('[data-state="no-such-vm"]').innerText(), /no\/such &#/);
    });
});

describe("What each profile demands", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("is counted for the host and all VMs, and chosen there", async () => {
        const page = await session.overview();
        await page.getByRole("button", { name: "What each profile demands" }).click();
        const rows = page.locator(".vms-demands tr[data-profile]");
        await rows.nth(3).waitFor();
        await page.locator('[data-profile="confidential"] [data-about="vms"]', { hasText: "3 of 3 VMs fail" }).waitFor();
        const fails = await rows.evaluateAll(all => all.map(row => Number(row.dataset.fails)));
        assert.deepEqual(fails, [...fails].sort((a, b) => a - b), "a stricter profile never demands less");
        // the same as the list of findings below says
        const shown = await page.locator('#host-findings [data-verdict="fail"]').count();
        assert.equal(fails[1], shown);
        await page.getByRole("button", { name: "Choose Confidential" }).click();
        await page.locator('#profile[data-profile="confidential"]').waitFor();
        await page.locator('.vms-demands [data-profile="confidential"]', { hasText: "Chosen" }).waitFor();
        await page.getByRole("button", { name: "Choose Server" }).click();
        await page.locator('#profile[data-profile="server"]').waitFor();
    });

    it("is counted for one VM, too", async () => {
        const view = await session.view("insecure");
        await view.getByRole("button", { name: "What each profile demands" }).click();
        await view.locator('[data-profile="server"] [data-about="vms"]', { hasText: /checks fail/ }).waitFor();
    });
});

describe("The report as a file", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    async function save(frame, format) {
        await frame.locator("#export").click();
        const [download] = await Promise.all([session.page.waitForEvent("download"), frame.locator(`#export-${format}`).click()]);
        return { name: download.suggestedFilename(), text: await readFile(await download.path(), "utf8") };
    }

    it("as JSON has everything, also what the overview does not show", async () => {
        const { name, text } = await save(await session.overview(), "json");
        assert.match(name, /^vm-security-tb-[a-z0-9-]+-\d{4}-\d\d-\d\d\.json$/);
        const report = JSON.parse(text);
        assert.equal(report.version, 1);
        assert.equal(report.privileged, true);
        assert.deepEqual(Object.values(report.vms).map(vm => vm.name).sort(), ["hardened", "insecure", "stopped"]);
        assert.ok(Object.values(report.vms).every(vm => Object.values(vm.findings).some(finding => finding.verdict === "pass")));
    });

    it("as HTML is one file to print", async () => {
        const { name, text } = await save(await session.view("insecure"), "html");
        assert.match(name, /^vm-security-insecure-\d{4}-\d\d-\d\d\.html$/);
        // no assert.match: its message would be the whole file
        for (const [what, wanted] of [[/^<!DOCTYPE html>/i, 1], [/No console is reachable from the network/g, 1], [/<section id="vm-/g, 1], [/<script/g, 0]])
            assert.equal(text.match(what)?.length ?? 0, wanted, String(what));
    });

    it("says why there is none", async () => {
        const view = await session.view("insecure");
        await view.evaluate(() => { window.fetch = () => Promise.reject(new Error("no way")) });
        await view.locator("#export").click();
        await view.locator("#export-json").click();
        await view.locator("#export-problem", { hasText: "no way" }).waitFor();
        await until("the button to be of use again", () => view.locator("#export").isEnabled());
    });
});
