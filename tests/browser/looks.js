/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Each page in each form: light and dark, right to left, wide and narrow. The pictures go to
 * target/screenshots/VERSION/ for people to look at; what a program can see is asserted.
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { Session, until } from "./lib/session.js";

const VERSION = process.env.COCKPIT ?? "unknown";
const PICTURES = fileURLToPath(new URL(`../../target/screenshots/${VERSION}/`, import.meta.url));

const DARK = { "shell:style": "dark" };
const FORMS = [
    { form: "wide", size: [1600, 1000] },
    { form: "narrow", size: [390, 844] },
    { form: "dark", size: [1280, 900], storage: DARK },
    { form: "rtl", size: [1280, 900], rtl: true },
    { form: "narrow-dark-rtl", size: [390, 844], storage: DARK, rtl: true },
];

/** Tall enough to see the whole page at once, within reason. */
async function picture(session, frame, [width, height], name) {
    await frame.evaluate(() => document.fonts.ready);
    const whole = await frame.evaluate(() => Math.max(...[...document.querySelectorAll("html, body, body *")]
            .map(element => element.scrollHeight)));
    await session.page.setViewportSize({ width, height: Math.min(Math.max(height, whole + 150), 6000) });
    await session.page.screenshot({ path: `${PICTURES}${name}.png`, animations: "disabled" });
    await session.page.setViewportSize({ width, height });
}

/** What sticks out sideways: the page must be read without scrolling in two directions. */
const overflow = frame => frame.evaluate(() => {
    const root = document.documentElement;
    if (root.scrollWidth <= root.clientWidth)
        return [];
    return [`${root.scrollWidth} > ${root.clientWidth}`, ...[...document.querySelectorAll("body *")].filter(element => {
        const { left, right } = element.getBoundingClientRect();
        return left < -1 || right > root.clientWidth + 1;
    }).slice(0, 5).map(element => element.outerHTML.slice(0, 120))];
});

async function turnAround(frame) {
    // Cockpit 287 sets the direction of its language again whenever something in its menu changes
    await until("right to left", () => frame.evaluate(() => {
        document.documentElement.dir = "rtl";
        return getComputedStyle(document.body).direction === "rtl";
    }));
}

mkdirSync(PICTURES, { recursive: true });

