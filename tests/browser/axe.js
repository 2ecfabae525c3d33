/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What axe-core says about each state of our pages: light and dark, wide and narrow. */

import { after, before, describe, it } from "node:test";

import { inBed, kill, ourProcesses, startLibvirt, stopLibvirt } from "./lib/bed.js";
import { assertAccessible } from "./lib/axe.js";
import { beginAccept, finding, Session } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";
// so tall because axe-core does not look at the background of what is half in the window
const WIDE = { width: 1600, height: 4000 };
const NARROW = { width: 390, height: 4000 };

/** As Cockpit's own menu switches it, for all frames that are open. */
async function setTheme(session, style) {
    await session.page.evaluate(style => localStorage.setItem("shell:style", style), style);
    for (const frame of session.page.frames()) {
        await frame.evaluate(style =>
            dispatchEvent(new CustomEvent("cockpit-style", { detail: { style } })), style).catch(() => {});
    }
}

async function checkForms(session, frame, selector) {
    for (const style of ["light", "dark"]) {
        await setTheme(session, style);
        for (const size of [WIDE, NARROW]) {
            await session.page.setViewportSize(size);
            await assertAccessible(frame, { selector, onlyContrast: style === "dark" });
        }
    }
    await setTheme(session, "light");
    await session.page.setViewportSize(WIDE);
}

/** Each opens a state of a page, and returns its frame. */
const OF_A_VM = {
    "findings": session => session.view("insecure"),
    "a finding that is open, and the host's": async session => {
        const view = await session.view("insecure", undefined, `check=${LISTEN}`);
        await finding(view, LISTEN).getByText("Why it matters").waitFor();
        await view.locator("#vm-security-host").getByRole("button", { name: "Show the host's findings" }).click();
        return view;
    },
    "a menu of filters": async session => {
        const view = await session.view("insecure");
        await view.locator("#vm-filter-verdict").click();
        await view.locator("#vm-filter-verdict-menu").waitFor();
        return view;
    },
    "a filter that nothing matches": async session => {
        const view = await session.view("insecure", undefined, "text=nothing-has-this");
        await view.getByText("No finding matches the filter").waitFor();
        return view;
    },
    "the attack picture, and a way that is open": async session => {
        const view = await session.view("insecure", ".vms-ways", "tab=picture&vector=qemu-host");
        await view.locator('[data-way="qemu-host"] [data-barrier]').first().waitFor();
        return view;
    },
    "the evidence": session => session.view("insecure", "[data-fact]", "tab=evidence&text=/sys/"),
    "the evidence of nothing": async session => {
        const view = await session.view("insecure", "[data-evidence]", "tab=evidence&text=nothing-has-this");
        await view.getByText("No fact has these words").waitFor();
        return view;
    },
    "the checklist": async session => {
        const view = await session.view("insecure", "#vm-security-checklist", "tab=checklist");
        await view.getByRole("button", { name: /items? (does|do) not apply$/ }).first().click();
        return view;
    },
    "what each profile demands, and the choice of one": async session => {
        const view = await session.view("insecure");
        await view.getByRole("button", { name: "What each profile demands" }).click();
        await view.locator('.vms-demands [data-profile="confidential"]').waitFor();
        await view.locator("#profile").click();
        await view.getByRole("option").first().waitFor();
        return view;
    },
    "the menu to export": async session => {
        const view = await session.view("insecure");
        await view.locator("#export").click();
        await view.locator("#export-json").waitFor();
        return view;
    },
    "an export that failed": async session => {
        const view = await session.view("insecure");
        await view.evaluate(() => { window.fetch = () => Promise.reject(new Error("no way")) });
        await view.locator("#export").click();
        await view.locator("#export-json").click();
        await view.locator("#export-problem").waitFor();
        return view;
    },
    "the dialog to accept a finding": async session => {
        const view = await session.view("insecure");
        await beginAccept(view, LISTEN);
        return view;
    },
    "that dialog with an error in each field": async session => {
        const view = await session.view("insecure");
        await beginAccept(view, LISTEN);
        await view.locator("#accept-reason").fill("x".repeat(1001));
        await view.locator("#accept-until").fill("2020-01-01");
        return view;
    },
    "that dialog with a refusal": async session => {
        const view = await session.view("insecure");
        await beginAccept(view, LISTEN);
        await view.locator("#accept-reason").fill("Because");
        await view.evaluate(() => { window.fetch = () => Promise.reject(new Error("no way")) });
        await view.locator("#accept-confirm").click();
        await view.locator("#accept-dialog [data-problem]").waitFor();
        return view;
    },
    "a VM that is not there": session => session.view("no-such-machine", '[data-state="no-such-vm"]'),
};

