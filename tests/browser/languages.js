/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pages in other languages: in one that is made for tests, in which whatever is not translated is seen; from right
 * to left; and in those that there are. The pictures go to target/screenshots/VERSION/ for people to look at.
 */

import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { overflow, picture, pictureFaults, pretendForeign, untranslated } from "./lib/language.js";
import { finding, Session, until, URL_BASE } from "./lib/session.js";

const PICTURES = fileURLToPath(new URL(`../../target/screenshots/${process.env.COCKPIT ?? "unknown"}/`, import.meta.url));
mkdirSync(PICTURES, { recursive: true });

const VIEWS = {
    view: session => session.view("insecure", "[data-check='vm.graphics-listen']", "verdict=all&check=vm.graphics-listen"),
    picture: session => session.view("insecure", ".vms-ways [data-barrier]", "tab=picture&vector=qemu-host"),
    evidence: session => session.view("insecure", "[data-evidence]", "tab=evidence"),
    checklist: session => session.view("insecure", "#vm-security-checklist", "tab=checklist"),
    stopped: session => session.view("stopped", "[data-state='ready']", "verdict=all"),
    overview: session => session.overview(),
    "host-evidence": session => session.place("vm-security/overview", "/vm-security/overview#/?tab=evidence", "[data-evidence]"),
    "host-checklist": session =>
        session.place("vm-security/overview", "/vm-security/overview#/?tab=checklist", "#vm-security-checklist"),
    compare: session => session.place("vm-security/overview", "/vm-security/overview#/compare?left=insecure&right=hardened", "#compare-table"),
    "no-such-vm": session => session.view("nobody", "[data-state='no-such-vm']"),
};

describe("In a language of foreign letters everything is translated", () => {
    let session;
    before(async () => { session = await Session.open({ locale: "de", prepare: pretendForeign("ltr") }) });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const all = async (frame, selector) => assert.deepEqual(await untranslated(frame, selector), []);

    for (const [name, show] of Object.entries(VIEWS))
        it(name, async () => {
            // "nobody" is this test's own name
            const texts = await untranslated(await show(session));
            assert.deepEqual(texts.filter(text => !text.includes("nobody")), []);
        });

    it("the words of the picture stay in their boxes", async () =>
        assert.deepEqual(await pictureFaults(await VIEWS.picture(session)), []));

    it("menus, what each profile demands, and what administrative access is for", async () => {
        const view = await session.view("insecure");
        for (const toggle of ["#vm-filter-verdict", "#vm-filter-severity", "#vm-filter-area", "#export"]) {
            await view.locator(toggle).click();
            await view.locator("[role='menuitem'], [role='menu'] label").first().waitFor();
            await all(view);
            await view.locator(toggle).click();
        }
        await view.locator(".vms-demands button").first().click();
        await view.locator('.vms-demands [data-profile="confidential"]').waitFor();
        await all(view);
    });

    it("the dialogs, and a finding that was accepted", async () => {
        const view = await session.view("stopped");
        const item = finding(view, "vm.secure-boot");
        await item.getByRole("button").first().click();
        await item.locator(".vms-accept").click();
        await view.locator("#accept-reason").fill("4711");
        await all(view);
        await view.locator("#accept-until").fill("2001-01-01");
        await all(view);
        await view.locator("#accept-until").fill("");
        await view.locator("#accept-confirm").click();
        await view.locator("#accept-dialog").waitFor({ state: "detached" });
        await item.locator(".vms-withdraw").waitFor();
        await all(view, '[data-check="vm.secure-boot"]');
        await all(await session.overview('#vm-security-accepted [data-check="vm.secure-boot"]'), "#vm-security-accepted");
        await session.view("stopped");
        await item.locator(".vms-withdraw").click();
        await all(view);
        await view.locator("#withdraw-confirm").click();
        await view.locator("#withdraw-dialog").waitFor({ state: "detached" });
    });

    it("the card and the summary in Virtual machines, and the menu", async () => {
        let frame = await session.machine("insecure");
        await frame.locator("#vm-insecure-security").waitFor();
        await all(frame, "#vm-insecure-security");
        frame = await session.machines();
        await frame.locator("#vm-security-list-summary").waitFor();
        await all(frame, "#vm-security-list-summary");
        const entry = session.page.locator('#host-apps a[href*="vm-security"]').first();
        assert.doesNotMatch(await entry.innerText(), /security/i);
    });
});

describe("Without administrative access everything is translated", () => {
    let session;
    before(async () => { session = await Session.open({ user: "tbuser", locale: "de", prepare: pretendForeign("ltr") }) });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("the overview, and how to get it", async () => {
        const page = await session.overview("main [data-state]");
        await page.locator(".vms-admin-help").first().click();
        await page.locator(".pf-v6-c-popover").waitFor();
        assert.deepEqual(await untranslated(page), []);
    });
});

