/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The mark at our entry in Cockpit's menu. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { inBed, ourProcesses } from "./lib/bed.js";
import { Session, until } from "./lib/session.js";

const KEY = "vm-security:critical:localhost";

/** The mark's type and its words, as Cockpit's shell has them. */
const mark = session => session.page.evaluate(() => {
    const status = JSON.parse(sessionStorage.getItem("cockpit:page_status") ?? "{}").localhost?.["vm-security/overview"];
    const entry = [...document.querySelectorAll("#host-apps a")].find(link => link.textContent.startsWith("VM security"));
    return { ...status, shown: Boolean(entry?.querySelector(".nav-item-status svg")) };
});

describe("The mark in Cockpit's menu", () => {
    let session;
    afterEach(async () => {
        session?.assertQuiet();
        await session?.close();
    });
    after(() => inBed("rm", "-f", "/etc/cockpit-vm-security/waivers.json"));

    it("is not there before anything is known", async () => {
        session = await Session.open();
        await session.frame("system", "main");
        assert.deepEqual(await mark(session), { shown: false });
    });

    it("comes with the summary in Virtual machines, before anybody opens a page of ours", async () => {
        session = await Session.open();
        await session.machines();
        const seen = await until("a mark", async () => {
            const now = await mark(session);
            return now.shown && now;
        });
        assert.equal(seen.type, "error");
        assert.match(seen.title, /^The host has critical findings\. 1 virtual machine has critical findings \(seen .*\d.*\)$/);
        await session.page.locator("#host-apps .nav-item-status").first().hover();
        await session.page.getByText("1 virtual machine has critical findings").first().waitFor();
    });

    it("is what was last seen at the next login, with the moment, and no process runs for it", async () => {
        const at = Date.UTC(2026, 0, 31, 12);
        session = await Session.open({
            storage: { [KEY]: JSON.stringify({ at, host: null, vms: { "system web": "warning", "system db": "warning" } }) }
        });
        const seen = await until("a mark", async () => {
            const now = await mark(session);
            return now.shown && now;
        });
        assert.equal(seen.type, "warning");
        assert.match(seen.title, /^2 virtual machines have critical findings \(seen Jan 31, 2026.*\)$/);
        await session.frame("system", "main");
        // those of earlier sessions may be ending yet
        await until("no process", async () => (await ourProcesses()).length === 0);
    });

    it("does not mind what it cannot read", async () => {
        session = await Session.open({ storage: { [KEY]: '{"at":"x","vms":7}' } });
        await session.frame("system", "main");
        assert.equal((await mark(session)).shown, false);
    });

    it("goes when what is critical has been accepted", async () => {
        session = await Session.open();
        const overview = await session.overview();
        await overview.locator('#vm-security-vms [data-row-id="vm-insecure-system"]').waitFor();
        // about the host; what is critical of the VM stays
        const critical = await overview.locator('#host-findings [data-severity="critical"]').evaluateAll(all => all
                .filter(item => ["fail", "warn"].includes(item.dataset.verdict)).map(item => item.dataset.check));
        assert.ok(critical.length > 0);
        for (const id of critical) {
            const item = overview.locator(`#host-findings [data-check="${id}"]`);
            await item.getByRole("button").first().click();
            await item.locator(".vms-accept").click();
            await overview.locator("#accept-reason").fill("A test bed");
            await overview.locator("#accept-confirm").click();
            await overview.locator(`#host-findings [data-check="${id}"][data-accepted="true"]`).waitFor();
        }
        await until("the mark to be about the VM alone", async () =>
            /^1 virtual machine has critical findings \(seen/.test((await mark(session)).title ?? ""));
    });
});