const OF_ALL = {
    "the overview, with an open finding and what is accepted": async session => {
        const page = await session.overview();
        await page.locator(`#vm-security-accepted [data-check="${LISTEN}"]`).first().waitFor();
        await finding(page.locator("#host-findings"), "host.selinux-enforcing").getByRole("button").first().click();
        return page;
    },
    "the dialog to withdraw": async session => {
        const page = await session.overview();
        await page.locator("#vm-security-accepted .vms-withdraw").first().click();
        await page.locator("#withdraw-dialog").waitFor();
        return page;
    },
    "a name that no VM has, and what each profile demands": async session => {
        const page = await session.overview();
        await page.locator("#vms-filter-text input").fill("no such name");
        await page.getByRole("button", { name: "Show all virtual machines" }).waitFor();
        await page.getByRole("button", { name: "What each profile demands" }).click();
        await page.locator('.vms-demands [data-profile="confidential"]').waitFor();
        return page;
    },
    "the host's evidence": session => session.place("vm-security/overview", "/vm-security/overview#/?tab=evidence&text=/sys/", "[data-fact]"),
    "the host's checklist": session => session.place("vm-security/overview", "/vm-security/overview#/?tab=checklist", "#vm-security-checklist"),
    "two VMs that are compared": session =>
        session.place("vm-security/overview", "/vm-security/overview#/compare?left=insecure&right=hardened", "#compare-table"),
};

/** A state of its own in a session of its own, so that nothing of the one before is left. */
async function inSession(options, open, selector) {
    const session = await Session.open({ size: [WIDE.width, WIDE.height], storage: { "shell:style": "light" }, ...options });
    try {
        await checkForms(session, await open(session), selector);
        session.assertQuiet();
    } finally {
        await session.close();
    }
}

/** The program never starts. */
const noProgram = session => session.page.route("**/manifests.json", () => {});
/** It is not there. */
const wrongProgram = session => session.page.route("**/manifests.json", route => route.fulfill({ json: {} }));

const BROKEN = {
    "loading": [{}, async session => {
        await noProgram(session);
        const view = await session.view("insecure", '[data-state="loading"]');
        await view.getByText("Reading the security settings").waitFor();
        return view;
    }],
    "a program that is not there": [{}, async session => {
        await wrongProgram(session);
        return session.view("insecure", '[data-state="error"]');
    }],
    "findings that are not up to date": [{}, async session => {
        const view = await session.view("insecure");
        await wrongProgram(session);
        for (const { pid, user } of await ourProcesses()) {
            if (user === "root")
                await kill(pid);
        }
        await view.locator(".vms-stale").waitFor();
        return view;
    }],
    "limited access, and how to get more": [{ admin: false }, async session => {
        const view = await session.view("insecure");
        await view.locator(".vms-needs-admin").getByRole("button").click();
        await view.getByRole("dialog").waitFor();
        return view;
    }],
};

describe("axe-core finds nothing in the view of a VM:", () => {
    for (const [what, open] of Object.entries(OF_A_VM))
        it(what, () => inSession({}, open));
});

describe("axe-core finds nothing in the pages about all VMs:", () => {
    before(() => inBed("vm-security", "waive", "--vm", "insecure", "--reason", "A test", LISTEN));
    after(() => inBed("vm-security", "unwaive", "--vm", "insecure", LISTEN));
    for (const [what, open] of Object.entries(OF_ALL))
        it(what, () => inSession({}, open));
});

describe("axe-core finds nothing in what is not as it should be:", () => {
    for (const [what, [options, open]] of Object.entries(BROKEN))
        it(what, () => inSession(options, open));
});

describe("axe-core finds nothing, for a user whom libvirt refuses,", () => {
    const SOCKET = "/run/libvirt/libvirt-sock-ro";
    before(() => inBed("chmod", "700", SOCKET));
    after(() => inBed("chmod", "777", SOCKET));
    it("in the view of a VM", () =>
        inSession({ user: "tbuser" }, session => session.view("insecure", '[data-state="error"]')));
    it("in the overview", () => inSession({ user: "tbuser" }, session => session.overview('[data-state="error"]')));
});

describe("axe-core finds nothing, without libvirt,", () => {
    before(stopLibvirt);
    after(startLibvirt);
    it("in the view of a VM", () => inSession({}, session => session.view("insecure", '[data-state="no-libvirt"]')));
    it("in the overview", () => inSession({}, session =>
        session.place("vm-security/overview", "/vm-security/overview#/?tab=evidence", '.vms-tabs ~ * [data-state="no-libvirt"]')));
});

describe("axe-core finds nothing of ours in Virtual machines:", () => {
    const CARD = "[data-vm-security-card]";
    it("the card of a VM", () => inSession({}, async session => {
        const frame = await session.machine("insecure");
        await frame.locator(CARD).waitFor();
        return frame;
    }, CARD));
    it("the summary in the list", () => inSession({}, async session => {
        const frame = await session.machines();
        await frame.locator(CARD).waitFor();
        return frame;
    }, CARD));
});
