/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A host with a thousand VMs. How long each step takes is printed, not asserted. */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { OPEN, defineMany, redefine, undefineMany } from "./lib/bed.js";
import { Session } from "./lib/session.js";

const NAMES = Array.from({ length: 1000 }, (_none, i) => `many${String(i).padStart(4, "0")}`);
const XML = `<domain type='qemu'><name>NAME</name><uuid>UUID</uuid><memory unit='MiB'>64</memory><vcpu>2</vcpu>
    <os><type arch='x86_64' machine='pc'>hvm</type></os><features><acpi/></features><devices>
    <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/var/lib/libvirt/images/NAME.qcow2'/><target dev='vda' bus='virtio'/></disk>
    <graphics type='vnc' autoport='yes' listen='127.0.0.1'/></devices></domain>`;

describe("With a thousand VMs", () => {
    let session, page;
    before(async () => {
        await defineMany(NAMES, XML);
        session = await Session.open();
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await session?.close();
        await undefineMany(NAMES);
    });

    const rows = () => page.locator("#vm-security-vms tbody tr[data-row-id]");
    const row = name => page.locator(`#vm-security-vms [data-row-id="vm-${name}-system"]`);

    /** Milliseconds from an action inside the page to the sight of what it leads to. */
    const timed = async (action, seen) => {
        const began = Date.now();
        await action();
        await seen();
        return Date.now() - began;
    };

    it("the overview shows the first fifty", async context => {
        const first = await timed(async () => { page = await session.overview() },
                                  () => page.locator("#vm-security-vms", { hasText: "1003 virtual machines" }).waitFor());
        context.diagnostic(`overview: ${first} ms from the click in the menu`);
        assert.equal(await rows().count(), 50);
    });

    it("the others are on further pages, and are found by name", async context => {
        const first = await rows().nth(0).getAttribute("data-row-id");
        const next = await timed(() => page.getByRole("button", { name: "Go to the next page" }).first().click(),
                                 () => page.locator(`#vm-security-vms [data-row-id="${first}"]`).waitFor({ state: "detached" }));
        assert.equal(await rows().count(), 50);
        assert.equal(session.options().page, "2");
        const typed = await timed(() => page.locator("#vms-filter-text input").fill("many0777"), () => row("many0777").waitFor());
        assert.equal(await rows().count(), 1);
        await page.locator("#vm-security-vms", { hasText: "1 of 1003 virtual machines" }).waitFor();
        const cleared = await timed(() => page.locator("#vms-filter-text input").fill(""), () => rows().nth(49).waitFor());
        const sorted = await timed(() => page.getByRole("columnheader", { name: "Name" }).getByRole("button").click(),
                                   () => rows().nth(0).filter({ hasText: "hardened" }).waitFor());
        context.diagnostic(`next page ${next} ms, filter ${typed} ms, cleared ${cleared} ms, sorted ${sorted} ms`);
        await page.locator("#vms-filter-text input").fill("no such name");
        await page.getByRole("button", { name: "Show all virtual machines" }).click();
        await rows().nth(49).waitFor();
    });

    it("a change of one of them is seen", async context => {
        await page.locator("#vms-filter-text input").fill("many0777");
        await row("many0777").waitFor();
        const [began] = await Promise.all([
            redefine("many0777", OPEN),
            row("many0777").locator('[data-worst="vm.graphics-listen"], [data-severity="high"]').filter({ hasText: /listens on 0\.0\.0\.0|[4-9] High/ }).first().waitFor(),
        ]);
        context.diagnostic(`seen ${Date.now() - began} ms after virsh define began`);
        await page.locator("#vms-filter-text input").fill("");
    });

    it("two from different pages can be compared", async () => {
        for (const name of ["many0003", "many0777"]) {
            await page.locator("#vms-filter-text input").fill(name);
            await page.getByRole("checkbox", { name: `Choose ${name} to compare` }).check();
        }
        await page.locator("#compare").click();
        page = await session.frame("vm-security/overview", '#compare-table [data-check="vm.graphics-listen"]');
    });

    it("one VM's Security view and the list in Virtual machines are there as ever", async context => {
        const view = await timed(() => session.view("many0500"), () => {});
        context.diagnostic(`Security view: ${view} ms`);
    });
});
