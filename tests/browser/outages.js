/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { kill, ourProcesses, startLibvirt, stopLibvirt } from "./lib/bed.js";
import { Session, until, verdict } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";

for (const admin of [true, false]) {
    describe(`When our process is killed ${admin ? "with" : "without"} administrative access`, () => {
        let session;
        before(async () => { session = await Session.open({ admin }) });
        afterEach(() => session.assertQuiet());
        after(() => session?.close());

        it("the page starts another one, and goes on", async () => {
            const view = await session.view("insecure");
            await verdict(view, LISTEN, "fail");
            await view.evaluate(() => { window.notReloaded = true });
            const user = admin ? "root" : "tbadmin";
            const killed = (await ourProcesses()).filter(process => process.user === user);
            assert.ok(killed.length > 0);
            await Promise.all(killed.map(({ pid }) => kill(pid)));
            await until("another process", async () => (await ourProcesses())
                    .some(process => process.user === user && !killed.some(({ pid }) => pid === process.pid)));
            await view.locator(".vms-stale").waitFor({ state: "detached" });
            await verdict(view, LISTEN, "fail");
            assert.equal(await view.evaluate(() => window.notReloaded), true);
        });
    });
}

describe("When libvirt stops", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await startLibvirt();
        await session?.close();
    });

    it("the open view says so, and recovers by itself when libvirt is back", async context => {
        const view = await session.view("insecure");
        await verdict(view, LISTEN, "fail");
        await stopLibvirt();
        await view.getByText("libvirt is not running").first().waitFor();
        await startLibvirt();
        const began = Date.now();
        await verdict(view, LISTEN, "fail");
        await view.getByText("libvirt is not running").first().waitFor({ state: "detached" });
        context.diagnostic(`recovered ${Date.now() - began} ms after the sockets were started`);
    });

    it("a page that is opened meanwhile says so, and fills when libvirt is back", async () => {
        await stopLibvirt();
        await session.load("/vm-security/overview");
        const overview = await session.frame("vm-security/overview", '[data-state="no-libvirt"], .vms-libvirt');
        await overview.locator('[data-check^="host."]').first().waitFor();
        const view = await session.view("insecure", '[data-state="no-libvirt"]');
        await startLibvirt();
        await view.locator('[data-state="ready"]').waitFor();
        await verdict(view, LISTEN, "fail");
    });
});
