/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { finding, Session, until, verdict } from "./lib/session.js";

const READY = '[data-state="ready"]';
const LISTEN = "vm.graphics-listen";

describe("A VM's Security view", () => {
    let session, view;
    before(async () => { session = await Session.open() });
    beforeEach(async () => { view = await session.view("insecure") });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const toggle = () => finding(view, LISTEN).getByRole("button").first();
    const details = () => finding(view, LISTEN).getByRole("region", { name: /^Details/ })
            .or(finding(view, LISTEN).locator('[id$="-details"]'));

    it("says the VM's state, what it meets, and counts its findings by severity", async () => {
        await verdict(view, LISTEN, "fail");
        assert.equal(await view.locator("#vm-state").innerText(), "Running");
        assert.equal(await view.locator("#vm-meets [data-meets]").getAttribute("data-meets"), "none");
        assert.equal(await view.locator("#vm-host-meets [data-meets]").count(), 1);
        const shown = await view.locator("#vm-findings [data-check]").evaluateAll(items => items
                .filter(item => ["fail", "warn"].includes(item.dataset.verdict)).map(item => item.dataset.severity));
        assert.ok(shown.length > 0);
        for (const severity of new Set(shown)) {
            const label = await view.locator(`#vm-counts [data-severity="${severity}"]`).innerText();
            assert.equal(Number.parseInt(label, 10), shown.filter(other => other === severity).length, label);
        }
    });

    it("shows an open VNC console as a failure that names the address", async () => {
        await verdict(view, LISTEN, "fail");
        assert.match(await finding(view, LISTEN).innerText(), /0\.0\.0\.0/);
    });

    it("opens a finding to its evidence, why, fix and basis by mouse", async () => {
        await toggle().click();
        await details().waitFor();
        const text = await details().innerText();
        for (const part of ["Evidence", "Why it matters", "How to fix it", "Basis"])
            assert.match(text, new RegExp(`^${part}$`, "m"));
        assert.match(text, /graphics/);
        assert.match(text, /0\.0\.0\.0/);
        assert.equal(await toggle().getAttribute("aria-expanded"), "true");
        const links = await details().getByRole("link").evaluateAll(all =>
            all.map(link => ({ href: link.getAttribute("href"), rel: link.rel, target: link.target })));
        assert.ok(links.length > 0, "a basis that can be followed");
        for (const { href, rel, target } of links) {
            assert.match(href, /^https:\/\//);
            assert.match(rel, /noopener/);
            assert.equal(target, "_blank");
        }
        await toggle().click();
        await details().waitFor({ state: "hidden" });
    });

    it("opens and closes a finding from the keyboard alone", async () => {
        await view.locator("#vm-filter-text input, input#vm-filter-text").first().focus();
        await until("the focus on the finding's toggle", async () => {
            await session.page.keyboard.press("Tab");
            return toggle().evaluate(element => element === document.activeElement);
        });
        await session.page.keyboard.press("Enter");
        await details().waitFor();
        await session.page.keyboard.press("Space");
        await details().waitFor({ state: "hidden" });
        assert.ok(await toggle().evaluate(element => element === document.activeElement), "the focus stays");
    });

    it("filters by words, says how many are left, and clears the filter", async () => {
        view = await session.view("insecure", READY, "verdict=all");
        const rows = view.locator("#vm-findings [data-check]");
        const all = await rows.count();
        await view.getByRole("textbox", { name: "Filter by text" }).first().fill("0.0.0.0");
        await until("a shorter list", async () => await rows.count() < all);
        assert.ok(await finding(view, LISTEN).isVisible());
        const left = await rows.count();
        assert.equal(await view.locator("#vm-filter [role=status]").innerText(), `${left} of ${all} findings`);

        await view.getByRole("textbox", { name: "Filter by text" }).first().fill("no such words");
        await view.getByText("No finding matches the filter").waitFor();
        await view.getByRole("button", { name: "Show all findings" }).click();
        await until("all findings", async () => await rows.count() === all);
    });

    it("filters by verdict", async () => {
        const rows = view.locator("#vm-findings [data-check]");
        const all = await rows.count();
        const failing = await view.locator('#vm-findings [data-verdict="fail"]').count();
        await view.locator("#vm-filter-verdict").click();
        await view.locator('[data-choice="fail"]').getByRole("checkbox").or(view.locator('input[data-choice="fail"]')).first().click();
        await until(() => `only failures, ${failing} of ${all}`, async () => await rows.count() === failing);
        assert.ok(failing > 0 && failing < all, `${failing} of ${all}`);
        await until("the filter in the address", () => session.options().verdict === "fail");
        await session.page.keyboard.press("Escape");
        await view.getByRole("button", { name: "Clear filters" }).click();
        await until("what needs attention", async () => await rows.count() === all);
        await until("no filter in the address", () => session.options().verdict === undefined);
    });

    it("keeps what is good out of the way, counts it, and shows it when asked", async () => {
        const good = view.locator('#vm-findings :is([data-verdict="pass"], [data-verdict="not-applicable"])');
        assert.equal(await good.count(), 0);
        const bad = await view.locator("#vm-findings [data-check]").count();
        const text = await view.locator("#vm-findings .vms-hidden").innerText();
        const [passed, rest] = text.match(/\d+/g).map(Number);
        await view.locator("#vm-findings .vms-show-good").click();
        await until("all that is good", async () => await good.count() > 0);
        assert.equal(await view.locator('#vm-findings [data-verdict="pass"]').count(), passed, text);
        assert.equal(await view.locator('#vm-findings [data-verdict="not-applicable"]').count(), rest, text);
        const total = passed + rest + bad;
        assert.equal(await view.locator("#vm-filter [role=status]").innerText(), `${total} of ${total} findings`);
        assert.equal(await view.locator("#vm-findings .vms-hidden").count(), 0);
        await until("the filter in the address", () => session.options().verdict === "all");
    });

    it("judges by another profile when asked, and remembers it", async () => {
        await view.locator("#profile").click();
        await view.getByRole("option", { name: /Multi-tenant/i }).click();
        await view.locator('#profile[data-profile="multi-tenant"]').waitFor();
        await view.locator('[data-state="ready"]').waitFor();
        const overview = await session.overview();
        await overview.locator('#profile[data-profile="multi-tenant"]').waitFor();
        await overview.locator("#profile").click();
        await overview.getByRole("option", { name: /^Server/i }).click();
        await overview.locator('#profile[data-profile="server"]').waitFor();
    });

    it("says that there is no such VM when the address names one that is not there", async () => {
        const missing = await session.view("no-such-machine", '[data-state="no-such-vm"]');
        assert.match(await missing.locator('[data-state="no-such-vm"]').innerText(), /no-such-machine/);
        await missing.locator('[data-state="no-such-vm"]').getByRole("link", { name: "Virtual machines" }).click();
        await session.frame("machines", "#virtual-machines-listing");
    });
});