for (const width of [390, 1280]) {
    describe(`From right to left (${width} pixels)`, () => {
        let session;
        before(async () => {
            session = await Session.open({ locale: "de", size: [width, 900], prepare: pretendForeign("rtl") });
        });
        afterEach(() => session.assertQuiet());
        after(() => session?.close());

        for (const name of ["view", "picture", "evidence", "checklist", "overview", "compare"])
            it(name, async () => {
                const frame = await VIEWS[name](session);
                // Cockpit 287 sets the direction of its own language again whenever something in its menu changes
                await until("right to left", () => frame.evaluate(() => {
                    document.documentElement.dir = cockpit.language_direction;
                    return getComputedStyle(document.body).direction === "rtl";
                }));
                await picture(session, frame, [width, 900], `${PICTURES}foreign-rtl-${width}-${name}.png`);
                assert.deepEqual(await overflow(frame), []);
                if (name === "picture")
                    assert.deepEqual(await pictureFaults(frame), []);
            });
    });
}

const require = createRequire(new URL("../../cockpit-ui/package.json", import.meta.url));
const { po } = require("gettext-parser");

/** How Cockpit is told: by the browser, also with a region; or by the choice in its own menu. */
const WAYS = [
    { language: "de", how: "the browser asks for de-AT", locale: "de-AT" },
    { language: "fr", how: "chosen in Cockpit", cookie: "fr-fr" },
];
const FORMS = [
    { form: "wide", size: [1600, 1000] },
    { form: "narrow-dark", size: [390, 844], storage: { "shell:style": "dark" } },
];

for (const { language, how, locale = "en-US", cookie } of WAYS) {
    const file = new URL(`../../cockpit-ui/po/${language}.po`, import.meta.url);
    const { translations: { "": texts } } = po.parse(readFileSync(file), "utf8");
    const translated = id => texts[id].msgstr[0];

    for (const { form, size, storage = {} } of FORMS) {
        describe(`In the language ${language}, ${form}: ${how}`, () => {
            let session;
            before(async () => {
                const prepare = context => cookie && context.addCookies([{ name: "CockpitLang", value: cookie, url: URL_BASE }]);
                session = await Session.open({ locale, size, storage, prepare });
            });
            afterEach(() => session.assertQuiet());
            after(() => session?.close());

            const headings = {
                view: ["Security of $0", "Findings"],
                picture: ["Who could attack whom, and what stands in the way"],
                evidence: ["Host $0"],
                checklist: ["Red Hat: Securing virtual machines"],
                overview: ["VM security", "Virtual machines", "Accepted findings", "Findings about the host"],
                compare: ["Summary"],
            };
            it("no more than a few words are loaded at login", async () => {
                const frame = await until("the preloaded page", () =>
                    session.page.frames().find(frame => frame.name() === "cockpit1:localhost/vm-security/overview"));
                const loaded = await until("its words", async () => {
                    // the frame may still be on its way from about:blank
                    const all = await frame.evaluate(() => performance.getEntriesByType("resource")
                            .map(({ name, encodedBodySize }) => [name.split("/").at(-1), encodedBodySize])).catch(() => []);
                    return all.some(([name]) => name === "po.js") && all;
                });
                assert.deepEqual(loaded.filter(([name]) => /^(texts|sentences|app)/.test(name)), []);
                assert.ok(loaded.find(([name]) => name === "po.js")[1] < 2000);
            });

            for (const [name, wanted] of Object.entries(headings))
                it(name, async () => {
                    const frame = await VIEWS[name](session);
                    const there = await frame.locator("h1, h2, h3").allInnerTexts();
                    for (const id of wanted) {
                        const [before, after = ""] = translated(id).split("$0");
                        assert.ok(there.some(text => text.startsWith(before) && text.endsWith(after)), `${id}: ${there}`);
                    }
                    assert.match(await frame.evaluate(() => document.documentElement.lang), new RegExp(`^${language}`));
                    await picture(session, frame, size, `${PICTURES}${language}-${form}-${name}.png`);
                    assert.deepEqual(await overflow(frame), []);
                    if (name === "picture")
                        assert.deepEqual(await pictureFaults(frame), []);
                });

            it("the card in Virtual machines", async () => {
                const frame = await session.machine("insecure");
                const card = frame.locator("#vm-insecure-security");
                await card.waitFor();
                assert.equal(await card.locator("h2").innerText(), translated("Security"));
                await picture(session, frame, size, `${PICTURES}${language}-${form}-card.png`);
            });

        });
    }
}

describe("In English", () => {
    let session;
    before(async () => { session = await Session.open() });
    after(() => session?.close());

    it("no language is loaded, and no sentence is taken apart", async () => {
        const view = await session.view("insecure");
        const names = await view.evaluate(() => performance.getEntriesByType("resource").map(({ name }) => name));
        assert.ok(names.some(name => /\/app\.js$/.test(name)));
        assert.deepEqual(names.filter(name => /\/(texts\.|sentences)/.test(name)), []);
        assert.match(await view.evaluate(() => document.documentElement.lang), /^en/);
    });
});
