/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { define, undefine } from "./lib/bed.js";
import { Session } from "./lib/session.js";

// libvirt refuses '/' and line ends in a name, and nothing else
const NAME = `<img src=x onerror="parent.hacked=1">'"&amp; %3Cb%3E ?#\\ 😈 שלום \u202egnp.exe`;
const UUID = "55555555-5555-4555-8555-555555555555";
const escape = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("'", "&apos;");

describe("A VM with a hostile name and description", () => {
    let session;
    before(async () => {
        await define(`<domain type='qemu'><name>${escape(NAME)}</name><uuid>${UUID}</uuid>
            <title>${escape(NAME)}</title>
            <description>${escape('</description><script>parent.hacked=2</script>\n\u202e"]]>')}</description>
            <memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
            <devices><graphics type='vnc' autoport='yes' listen='0.0.0.0'/></devices></domain>`);
        session = await Session.open();
    });
    afterEach(async () => {
        session.assertQuiet();
        for (const frame of session.page.frames())
            assert.equal(await frame.evaluate(() => window.hacked ?? null).catch(() => null), null);
    });
    after(async () => {
        await undefine(UUID);
        await session?.close();
    });

    it("is shown letter by letter in the overview, which leads to its Security view", async () => {
        const page = await session.overview();
        const link = page.getByRole("link", { name: NAME, exact: true });
        await link.click();
        const view = await session.frame("vm-security", '[data-state="ready"]');
        assert.equal(await view.locator("#vm-security-view").getAttribute("data-vm"), NAME);
        assert.ok((await view.getByRole("navigation").innerText()).includes(NAME));
        assert.equal(await view.locator('[data-check="vm.graphics-listen"]').getAttribute("data-verdict"), "fail");
        assert.equal(await view.locator("main img, main script").count(), 0);
    });

    it("keeps its direction to itself", async () => {
        const view = await session.view(NAME);
        for (const text of await view.getByText(NAME).all()) {
            const isolated = await text.evaluate(element =>
                ["isolate", "plaintext", "isolate-override"].includes(getComputedStyle(element.closest("bdi") ?? element).unicodeBidi) ||
                element.textContent.trim() === element.closest("h1, h2, td, li")?.textContent.trim());
            assert.ok(isolated, await text.evaluate(element => element.outerHTML));
        }
    });

    it("does not keep the list in Virtual machines from its summary", async () => {
        const frame = await session.machines();
        await frame.locator("#vm-security-list-summary", { hasText: "of 4 virtual machines" }).waitFor();
    });
});
