/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { Session, until } from "./lib/session.js";

const CARD = "#vm-insecure-security";

/** What makes a card look as it does. */
const look = (frame, card) => frame.evaluate(selector => {
    const style = (element, ...names) => names.map(name => `${name}: ${getComputedStyle(element)[name]}`);
    const card = document.querySelector(selector);
    const [edge, title] = [card, card.querySelector("h2")].map(element => element.getBoundingClientRect());
    return [
        `title: ${title.x - edge.x} from the left, ${title.y - edge.y} from the top`,
        ...style(card, "backgroundColor", "boxShadow", "borderTopLeftRadius", "borderTopWidth", "borderTopColor"),
        ...style(card.querySelector("h2"), "fontFamily", "fontSize", "fontWeight", "lineHeight", "color"),
        ...style(card.querySelector("dt"), "fontFamily", "fontSize", "fontWeight", "color"),
        ...style(card.querySelector("dd"), "fontFamily", "fontSize", "fontWeight", "color"),
    ];
}, card);

describe("In cockpit-machines", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("the list of virtual machines has a summary that leads to the overview", async () => {
        const frame = await session.machines();
        const summary = frame.locator("#vm-security-list-summary");
        await summary.waitFor();
        assert.match(await summary.innerText(), /[1-3] of 3 virtual machines? ha(s|ve) critical or high findings/);
        await summary.getByRole("link").click();
        await session.frame("vm-security/overview", '[data-state="ready"]');
        assert.match(session.page.url(), /\/vm-security\/overview/);
    });

    it("a VM's details page, reached by a click in the list, has a Security card with counts", async () => {
        const list = await session.machines();
        await list.locator("a.vm-list-item-name", { hasText: /^insecure$/ }).click();
        const frame = await session.frame("machines", CARD);
        assert.equal(await frame.locator(`${CARD} h2`).innerText(), "Security");
        await until("a count by severity in the card", async () =>
            /\b\d+ (Critical|High|Medium|Low)\b/i.test(await frame.locator(CARD).innerText()));
        assert.equal(await frame.locator("#vm-security-list-summary").count(), 0);
    });

    it("the card looks like its neighbours", async () => {
        const frame = await session.machine("insecure");
        await frame.locator(CARD).waitFor();
        assert.deepEqual(await look(frame, CARD), await look(frame, "#vm-insecure-overview"));
        const box = selector => frame.locator(selector).boundingBox();
        const [card, gallery, overview, usage] =
            await Promise.all([CARD, ".ct-vm-overview", "#vm-insecure-overview", "#vm-insecure-usage"].map(box));
        assert.ok(card.x >= gallery.x && card.x + card.width <= gallery.x + gallery.width + 1, "inside the gallery");
        assert.ok([overview.x, usage.x].some(x => Math.abs(x - card.x) < 1), "in a column of the gallery");
    });

    it("the card stays the only one while the details page renders again and again", async () => {
        const frame = await session.machine("insecure");
        await frame.locator(CARD).waitFor();
        await frame.evaluate(() => {
            window.renders = 0;
            new MutationObserver(() => { window.renders += 1 })
                    .observe(document.querySelector("#vm-insecure-usage"), { subtree: true, childList: true, characterData: true, attributes: true });
        });
        await until("cockpit-machines to show the usage anew", () => frame.evaluate(() => window.renders > 0));
        assert.equal(await frame.locator("[data-vm-security-card]").count(), 1);
    });

    it("the card of another VM is about that VM", async () => {
        const frame = await session.machine("stopped");
        await frame.locator("#vm-stopped-security").waitFor();
        assert.equal(await frame.locator("[data-vm-security-card]").count(), 1);
        assert.match(await frame.locator("#vm-stopped-security").getByRole("link").getAttribute("href"), /name=stopped/);
    });

    it("its link leads to the Security view, inside Virtual machines, and the breadcrumb leads back", async () => {
        const machines = await session.machine("insecure");
        await machines.locator(CARD).getByRole("link").click();
        const view = await session.frame("vm-security", '[data-state="ready"]');
        const url = new URL(session.page.url());
        assert.equal(url.pathname + url.hash, "/vm-security#/vm?name=insecure&connection=system");
        assert.equal(await session.currentArea(), "Virtual machines");

        await view.getByRole("navigation").getByRole("link", { name: "insecure" }).click();
        await session.frame("machines", CARD);
        assert.match(session.page.url(), /\/machines#\/?vm\?name=insecure&connection=system$/);

        await session.page.goBack();
        const again = await session.frame("vm-security", '[data-state="ready"]');
        await again.getByRole("navigation").getByRole("link", { name: "Virtual machines" }).click();
        await session.frame("machines", "#virtual-machines-listing");
    });

    it("the link of the card works from the keyboard", async () => {
        const machines = await session.machine("insecure");
        await machines.locator(CARD).getByRole("link").focus();
        await session.page.keyboard.press("Enter");
        await session.frame("vm-security", '#vm-security-view[data-vm="insecure"]');
    });
});
