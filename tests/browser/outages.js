/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { kill, ourProcesses, shell, startLibvirt, stopLibvirt } from "./lib/bed.js";
import { Session, until, verdict } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";

for (const admin of [true, false]) {
    describe(`When our process is killed ${admin ? "with" : "without"} administrative access`, () => {
        // whether the console has TLS says qemu.conf, which only root can read
        const listens = admin ? "fail" : "warn";
        let session;
        before(async () => { session = await Session.open({ admin }) });
        afterEach(() => session.assertQuiet());
        after(() => session?.close());

        it("the page starts another one, and goes on", async () => {
            const view = await session.view("insecure");
            await verdict(view, LISTEN, listens);
            await view.evaluate(() => { window.notReloaded = true });
            const user = admin ? "root" : "tbadmin";
            const killed = (await ourProcesses()).filter(process => process.user === user);
            assert.ok(killed.length > 0);
            await Promise.all(killed.map(({ pid }) => kill(pid)));
            await until("another process", async () => (await ourProcesses())
                    .some(process => process.user === user && !killed.some(({ pid }) => pid === process.pid)));
            await view.locator(".vms-stale").waitFor({ state: "detached" });
            await verdict(view, LISTEN, listens);
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

    it("the evidence that is there says that it is old; where there is none, that comes by itself", async () => {
        const overview = await session.place("vm-security/overview", "/vm-security/overview#/?tab=evidence", "[data-fact]");
        await stopLibvirt();
        await overview.locator("[data-evidence] .vms-stale", { hasText: "This evidence is not up to date" }).waitFor();
        await session.load("/vm-security/overview#/?tab=evidence");
        const fresh = await session.frame("vm-security/overview", '.vms-tabs ~ * [data-state="no-libvirt"]');
        await fresh.getByText("The evidence will appear here as soon as libvirt answers").waitFor();
        await startLibvirt();
        await fresh.locator('[data-fact]').first().waitFor();
        assert.equal(await fresh.locator("[data-evidence] .vms-stale").count(), 0);
    });

    it("the evidence that could not be read is read again by itself", async () => {
        const view = await session.view("insecure");
        // the first reader of facts ends before it has said a word
        await view.evaluate(() => {
            const { fetch } = window;
            window.fetch = () => {
                window.fetch = fetch;
                return Promise.resolve(new Response(JSON.stringify({ "vm-security": { bridges: [{ spawn: ["false"] }] } })));
            };
        });
        await view.getByRole("tab", { name: "Evidence" }).click();
        await view.locator('[data-state="error"]', { hasText: "This will be tried again by itself" }).waitFor();
        await view.locator("[data-fact]").first().waitFor();
    });
});

describe("When Cockpit's bridge is killed", () => {
    for (const [what, open] of [
        ["the view of a VM", session => session.view("insecure")],
        ["its evidence", session => session.view("insecure", "[data-fact]", "tab=evidence")],
        ["the dialog to accept a finding", async session => {
            const view = await session.view("insecure", undefined, `check=${LISTEN}`);
            await view.locator(`[data-check="${LISTEN}"] .vms-accept`).click();
            await view.locator("#accept-dialog").waitFor();
        }],
        ["the overview", session => session.overview()],
    ]) {
        it(`below ${what}, Cockpit says so, and our page is quiet`, async () => {
            const session = await Session.open();
            try {
                await open(session);
                const pids = (await shell("ps -C cockpit-bridge -o pid=,user= || true")).split("\n")
                        .map(line => /^\s*(\d+) tbadmin/.exec(line)?.[1]).filter(Boolean);
                assert.ok(pids.length > 0);
                for (const pid of pids)
                    await kill(pid);
                await session.page.getByText("Server has closed the connection").first().waitFor();
                // whatever it makes of that comes within its first delay
                await new Promise(resolve => { setTimeout(resolve, 1500) });
                session.assertQuiet();
            } finally {
                await session.close();
            }
        });
    }
});
