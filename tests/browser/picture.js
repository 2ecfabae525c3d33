/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe, it } from "node:test";

import { inBed } from "./lib/bed.js";
import { finding, Session, until } from "./lib/session.js";

const RANKS = ["open", "partly", "unknown", "blocked", "not-applicable"];

describe("The attack picture", () => {
    let session, view;
    before(async () => { session = await Session.open() });
    beforeEach(async () => { view = await session.view("insecure", ".vms-picture", "tab=picture") });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    const arrow = id => view.locator(`[data-vector="${id}"]`);
    const way = id => view.locator(`[data-way="${id}"]`);
    const states = (selector, key) => view.locator(selector).evaluateAll((all, key) =>
        Object.fromEntries(all.map(({ dataset }) => [dataset[key], dataset.state])), key);

    it("has every node and every vector, in the state that the program reports, in picture and list", async () => {
        const report = JSON.parse(await inBed("vm-security", "audit", "insecure", "--format", "json"));
        const [vm] = Object.values(report.vms);
        const expected = Object.fromEntries(Object.entries(vm.vectors).map(([id, { state }]) => [id, state]));
        assert.deepEqual(await states("[data-vector]", "vector"), expected);
        assert.deepEqual(await states("[data-way]", "way"), expected);
        assert.deepEqual((await view.locator("[data-node]").evaluateAll(all => all.map(node => node.dataset.node))).sort(),
                         ["admins", "consoles", "guest", "host", "neighbours", "network", "qemu", "storage", "users"]);
        const order = Object.values(await states("[data-way]", "way")).map(state => RANKS.indexOf(state));
        assert.deepEqual(order, [...order].sort((a, b) => a - b), "the worst first");
    });

    it("tells states apart by their form, not by colour alone", async () => {
        const forms = await view.locator("[data-vector]").evaluateAll(all => all.map(element => {
            const look = selector => {
                const style = getComputedStyle(element.querySelector(selector));
                return [style.strokeDasharray, style.strokeWidth, style.display].join();
            };
            const sign = element.querySelector(".vms-way-sign path").getAttribute("d").slice(0, 40);
            return [element.dataset.state, [".vms-way-line", ".vms-way-beyond", ".vms-way-head", ".vms-way-gate"].map(look).join() + sign];
        }));
        const byState = new Map();
        for (const [state, form] of forms)
            byState.set(state, (byState.get(state) ?? new Set()).add(form));
        assert.ok(byState.size >= 3, [...byState.keys()].join());
        for (const [state, set] of byState)
            assert.equal(set.size, 1, `${state} always looks the same`);
        assert.equal(new Set([...byState.values()].map(set => [...set][0])).size, byState.size, "no two look alike");
    });

    it("an arrow opens by a click to its barriers, what each is worth, and its findings", async () => {
        await arrow("qemu-host").locator(".vms-way-sign").click();
        await way("qemu-host").locator('[data-barrier="svirt"][data-strength="broken"]').waitFor();
        assert.match(await way("qemu-host").innerText(), /one behind the other/);
        assert.equal(await arrow("qemu-host").getAttribute("aria-expanded"), "true");
        const proof = way("qemu-host").locator('[data-barrier="user"] [data-proof="vm.seclabel-dac-root"]');
        assert.match(await proof.innerText(), /Failed/);
        await until("the arrow in the address", () => session.options().vector === "qemu-host");

        await proof.getByRole("link").click();
        await finding(view, "vm.seclabel-dac-root").getByText("Why it matters").waitFor();
        await until("the finding in the address", () => session.options().check === "vm.seclabel-dac-root");
        await session.page.goBack();
        await way("qemu-host").locator("[data-barrier]").first().waitFor();
    });

    it("leads to findings that passed and to those of the host as well", async () => {
        view = await session.view("insecure", ".vms-picture", "tab=picture&vector=qemu-host");
        await way("qemu-host").locator('[data-proof="proc.seccomp"]').getByRole("link").click();
        await finding(view, "proc.seccomp").getByText("Why it matters").waitFor();
        await session.page.goBack();
        await way("qemu-host").locator('[data-proof="host.selinux-enforcing"]').getByRole("link").click();
        await finding(view, "host.selinux-enforcing").getByText("Why it matters").waitFor();
        await until("the focus on it", () => view.evaluate(() =>
            document.activeElement.closest("[data-check]")?.dataset.check === "host.selinux-enforcing"));
    });

    it("works from the keyboard alone, with a focus that is seen and words for it", async () => {
        await view.getByRole("tab", { name: "Attack picture" }).focus();
        await until("the focus on an arrow", async () => {
            await session.page.keyboard.press("Tab");
            return view.evaluate(() => document.activeElement.matches("[data-vector]"));
        });
        const { ring, id, word, name } = await view.evaluate(() => {
            const element = document.activeElement;
            return {
                ring: getComputedStyle(element.querySelector(".vms-way-ring")).stroke,
                word: getComputedStyle(element.querySelector(".vms-way-word")).display,
                id: element.dataset.vector,
                name: element.getAttribute("aria-label"),
            };
        });
        assert.notEqual(ring, "none");
        assert.notEqual(word, "none");
        assert.match(name, /^.+: (Open|Partly blocked|Not known|Blocked|Does not apply)\. .+ → .+\. /);
        await session.page.keyboard.press("Enter");
        await way(id).locator("[data-barrier]").first().waitFor();
        await until("the focus in the list", () => view.evaluate(() => document.activeElement.closest("[data-way]")?.dataset.way === undefined
            ? false : document.activeElement.closest("[data-way]").dataset.way));
        await session.page.keyboard.press("Enter");
        await way(id).locator("[data-barrier]").first().waitFor({ state: "detached" });
    });

    it("counts the ways of attack by state", async () => {
        const counts = await view.locator("#vm-picture-legend li").allInnerTexts();
        const sum = counts.reduce((total, text) => total + Number.parseInt(text, 10), 0);
        assert.equal(sum, await view.locator("[data-vector]").count(), counts.join());
    });
});
