/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A person's way through the Cockpit of a whole host under SELinux, up to its verdicts. Run by tests/selinux-host/check.sh,
 * which says in VM_SECURITY_URL where that Cockpit is, and in VM_SECURITY_ENFORCING how the host was booted.
 * The pictures go to target/screenshots/selinux-host/.
 */

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after, afterEach, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";

import { closeBrowser, finding, Session } from "./lib/session.js";

const ENFORCING = process.env.VM_SECURITY_ENFORCING === "1";
const PICTURES = fileURLToPath(new URL("../../target/screenshots/selinux-host/", import.meta.url));
const LABEL = /system_u:system_r:svirt_t:s0:c\d+,c\d+/;

mkdirSync(PICTURES, { recursive: true });

const open = async (frame, id) => {
    const item = finding(frame, id);
    await item.getByRole("button").first().click();
    await item.getByText("Why it matters").waitFor();
    return item;
};

describe(`In the Cockpit of a host under SELinux, ${ENFORCING ? "enforcing" : "permissive"}`, () => {
    let session, view;
    before(async () => { session = await Session.open({ user: "admin", admin: true, size: [1280, 900] }) });
    afterEach(() => session?.assertQuiet());
    after(async () => {
        await session?.close();
        await closeBrowser();
    });

    const picture = async name => {
        await view.evaluate(() => document.fonts.ready);
        const height = await view.evaluate(() => Math.max(...[...document.querySelectorAll("html, body, body *")]
                .map(element => element.scrollHeight)));
        await session.page.setViewportSize({ width: 1280, height: Math.min(height + 150, 6000) });
        await session.page.screenshot({ path: `${PICTURES}${name}.png`, animations: "disabled" });
    };

    it("a login, Virtual machines, tenant-a, and its Security card lead to the Security view", async () => {
        const list = await session.machines();
        await list.locator("a.vm-list-item-name", { hasText: /^tenant-a$/ }).click();
        const details = await session.frame("machines", "#vm-tenant-a-security");
        const card = details.locator("#vm-tenant-a-security");
        await card.getByRole("link", { name: "View findings" }).click();
        view = await session.frame("vm-security", '[data-state="ready"]');
        await view.locator('#vm-security-view[data-vm="tenant-a"][data-privileged="true"]').waitFor();
        assert.equal(await view.locator("#vm-state").innerText(), "Paused");
    });

    it(`the VM is ${ENFORCING ? "" : "not "}confined, and its process's label is the evidence`, async () => {
        for (const [id, verdict] of [["proc.selinux-label", ENFORCING ? "pass" : "warn"], ["proc.mcs-unique", "pass"]]) {
            const item = await open(view, id);
            assert.equal(await item.getAttribute("data-verdict"), verdict);
            assert.match(await item.innerText(), LABEL);
        }
        for (const id of ["proc.seccomp", "proc.uid", "proc.capabilities", "proc.mount-namespace"])
            assert.equal(await finding(view, id).getAttribute("data-verdict"), "pass", id);
    });

    it("the host's findings say whether SELinux enforces", async () => {
        await view.locator("#vm-security-host").getByRole("button", { name: "Show the host's findings" }).click();
        const item = await open(view, "host.selinux-enforcing");
        assert.equal(await item.getAttribute("data-verdict"), ENFORCING ? "pass" : "fail");
        assert.match(await item.innerText(), /\/sys\/fs\/selinux\/enforce/);
        // Asked over D-Bus by the bridge that Cockpit started: not known is known by its words.
        const firewall = finding(view, "host.firewall-libvirt-ports");
        assert.equal(await firewall.getAttribute("data-verdict"), "pass", await firewall.innerText());
        await picture(ENFORCING ? "view" : "view-permissive");
    });
});
