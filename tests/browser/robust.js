/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a VM can be called, what can happen to it, and what Cockpit can be without. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { define, inBed, undefine } from "./lib/bed.js";
import { Session, until } from "./lib/session.js";

const UUID = "55555555-5555-4555-8555-555555555555";
const escape = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll("'", "&apos;");
const domain = name => `<domain type='qemu'><name>${escape(name)}</name><uuid>${UUID}</uuid><memory unit='MiB'>64</memory>
    <os><type arch='x86_64' machine='pc'>hvm</type></os><devices><graphics type='vnc' autoport='yes' listen='0.0.0.0'/></devices></domain>`;

/** The longest that libvirt takes: it writes NAME.xml.new first, and a file's name has 255 bytes at most. */
const LONGEST = 247;

const NAMES = {
    "quotes": `a"b'c\`d`,
    "characters of an address": "a#b&c=d?e%2Ff+g;h",
    "as many characters as libvirt takes": `long-${"x".repeat(LONGEST - 9)}-end`,
    "right-to-left letters": "שרת-דואר 42",
    "emoji": "web 🧑‍🚀🇩🇪",
    "two spaces": "a  b",
};

describe("A VM's name", () => {
    let session, defined = false;
    before(async () => { session = await Session.open() });
    afterEach(async () => {
        if (defined)
            await undefine(UUID);
        defined = false;
        session.assertQuiet();
    });
    after(() => session?.close());

    for (const [what, name] of Object.entries(NAMES)) {
        it(`may have ${what}: table, view, address, acceptance and comparison`, async () => {
            await define(domain(name));
            defined = true;
            const page = await session.overview();
            const link = page.locator("#vm-security-vms tbody").getByRole("link", { name, exact: true });
            await link.waitFor();
            const choose = page.locator(`#vm-security-vms input[id="choose-system-${UUID}"]`);
            await choose.check();
            await page.getByRole("checkbox", { name: "Choose hardened to compare" }).check();
            await page.locator("#compare").click();
            const compare = await session.frame("vm-security/overview", "#vm-security-compare [data-state='ready']");
            await compare.locator("#compare-summary").getByRole("link", { name, exact: true }).click();
            const view = await session.frame("vm-security", '[data-state="ready"]');
            assert.equal(await view.locator("#vm-security-view").getAttribute("data-vm"), name);
            const address = new URL(session.page.url());
            assert.equal(new URLSearchParams(address.hash.split("?")[1]).get("name"), name);
            const item = view.locator('[data-check="vm.graphics-listen"]');
            await item.getByRole("button").first().click();
            await item.locator(".vms-accept").click();
            await view.locator("#accept-reason").fill("So it is called");
            await view.locator("#accept-confirm").click();
            await view.locator('[data-check="vm.graphics-listen"][data-accepted="true"]').waitFor();
            await session.load(address.pathname + address.hash);
            const again = await session.frame("vm-security", '[data-state="ready"]');
            assert.equal(await again.locator("#vm-security-view").getAttribute("data-vm"), name);
            assert.ok(await again.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
        });
    }

    for (const name of ["../a/b//c", "y".repeat(250)]) {
        it(`that libvirt has none of (${name.slice(0, 10)}…) is no VM, and no other address`, async () => {
            const view = await session.view(name, '[data-state="no-such-vm"]');
            assert.ok((await view.locator('[data-state="no-such-vm"]').innerText()).includes(name));
            assert.ok(await view.evaluate(() => document.documentElement.scrollWidth <= document.documentElement.clientWidth));
        });
    }
});

describe("A VM that is renamed while its view is open", () => {
    let session;
    before(async () => {
        await define(domain("before-it"));
        session = await Session.open();
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await undefine(UUID);
        await session?.close();
    });

    it("is no more under its old name, and is there under the new one", async () => {
        const view = await session.view("before-it");
        await inBed("virsh", "-q", "domrename", "before-it", "after it");
        await view.locator('[data-state="no-such-vm"]').waitFor();
        assert.match(await view.locator('[data-state="no-such-vm"]').innerText(), /before-it[\s\S]*renamed/);
        await view.getByRole("link", { name: "Virtual machines" }).first().waitFor();
        await session.view("after it");
    });

    it("keeps a dialog that is open, which then says that there is no such VM", async () => {
        const view = await session.view("after it");
        const item = view.locator('[data-check="vm.graphics-listen"]');
        await item.getByRole("button").first().click();
        await item.locator(".vms-accept").click();
        await view.locator("#accept-reason").fill("Typed");
        await undefine(UUID);
        await view.locator('[data-state="no-such-vm"]').waitFor({ state: "attached" });
        await view.locator("#accept-confirm").click();
        await view.locator('#accept-dialog [data-problem="not-found"]').waitFor();
        assert.equal(await view.locator("#accept-reason").inputValue(), "Typed");
        await define(domain("after it"));
        await view.locator('[data-state="ready"]').waitFor({ state: "attached" });
        await view.locator("#accept-confirm").click();
        await view.locator("#accept-dialog").waitFor({ state: "detached" });
    });
});

describe("Without cockpit-machines", () => {
    const PACKAGE = "/usr/share/cockpit/machines";
    let session;
    before(async () => {
        await inBed("mount", "-t", "tmpfs", "tmpfs", PACKAGE);
        session = await Session.open();
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await session?.close();
        await inBed("umount", PACKAGE);
    });

    it("the overview and the view of a VM are there", async () => {
        assert.equal(await session.page.locator("#host-apps").getByRole("link", { name: "Virtual machines" }).count(), 0);
        const overview = await session.overview();
        await overview.locator("#vm-security-vms").getByRole("link", { name: "insecure" }).click();
        const view = await session.frame("vm-security", '[data-state="ready"]');
        assert.equal(await view.locator('[data-check="vm.graphics-listen"]').getAttribute("data-verdict"), "fail");
    });
});

describe("With a Virtual machines page of an unknown layout", () => {
    const LAYOUTS = {
        "without anything that is known": '<div class="pf-v9-c-page"><article class="pf-v9-c-card">insecure</article></div>',
        "whose cards have other classes": '<div id="vm-details"><div class="ct-vm-overview"><article class="pf-v9-c-card">insecure</article></div></div>',
        "whose details are elsewhere": '<div id="vm-detail"><div class="pf-v6-c-card">insecure</div></div>',
    };
    for (const [what, layout] of Object.entries(LAYOUTS)) {
        it(`${what}: the card stays away, quietly, and our own pages work`, async () => {
            const session = await Session.open();
            try {
                await session.page.route("**/machines/index.html", route => route.fulfill({
                    contentType: "text/html",
                    body: `<!DOCTYPE html><html><head><script src="../base1/cockpit.js"></script></head><body>${layout}</body></html>`,
                }));
                const frame = await session.place("machines", "/machines#/vm?name=insecure&connection=system", "text=insecure");
                // a page that goes on changing
                await frame.evaluate(() => new Promise(resolve => {
                    let left = 20;
                    const timer = setInterval(() => {
                        document.body.append(document.createElement("hr"));
                        left -= 1;
                        if (left === 0)
                            resolve(clearInterval(timer));
                    }, 20);
                }));
                const view = await session.view("insecure");
                await view.locator('[data-check="vm.graphics-listen"]').waitFor();
                await until("nothing of ours in it", async () => await frame.locator("[data-vm-security-card], .vm-security-card").count() === 0);
                session.assertQuiet();
            } finally {
                await session.close();
            }
        });
    }
});
