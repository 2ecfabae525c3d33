/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { CLOSED, ELSEWHERE, OPEN, inBed, redefine, shell } from "./lib/bed.js";
import { beginAccept, finding, Session, until, verdict } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";
const NAMESPACE = "urn:cockpit-vm-security:waivers:1";
const REASON = "Only reached through <b>our</b> VPN & \"ticket\" 4711 😈 שלום";

const stored = machine => shell('virsh -q metadata "$1" "$2" --config 2>/dev/null || true', machine, NAMESPACE);
const forget = machine => shell('virsh -q metadata "$1" "$2" --config --remove >/dev/null 2>&1 || true', machine, NAMESPACE);
const forgetHost = () => inBed("rm", "-f", "/etc/cockpit-vm-security/waivers.json");

async function accept(frame, reason, until = "") {
    await frame.locator("#accept-reason").fill(reason);
    await frame.locator("#accept-until").fill(until);
    await frame.locator("#accept-confirm").click();
}

const gone = (frame, dialog) => frame.locator(dialog).waitFor({ state: "detached" });
const marked = (frame, id, wanted) => frame.locator(`[data-check="${id}"][data-accepted="${wanted}"]`).first().waitFor();

/** How many findings of a severity count, as a list of labels says. */
const count = async (frame, within, severity) =>
    Number.parseInt(await frame.locator(`${within} [data-severity="${severity}"]`).first().innerText().catch(() => "0")) || 0;

describe("Accepting a finding about a VM", () => {
    let session, view, before_;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await forget("insecure");
        await session?.close();
    });

    it("asks for a reason, says what and who, and is refused for a day that is over", async () => {
        view = await session.view("insecure");
        await verdict(view, LISTEN, "fail");
        before_ = await count(view, "#vm-counts", "high");
        await beginAccept(view, LISTEN);
        const dialog = view.locator("#accept-dialog");
        assert.match(await dialog.innerText(), /No console is reachable from the network[\s\S]*Failed[\s\S]*0\.0\.0\.0[\s\S]*tbadmin/);
        const confirm = view.locator("#accept-confirm");
        assert.ok(await confirm.isDisabled());
        await view.locator("#accept-reason").fill("  ");
        assert.ok(await confirm.isDisabled());
        await view.locator("#accept-reason").fill("x".repeat(1001));
        assert.ok(await confirm.isDisabled());
        await view.locator("#accept-reason").fill(REASON);
        assert.ok(await confirm.isEnabled());
        await view.locator("#accept-until").fill("2020-01-01");
        assert.ok(await confirm.isDisabled());
    });

    it("marks it at once, and it counts no more", async () => {
        await view.evaluate(() => { window.notReloaded = true });
        await accept(view, REASON, "2031-12-31");
        await gone(view, "#accept-dialog");
        await marked(view, LISTEN, true);
        const item = finding(view, LISTEN);
        assert.equal(await item.getAttribute("data-verdict"), "fail");
        assert.match(await item.locator(".vms-accepted").innerText(), /Accepted/);
        assert.equal(await item.locator(".vms-waiver-reason").innerText(), REASON);
        assert.equal(await item.locator(".vms-waiver-by").innerText(), "tbadmin");
        assert.match(await item.locator(".vms-waiver-until").innerText(), /2031/);
        assert.equal(await item.locator(".vms-accept").count(), 0);
        assert.equal(await count(view, "#vm-counts", "high"), before_ - 1);
        assert.equal(await view.evaluate(() => window.notReloaded), true);
        assert.match(await stored("insecure"), /check="vm\.graphics-listen" by="tbadmin"|check='vm\.graphics-listen' by='tbadmin'/);
    });

    it("is told everywhere: in the overview, and in Virtual machines", async () => {
        const machines = await session.machine("insecure");
        await machines.locator("#vm-insecure-security", { hasText: `${before_ - 1} High` }).waitFor();
        const overview = await session.overview();
        const row = overview.locator(`#vm-security-accepted [data-check="${LISTEN}"][data-vm="insecure"]`);
        await row.waitFor();
        assert.ok((await row.innerText()).includes(REASON));
        const high = () => count(overview, '#vm-security-vms [data-row-id="vm-insecure-system"]', "high");
        assert.equal(await high(), before_ - 1);
        await row.locator(".vms-withdraw").click();
        await overview.locator("#withdraw-dialog", { hasText: "4711" }).waitFor();
        await overview.locator("#withdraw-confirm").click();
        await gone(overview, "#withdraw-dialog");
        await row.waitFor({ state: "detached" });
        await until("the finding to count again", async () => await high() === before_);
        assert.equal((await stored("insecure")).trim(), "");
    });
});

