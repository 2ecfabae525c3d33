/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { ourProcesses } from "./lib/bed.js";
import { Session, until } from "./lib/session.js";

const privileged = (frame, id, wanted) => frame.locator(`#${id}[data-privileged="${wanted}"]`).waitFor();

describe("With administrative access", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("the audit runs as root, and nothing is unknown for want of it", async () => {
        const view = await session.view("insecure");
        await privileged(view, "vm-security-view", true);
        assert.ok((await ourProcesses()).some(({ user }) => user === "root"));
        assert.equal(await view.locator(".vms-needs-admin").count(), 0);
    });
});

describe("A user without administrative access", () => {
    let session;
    before(async () => { session = await Session.open({ user: "tbuser" }) });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("sees the host's findings, and what needs root as unknown with a button that says how to get it", async () => {
        const page = await session.overview("#vm-security-host");
        await privileged(page, "vm-security-overview", false);
        await until("findings that are unknown", async () => await page.locator('[data-verdict="unknown"]').count() > 0);
        const help = page.getByRole("button", { name: "How to get administrative access" }).first();
        await help.click();
        await page.getByRole("dialog").getByText(/Limited access/).waitFor();
        assert.ok((await ourProcesses()).filter(({ user }) => user === "tbuser").length > 0, "our program runs as the user");
    });

    it("is told about libvirt's system connection, not shown a blank page", async () => {
        const view = await session.view("insecure", "[data-state]");
        await until("a state with words", async () => {
            const state = view.locator("[data-state]").first();
            return await state.getAttribute("data-state") !== "loading" && (await state.innerText()).trim().length > 20;
        });
    });
});

describe("Administrative access that is switched in the bar at the top", () => {
    let session, view;
    before(async () => { session = await Session.open({ admin: false }) });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("completes the findings when it is turned on, without loading the page again", async () => {
        view = await session.view("insecure");
        await privileged(view, "vm-security-view", false);
        await view.evaluate(() => { window.notReloaded = true });
        await session.setAdmin(true);
        await privileged(view, "vm-security-view", true);
        assert.equal(await view.evaluate(() => window.notReloaded), true);
        await until("a process as root", async () => (await ourProcesses()).some(({ user }) => user === "root"));
    });

    it("and leaves no process as root when it is turned off again", async () => {
        await session.setAdmin(false);
        await privileged(view, "vm-security-view", false);
        assert.equal(await view.evaluate(() => window.notReloaded), true);
        await until("no process as root", async () => !(await ourProcesses()).some(({ user }) => user === "root"));
        await view.locator('[data-state="ready"]').waitFor();
    });
});
