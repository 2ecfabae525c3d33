/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { Session, until } from "./lib/session.js";

describe("The overview", () => {
    let session, page;
    before(async () => { session = await Session.open() });
    beforeEach(async () => { page = await session.overview() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const rows = () => page.locator("#vm-security-vms tbody tr[data-row-id]");
    const names = () => rows().evaluateAll(all => all.map(row => row.dataset.rowId.replace(/^vm-(.*)-system$/, "$1")));

    it("is an item of the menu", async () => {
        await session.machines();
        await session.page.locator("#host-apps").getByRole("link", { name: "VM security" }).click();
        page = await session.frame("vm-security/overview", '[data-state="ready"]');
        assert.equal(await session.currentArea(), "VM security");
    });

    it("lists findings about the host", async () => {
        await until("a finding about the host", async () =>
            await page.locator('#host-findings [data-check^="host."]').count() > 0);
        // this kernel has no SELinux: the honest answer is that the host does not enforce it
        assert.equal(await page.locator('[data-check="host.selinux-enforcing"]').getAttribute("data-verdict"), "fail");
    });

    it("lists the three VMs, the worst first", async () => {
        await until("three VMs", async () => await rows().count() === 3);
        assert.deepEqual((await names()).sort(), ["hardened", "insecure", "stopped"]);
        assert.equal((await names())[0], "insecure");
        assert.notEqual((await names())[2], "insecure");
    });

    it("sorts by a column in both directions, also from the keyboard", async () => {
        const byName = page.getByRole("columnheader", { name: "Name" }).getByRole("button");
        await byName.click();
        await until("A to Z", async () => (await names()).join() === "hardened,insecure,stopped");
        await byName.focus();
        await session.page.keyboard.press("Enter");
        await until("Z to A", async () => (await names()).join() === "stopped,insecure,hardened");
        assert.equal(await page.getByRole("columnheader", { name: "Name" }).getAttribute("aria-sort"), "descending");
    });

    it("keeps what its table shows in the address, for Back, for a link, and for whoever loads it again", async () => {
        const sorted = order => until(order, async () => (await names()).join() === order);
        page = await session.place("vm-security/overview", "/vm-security/overview#/", '[data-state="ready"]');
        const byName = page.getByRole("columnheader", { name: "Name" }).getByRole("button");
        await byName.click();
        await until("the order in the address", () => session.options().sort === "name");
        await byName.click();
        await until("the other order in the address", () => session.options().sort === "-name");
        await page.locator("#vms-filter-text input").pressSequentially("e");
        await until("the words in the address", () => session.options().vms === "e");
        await sorted("stopped,insecure,hardened");
        await page.locator("#vms-filter-text input").pressSequentially("d");
        await sorted("stopped,hardened");
        await page.getByRole("tab", { name: "Checklist" }).click();
        await until("both in the address", () => session.options().vms === "ed" && session.options().tab === "checklist");

        const { pathname, hash } = new URL(session.page.url());
        await session.load(pathname + hash);
        page = await session.frame("vm-security/overview", '[data-state="ready"]');
        await sorted("stopped,hardened");
        await rows().getByRole("link", { name: "hardened" }).click();
        await session.frame("vm-security", '[data-state="ready"]');
        await session.page.goBack();
        page = await session.frame("vm-security/overview", '[data-state="ready"]');
        await sorted("stopped,hardened");
        assert.equal(await page.locator("#vms-filter-text input").inputValue(), "ed");
    });

    it("goes back and forward through the orders of its table, not through each letter", async () => {
        page = await session.place("vm-security/overview", "/vm-security/overview#/?sort=state", '[data-state="ready"]');
        const sort = column => page.getByRole("columnheader", { name: column }).getAttribute("aria-sort");
        await page.locator("#vms-filter-text input").pressSequentially("ar");
        await until("the words in the address", () => session.options().vms === "ar");
        await page.getByRole("columnheader", { name: "Name" }).getByRole("button").click();
        await until("the order by name", async () => session.options().sort === "name" && await sort("Name") === "ascending");
        await session.page.goBack();
        await until("the order by state", async () => await sort("State") === "ascending" && session.options().vms === "ar");
        await session.page.goForward();
        await until("the order by name again", async () => await sort("Name") === "ascending");
        page = await session.place("vm-security/overview", "/vm-security/overview#/", '[data-state="ready"]');
        await until("all of them", async () => await rows().count() === 3);
    });

    for (const machine of ["insecure", "hardened", "stopped"]) {
        it(`leads to the Security view of ${machine}`, async () => {
            await rows().getByRole("link", { name: machine, exact: true }).click();
            await session.frame("vm-security", `#vm-security-view[data-vm="${machine}"] [data-state="ready"]`);
            assert.equal(await session.currentArea(), "Virtual machines");
        });
    }
});
