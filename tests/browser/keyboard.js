/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A person without a mouse, from the top of a VM's view to each of its ends, and what has the focus meanwhile. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { CLOSED, ELSEWHERE, OPEN, redefine } from "./lib/bed.js";
import { finding, Session, until, URL_BASE, verdict } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";

/** The keys of one frame. */
class Keys {
    constructor(session, frame) {
        this.keyboard = session.page.keyboard;
        this.frame = frame;
    }

    press(key) { return this.keyboard.press(key) }
    type(text) { return this.keyboard.type(text) }
    isOn(selector) { return this.frame.evaluate(selector => document.activeElement.matches(selector), selector) }

    /** Presses `key` until the focus is on `selector`. Fails when it is nowhere on the way. */
    async to(selector, key = "Tab") {
        for (let presses = 0; presses < 100; presses++) {
            await this.press(key);
            if (await this.isOn(selector))
                return;
        }
        assert.fail(`${key} leads to no ${selector}`);
    }

    async toTab(name, key) {
        await this.to('[role="tab"]', key);
        for (let presses = 0; presses < 4; presses++) {
            if (await this.frame.evaluate(name => document.activeElement.textContent === name, name))
                return this.press("Enter");
            await this.press("ArrowRight");
        }
        assert.fail(`no tab ${name}`);
    }

    /** Waits for the focus to come by itself. */
    arrives(selector) { return until(`the focus on ${selector}`, () => this.isOn(selector)) }
}

describe("From the keyboard alone", () => {
    let session, view, keys;
    before(async () => {
        session = await Session.open();
        await session.context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: URL_BASE });
        view = await session.view("insecure");
        await view.evaluate(() => window.focus());
        keys = new Keys(session, view);
    });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("the way begins in the breadcrumb, and leads by the tabs to the filter", async () => {
        await keys.press("Tab");
        assert.equal(await view.evaluate(() => document.activeElement.textContent), "Virtual machines");
        await keys.to('[role="tab"][aria-selected="true"]');
        await keys.press("ArrowRight");
        assert.equal(await view.evaluate(() => document.activeElement.textContent), "Attack picture");
        await keys.press("End");
        assert.equal(await view.evaluate(() => document.activeElement.textContent), "Checklist");
        await keys.press("ArrowRight");
        assert.equal(await view.evaluate(() => document.activeElement.textContent), "Findings", "round and round");
        await keys.to("#vm-filter-text input, input#vm-filter-text");
        await keys.type("0.0.0.0");
        await until("fewer findings", async () => await view.locator("#vm-findings [data-check]").count() < 5);
    });

    it("a finding opens, says its name, and its dialog keeps the focus until Escape gives it back", async () => {
        await keys.to(`[data-check="${LISTEN}"] button`);
        assert.equal(await view.evaluate(() => document.activeElement.getAttribute("aria-label")),
                     "Failed: No console is reachable from the network");
        await keys.press("Enter");
        await keys.to(`[data-check="${LISTEN}"] .vms-accept`);
        await keys.press("Enter");
        await keys.arrives("#accept-dialog *");
        for (const key of ["Tab", "Shift+Tab"]) {
            for (let presses = 0; presses < 12; presses++) {
                await keys.press(key);
                assert.ok(await keys.isOn("#accept-dialog *"), `${key} stays in the dialog`);
            }
        }
        await keys.press("Escape");
        await view.locator("#accept-dialog").waitFor({ state: "detached" });
        await keys.arrives(`[data-check="${LISTEN}"] .vms-accept`);
    });

    it("it is accepted, and that is withdrawn, with the focus always on what can be done next", async () => {
        await keys.press("Enter");
        await keys.to("#accept-reason");
        await keys.type("Reached by nobody");
        await keys.to("#accept-confirm");
        await keys.press("Enter");
        await view.locator("#accept-dialog").waitFor({ state: "detached" });
        await view.locator(`[data-check="${LISTEN}"][data-accepted="true"]`).waitFor();
        await keys.arrives(`[data-check="${LISTEN}"] .vms-withdraw`);
        await keys.press("Enter");
        await keys.to("#withdraw-confirm");
        await keys.press("Enter");
        await view.locator("#withdraw-dialog").waitFor({ state: "detached" });
        await view.locator(`[data-check="${LISTEN}"][data-accepted="false"]`).waitFor();
        await keys.arrives(`[data-check="${LISTEN}"] .vms-accept`);
    });

    it("an arrow of the picture leads to its place in the list", async () => {
        await keys.toTab("Attack picture", "Shift+Tab");
        await view.locator(".vms-picture").waitFor();
        await keys.to('[data-vector="network-consoles"]');
        await keys.press("Enter");
        await keys.arrives('[data-way="network-consoles"] button[aria-expanded="true"]');
        assert.match(await view.evaluate(() => document.activeElement.getAttribute("aria-label")), /^Network → Consoles: \S/);
    });

    it("the evidence is searched and copied", async () => {
        await keys.toTab("Evidence", "Shift+Tab");
        await view.locator('[data-fact="stored"]').waitFor();
        await keys.to("#vm-evidence-text input, input#vm-evidence-text");
        await keys.type("/proc/cmdline");
        await until("fewer facts", async () => await view.locator("[data-fact]").count() < 5);
        await keys.to("[data-fact] .vms-copy");
        await keys.press("Enter");
        await until("the copy", async () => /^\/proc\/cmdline = /.test(await view.evaluate(() => navigator.clipboard.readText())));
        assert.ok(await keys.isOn("[data-fact] .vms-copy"), "the focus stays");
    });

    it("and the way leads back to the VM", async () => {
        await keys.to('nav a[href*="machines#/vm?"]', "Shift+Tab");
        await keys.press("Enter");
        await session.frame("machines", "#vm-insecure-security");
    });
});

describe("The focus, while what has it changes", () => {
    let session, view;
    before(async () => {
        await redefine("stopped", OPEN);
        session = await Session.open();
        view = await session.view("stopped");
        await verdict(view, LISTEN, "fail");
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await redefine("stopped", CLOSED);
        await session?.close();
    });

    it("stays on the button of a finding, and on what can be done about it", async () => {
        const item = finding(view, LISTEN);
        await item.getByRole("button").first().press("Enter");
        await redefine("stopped", ELSEWHERE);
        await item.filter({ hasText: "192.0.2.7" }).waitFor();
        assert.ok(await item.getByRole("button").first().evaluate(button => button === document.activeElement));
        await item.locator(".vms-accept").focus();
        await redefine("stopped", "s/192\\.0\\.2\\.7/0.0.0.0/");
        await item.filter({ hasText: "0.0.0.0" }).waitFor();
        assert.ok(await item.locator(".vms-accept").evaluate(button => button === document.activeElement));
    });

    it("stays in the words that somebody types, with the caret", async () => {
        const box = view.getByRole("textbox", { name: "Filter by text" }).first();
        await box.pressSequentially("console");
        await box.press("ArrowLeft");
        await redefine("stopped", ELSEWHERE);
        await finding(view, LISTEN).filter({ hasText: "192.0.2.7" }).waitFor();
        await box.press("x");
        assert.equal(await box.inputValue(), "consolxe");
    });

    it("stays on a VM's link in the overview", async () => {
        const overview = await session.overview();
        const row = overview.locator('[data-row-id="vm-stopped-system"]');
        const counts = await row.innerText();
        await row.getByRole("link").focus();
        await redefine("stopped", CLOSED);
        await until("other counts", async () => await row.innerText() !== counts);
        assert.ok(await row.getByRole("link").evaluate(link => link === document.activeElement));
    });
});