describe("Accepting a finding about the host", () => {
    const SELINUX = "host.selinux-enforcing";
    let session, overview;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await forgetHost();
        await session?.close();
    });

    it("is seen at once, in the list and in the counts, and is taken back as quickly", async context => {
        overview = await session.overview();
        await verdict(overview, SELINUX, "fail");
        const critical = await count(overview, "#host-counts", "critical");
        await beginAccept(overview, SELINUX);
        const began = Date.now();
        await accept(overview, "This host has no SELinux");
        await overview.locator(`#host-findings [data-check="${SELINUX}"][data-accepted="true"]`).waitFor();
        context.diagnostic(`seen ${Date.now() - began} ms after the click`);
        assert.equal(await count(overview, "#host-counts", "critical"), critical - 1);
        assert.match(await inBed("cat", "/etc/cockpit-vm-security/waivers.json"), /"by": "tbadmin"/);
        const row = overview.locator(`#vm-security-accepted [data-check="${SELINUX}"]`);
        assert.match(await row.innerText(), /Host[\s\S]*This host has no SELinux[\s\S]*Until withdrawn/);
        await row.locator(".vms-withdraw").click();
        await overview.locator("#withdraw-confirm").click();
        await row.waitFor({ state: "detached" });
        await until("it to count", async () => await count(overview, "#host-counts", "critical") === critical);
    });
});

describe("A finding that changes while somebody decides", () => {
    let session, view;
    before(async () => {
        session = await Session.open();
        await redefine("stopped", OPEN);
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await forget("stopped");
        await redefine("stopped", CLOSED);
        await session?.close();
    });

    it("is not accepted; the dialog says so, keeps what was typed, and asks about what is now", async () => {
        view = await session.view("stopped");
        await verdict(view, LISTEN, "fail");
        await beginAccept(view, LISTEN);
        await view.locator("#accept-reason").fill(REASON);
        await redefine("stopped", ELSEWHERE);
        await view.locator(`[data-check="${LISTEN}"]`, { hasText: "192.0.2.7" }).waitFor();
        assert.equal(await view.locator("#accept-reason").inputValue(), REASON);
        await view.locator("#accept-confirm").click();
        const refusal = view.locator('#accept-dialog [data-problem="change-conflict"]');
        await refusal.waitFor();
        assert.match(await refusal.innerText(), /has changed meanwhile[\s\S]*192\.0\.2\.7/);
        assert.equal(await view.locator("#accept-reason").inputValue(), REASON);
        assert.equal((await stored("stopped")).trim(), "");
        await view.locator(".vms-case", { hasText: "192.0.2.7" }).waitFor();
        await view.locator("#accept-confirm").click();
        await gone(view, "#accept-dialog");
        await marked(view, LISTEN, true);
    });

    it("counts again when its day is over, and says so", async () => {
        const expired = `<waivers><waiver check="${LISTEN}" by="anna" since="2024-01-31T12:00:00Z" until="2024-02-29">Once</waiver></waivers>`;
        await shell('virsh -q metadata "$1" "$2" --key vmsec --set "$3" --config >/dev/null', "stopped", NAMESPACE, expired);
        await marked(view, LISTEN, false);
        const item = finding(view, LISTEN);
        assert.match(await item.locator(".vms-accepted").innerText(), /Acceptance is over/);
        assert.match(await item.innerText(), /Once[\s\S]*anna[\s\S]*Feb 29, 2024 \(over\)/);
        assert.equal(await item.locator(".vms-accept").count(), 1);
        const overview = await session.overview();
        const row = overview.locator(`#vm-security-accepted [data-check="${LISTEN}"][data-expired="true"]`);
        await row.waitFor();
        assert.equal(await row.locator(".vms-accept").count(), 1);
    });
});