for (const { form, size, storage = {}, rtl = false } of FORMS) {
    describe(`In the form ${form} (${size[0]} pixels)`, () => {
        let session;
        before(async () => { session = await Session.open({ size, storage }) });
        afterEach(() => session.assertQuiet());
        after(() => session?.close());

        const check = async (frame, name) => {
            if (rtl)
                await turnAround(frame);
            await picture(session, frame, size, `${form}-${name}`);
            assert.deepEqual(await overflow(frame), []);
            if (storage["shell:style"] === "dark") {
                const lightness = await frame.evaluate(() => {
                    const shown = [...document.querySelectorAll("main, body, html")].map(element =>
                        getComputedStyle(element).backgroundColor).find(color => !/, 0\)$|transparent/.test(color));
                    return Math.max(...shown.match(/\d+(\.\d+)?/g).slice(0, 3).map(Number));
                });
                assert.ok(lightness < 100, `the background is dark: ${lightness}`);
            }
        };

        it("the card in Virtual machines", async () => {
            const frame = await session.machine("insecure");
            await frame.locator("#vm-insecure-security").waitFor();
            if (rtl)
                await turnAround(frame);
            await picture(session, frame, size, `${form}-machines-card`);
            const card = await frame.locator("#vm-insecure-security").evaluate(element =>
                ({ inner: element.scrollWidth, outer: element.clientWidth }));
            assert.ok(card.inner <= card.outer, JSON.stringify(card));
        });

        it("the summary in the list of Virtual machines", async () => {
            const frame = await session.machines();
            await frame.locator("#vm-security-list-summary").waitFor();
            if (rtl)
                await turnAround(frame);
            await picture(session, frame, size, `${form}-machines-list`);
        });

        it("the Security view, with an open finding", async () => {
            const view = await session.view("insecure");
            const item = view.locator('[data-check="vm.graphics-listen"]');
            await item.getByRole("button").first().click();
            await item.getByText("Why it matters").waitFor();
            await check(view, "view");
            const cut = await item.evaluate(element => [element, ...element.querySelectorAll("*")]
                    .filter(part => part.clientHeight > 0 && getComputedStyle(part).overflowY !== "visible" &&
                        part.scrollHeight > part.clientHeight + 1).map(part => part.className));
            assert.deepEqual(cut, [], "an open finding is seen whole");
        });

        it("menus, each of which is seen whole", async () => {
            const view = await session.view("insecure");
            if (rtl)
                await turnAround(view);
            for (const [toggle, last] of [["#export", "#export-json"], ["#profile", "#profile-menu [role=option] >> nth=-1"]]) {
                await view.locator(toggle).click();
                const option = view.locator(last);
                await option.scrollIntoViewIfNeeded();
                const { inside, seen } = await option.evaluate(element => {
                    const { left, right, bottom } = element.getBoundingClientRect();
                    return {
                        inside: left >= 0 && right <= document.documentElement.clientWidth,
                        seen: element.contains(document.elementFromPoint((left + right) / 2, bottom - 4)),
                    };
                });
                assert.ok(inside && seen, `${toggle}: ${inside} ${seen}`);
                await session.page.keyboard.press("Escape");
            }
        });

        it("the attack picture, with an open way of attack", async () => {
            const view = await session.view("insecure", ".vms-ways", "tab=picture&vector=qemu-host");
            await view.locator('[data-way="qemu-host"] [data-barrier]').first().waitFor();
            assert.equal(await view.locator(".vms-picture").isVisible(), size[0] > 768, "a phone has the list alone");
            await check(view, "picture");
        });

        it("the evidence", async () =>
            check(await session.view("insecure", "[data-evidence]", "tab=evidence"), "evidence"));

        it("the checklist", async () =>
            check(await session.view("insecure", "#vm-security-checklist", "tab=checklist"), "checklist"));

        it("the Security view of a VM that is shut off", async () => check(await session.view("stopped"), "view-stopped"));

        it("the dialog that accepts a finding, and the finding that was accepted", async () => {
            const view = await session.view("stopped");
            const item = view.locator('[data-check="vm.secure-boot"]');
            await item.getByRole("button").first().click();
            await item.locator(".vms-accept").click();
            await view.locator("#accept-reason").fill("An old system that only boots without, until it is replaced; ticket 4711.");
            await view.locator("#accept-until").fill("2031-12-31");
            await check(view, "accept-dialog");
            const box = await view.locator("#accept-dialog").evaluate(dialog =>
                ({ inner: dialog.scrollWidth, outer: dialog.clientWidth }));
            assert.ok(box.inner <= box.outer, JSON.stringify(box));
            await view.locator("#accept-confirm").click();
            await view.locator('[data-check="vm.secure-boot"][data-accepted="true"]').waitFor();
            await view.locator("#accept-dialog").waitFor({ state: "detached" });
            await check(view, "accepted");
        });

        it("the overview, with what is accepted and what each profile demands", async () => {
            const page = await session.overview();
            await page.locator('#vm-security-accepted [data-check="vm.secure-boot"]').waitFor();
            await page.getByRole("button", { name: "What each profile demands" }).click();
            await page.locator('.vms-demands [data-profile="confidential"]').waitFor();
            await check(page, "overview-accepted");
            await page.locator("#vm-security-accepted .vms-withdraw").click();
            await page.locator("#withdraw-confirm").click();
            await page.locator('#vm-security-accepted [data-check="vm.secure-boot"]').waitFor({ state: "detached" });
        });

        it("two VMs that are compared", async () => {
            const page = await session.place("vm-security/overview", "/vm-security/overview#/compare?left=insecure&right=hardened", "#compare-table");
            await check(page, "compare");
        });

        it("the overview", async () => {
            const page = await session.overview();
            await until("all VMs", async () => await page.locator("#vm-security-vms [data-row-id]").count() >= 3);
            await check(page, "overview");
        });

        it("a VM that is not there", async () =>
            check(await session.view("no-such-machine", '[data-state="no-such-vm"]'), "no-such-vm"));
    });
}
