/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { CLOSED, OPEN, define, redefine, undefine } from "./lib/bed.js";
import { finding, Session, verdict } from "./lib/session.js";

const READY = '[data-state="ready"]';
const LISTEN = "vm.graphics-listen";

describe("While the page is open", () => {
    let session;
    before(async () => { session = await Session.open({ size: [1280, 600] }) });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await redefine("stopped", CLOSED);
        await session?.close();
    });

    it("a console that virsh opens to the network is seen at once", async context => {
        const view = await session.view("stopped", READY, "verdict=all");
        await verdict(view, LISTEN, "pass");
        await view.evaluate(() => { window.notReloaded = true });
        const opened = await verdictAfter(view, OPEN, "fail");
        const closed = await verdictAfter(view, CLOSED, "pass");
        assert.equal(await view.evaluate(() => window.notReloaded), true);
        context.diagnostic(`seen ${opened} ms after virsh define began, and gone after ${closed} ms`);
        assert.ok(Math.max(opened, closed) < 10_000, "within ten seconds on the busiest machine");
    });

    async function verdictAfter(view, expression, wanted) {
        const seen = verdict(view, LISTEN, wanted);
        const [moment, began] = await Promise.all([seen, redefine("stopped", expression)]);
        return moment - began;
    }

    it("expansion, focus and scroll survive an update", async () => {
        const view = await session.view("stopped", READY, "verdict=all");
        await verdict(view, LISTEN, "pass");
        const ids = await view.locator("#vm-findings [data-check]").evaluateAll(all => all.map(item => item.dataset.check));
        const other = ids.find(id => id !== LISTEN);
        for (const id of [other, LISTEN])
            await finding(view, id).getByRole("button").first().click();
        const toggle = finding(view, LISTEN).getByRole("button").first();
        await toggle.focus();
        // an uneven place that the browser has no reason to choose by itself
        const state = () => view.evaluate(() => ({
            scroll: [...document.querySelectorAll("*")].map(element => element.scrollTop).filter(Boolean),
            expanded: [...document.querySelectorAll('[data-check] [aria-expanded="true"]')].map(element => element.id),
            focus: document.activeElement?.id,
        }));
        await view.evaluate(() => document.scrollingElement.scrollBy(0, 137));
        const before = await state();
        assert.ok(before.scroll.length > 0, "there is something to scroll");
        assert.equal(before.expanded.length, 2);
        await redefine("stopped", OPEN);
        await verdict(view, LISTEN, "fail");
        const after = await state();
        assert.deepEqual({ ...after, scroll: null }, { ...before, scroll: null });
        // the message above may have become a line longer or shorter, and nothing else may move
        after.scroll.forEach((top, i) => assert.ok(Math.abs(top - before.scroll[i]) <= 60, `${before.scroll} → ${after.scroll}`));
        await redefine("stopped", CLOSED);
        await verdict(view, LISTEN, "pass");
    });

    it("a finding that turns good stays where it is, and says so, until somebody filters anew", async () => {
        await redefine("stopped", OPEN);
        const view = await session.view("stopped");
        await verdict(view, LISTEN, "fail");
        await redefine("stopped", CLOSED);
        await verdict(view, LISTEN, "pass");
        await view.getByRole("textbox", { name: "Filter by text" }).first().fill("console");
        await finding(view, LISTEN).waitFor({ state: "detached" });
        await redefine("stopped", OPEN);
        await verdict(view, LISTEN, "fail");
        await redefine("stopped", CLOSED);
        await verdict(view, LISTEN, "pass");
    });

    it("the attack picture and the evidence follow, and keep what is open and focused", async () => {
        const arrow = '[data-vector="network-consoles"]';
        let view = await session.view("stopped", ".vms-picture", "tab=picture&vector=network-consoles");
        const listen = view.locator('[data-barrier="listen"]');
        await listen.and(view.locator('[data-strength="holds"]')).waitFor();
        await view.locator(arrow).focus();
        await redefine("stopped", OPEN);
        await listen.and(view.locator('[data-strength="broken"]')).waitFor();
        await view.locator(`${arrow}[data-state="open"]`).waitFor();
        assert.ok(await view.locator(arrow).evaluate(element => element === document.activeElement), "the focus stays");

        view = await session.view("stopped", "[data-evidence]", "tab=evidence&text=0.0.0.0");
        await view.locator('[data-fact="stored"]').getByText("0.0.0.0").waitFor();
        await redefine("stopped", CLOSED);
        await view.locator('[data-fact="stored"]').waitFor({ state: "detached" });
    });

    it("a VM that is undefined turns into the state that says so, and comes back when defined again", async () => {
        const xml = `<domain type='qemu'><name>passing</name><uuid>44444444-4444-4444-8444-444444444444</uuid>
            <memory unit='MiB'>64</memory><os><type arch='x86_64' machine='q35'>hvm</type></os></domain>`;
        await define(xml);
        const view = await session.view("passing");
        await undefine("passing");
        await view.locator('[data-state="no-such-vm"]').waitFor();
        await define(xml);
        await view.locator('[data-state="ready"]').waitFor();
        const overview = await session.overview();
        await overview.locator('[data-row-id="vm-passing-system"]').waitFor();
        await undefine("passing");
        await overview.locator('[data-row-id="vm-passing-system"]').waitFor({ state: "detached" });
    });
});