describe("Administrative access and accepting", () => {
    let session, view;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await forget("insecure");
        await session?.close();
    });

    it("a write without it is refused; nothing that was typed is lost, also when it comes back", async () => {
        view = await session.view("insecure");
        await verdict(view, LISTEN, "fail");
        await beginAccept(view, LISTEN);
        await view.locator("#accept-reason").fill(REASON);
        await session.setAdmin(false);
        await view.locator('#vm-security-view[data-privileged="false"]').waitFor({ state: "attached" });
        await view.locator("#accept-confirm").click();
        await view.locator('#accept-dialog [data-problem="access-denied"]', { hasText: /administrative access/i }).waitFor();
        assert.equal(await view.locator("#accept-reason").inputValue(), REASON);
        await session.setAdmin(true);
        await view.locator('#vm-security-view[data-privileged="true"]').waitFor({ state: "attached" });
        assert.equal(await view.locator("#accept-reason").inputValue(), REASON);
        // without it the console's TLS was not known: another finding, and so another decision
        await until("the finding to be accepted", async () => {
            if (await view.locator("#accept-dialog").count() === 0)
                return true;
            const confirm = view.locator("#accept-confirm");
            if (await confirm.isEnabled({ timeout: 1000 }).catch(() => false)) // it may just have gone
                await confirm.click({ timeout: 1000 }).catch(() => {});
            return false;
        });
        await marked(view, LISTEN, true);
    });

    it("without it the button says what it needs", async () => {
        await session.setAdmin(false);
        await view.locator('#vm-security-view[data-privileged="false"]').waitFor();
        await finding(view, LISTEN).locator(".vms-withdraw").click();
        await view.getByText("Withdrawing an acceptance needs administrative access").waitFor();
        assert.equal(await view.locator("#withdraw-dialog").count(), 0);
        await session.page.keyboard.press("Escape");
    });
});

describe("The user's own virtual machine", () => {
    const XML = `<domain type='qemu'><name>mine</name><uuid>66666666-6666-4666-8666-666666666666</uuid>
        <memory unit='MiB'>64</memory><os><type arch='x86_64' machine='pc'>hvm</type></os>
        <devices><graphics type='vnc' autoport='yes' listen='0.0.0.0'/></devices></domain>`;
    let session, frame;
    const virsh = script => frame.evaluate(script => window.cockpit.spawn(["sh", "-c", script], { err: "message" }), script);
    before(async () => {
        session = await Session.open({ user: "tbuser" });
        frame = await session.overview("#vm-security-host");
        await virsh(`cat >/tmp/mine.xml <<'X'\n${XML}\nX\nvirsh -q -c qemu:///session define /tmp/mine.xml`);
    });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await virsh("virsh -q -c qemu:///session undefine mine; rm -f /tmp/mine.xml");
        await session?.close();
    });

    it("needs no administrative access for it", async () => {
        const view = await session.place("vm-security", "/vm-security#/vm?name=mine&connection=session", '[data-state="ready"]');
        await beginAccept(view, LISTEN);
        await accept(view, "It is mine");
        await gone(view, "#accept-dialog");
        await marked(view, LISTEN, true);
        assert.equal(await finding(view, LISTEN).locator(".vms-waiver-by").innerText(), "tbuser");
    });
});
