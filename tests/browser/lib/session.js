/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A person at a browser, logged in to the bed's Cockpit by its real login page. */

import assert from "node:assert/strict";
import { existsSync } from "node:fs";

import { chromium } from "playwright-core";

export const URL_BASE = process.env.VM_SECURITY_URL || "http://127.0.0.1:9090";
export const PASSWORD = process.env.VM_SECURITY_PASSWORD || "tb-Passw0rd";
/** How long anything may take on a busy machine. What is fast is not waited for longer than it takes. */
export const PATIENCE = Number(process.env.VM_SECURITY_PATIENCE || 45) * 1000;

const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"].find(p => p && existsSync(p));
const FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
];

let browser = null;

async function theBrowser() {
    assert.ok(CHROMIUM, "no chromium found: set CHROMIUM, or run tests/deps.sh test");
    browser ??= await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
    return browser;
}

export async function closeBrowser() {
    await browser?.close();
    browser = null;
}

/** Polls `condition` until it gives something true, and returns that. `what` completes "waited for …". */
export async function until(what, condition) {
    const end = Date.now() + PATIENCE;
    for (;;) {
        const result = await condition();
        if (result)
            return result;
        if (Date.now() > end)
            throw new Error(`waited ${PATIENCE / 1000} s for ${typeof what === "function" ? await what() : what}`);
        await new Promise(resolve => { setTimeout(resolve, 50) });
    }
}

const OURS = /\/vm-security\//;

export class Session {
    /** What must not happen in our frames: exceptions, errors on the console, blocked content, files that are missing. */
    complaints = [];

    /** `prepare` gets the browser's context before anything is loaded. */
    static async open({
        user = "tbadmin", admin = user === "tbadmin", size = [1280, 900], storage = {}, locale = "en-US", prepare = () => {}
    } = {}) {
        const session = new Session();
        const [width, height] = size;
        session.user = user;
        session.context = await (await theBrowser()).newContext({ viewport: { width, height }, locale });
        session.context.setDefaultTimeout(PATIENCE);
        await prepare(session.context);
        session.page = await session.context.newPage();
        try {
            await session.listen();
            await session.login(admin, storage);
        } catch (error) {
            await session.context.close();
            throw error;
        }
        return session;
    }

    async listen() {
        const { page, complaints } = this;
        page.on("console", message => {
            if (message.type() === "error" && (OURS.test(message.location().url) || /^CSP /.test(message.text())))
                complaints.push(`console: ${message.text()} (${message.location().url})`);
        });
        page.on("pageerror", error => {
            if (OURS.test(error.stack ?? ""))
                complaints.push(`exception: ${error.stack}`);
        });
        page.on("response", response => {
            if (OURS.test(response.url()) && response.status() >= 400)
                complaints.push(`${response.status()} ${response.url()}`);
        });
        // Our card must not break the policy of the Virtual machines page either, whose own terminals do that (337).
        await page.addInitScript(() => document.addEventListener("securitypolicyviolation", event => {
            if (location.pathname.includes("/vm-security/") || event.target?.closest?.("[data-vm-security-card]"))
                console.error(`CSP ${event.violatedDirective} ${event.blockedURI} ${event.sample} in ${location.pathname}`);
        }));
    }

    async login(admin, storage) {
        const { page } = this;
        await page.goto(`${URL_BASE}/`);
        await page.locator("#login-user-input").waitFor();
        await page.evaluate(items => Object.entries(items).forEach(([key, value]) => localStorage.setItem(key, value)), {
            // Cockpit's own memory of whether this user wants administrative access with the login
            [`superuser:${this.user}`]: admin ? "any" : "none",
            // cockpit-machines greets a host without KVM with a page of its own
            "virtualization-disabled-ignored": "true",
            ...storage,
        });
        await page.fill("#login-user-input", this.user);
        await page.fill("#login-password-input", PASSWORD);
        await page.click("#login-button");
        await page.locator("#host-apps").waitFor({ state: "attached" });
    }

    /** Goes to a place in Cockpit as a link in its shell does: without loading the shell again. */
    async go(path) {
        await this.page.evaluate(to => {
            history.pushState(null, "", to);
            dispatchEvent(new PopStateEvent("popstate", { state: null }));
        }, path);
    }

    /** Goes to a place and loads everything anew. */
    async load(path) {
        await this.page.goto("about:blank");
        await this.page.goto(URL_BASE + path);
        await this.page.locator("#host-apps").waitFor({ state: "attached" });
    }

    /** The frame of a page in Cockpit's shell ("machines", "vm-security", "vm-security/overview"), once `selector` is seen in it. */
    async frame(name, selector) {
        const frames = () => this.page.frames().filter(frame => frame.name() === `cockpit1:localhost/${name}`);
        return until(() => this.whatIsSeen(`${selector} in ${name}`), async () => {
            for (const frame of frames()) {
                if (await frame.locator(selector).first().isVisible().catch(() => false))
                    return frame;
            }
            return null;
        });
    }

    /** Words for a failed wait: what the person in front of the browser sees instead. */
    async whatIsSeen(wanted) {
        const texts = await Promise.all(this.page.frames().map(async frame => {
            const text = await frame.evaluate(() => document.body.innerText).catch(() => "");
            return text.trim() ? `--- ${frame.name() || "shell"}: ${text.replace(/\s+/g, " ").slice(0, 300)}` : null;
        }));
        return [`${wanted}; at ${this.page.url()}`, ...texts.filter(Boolean)].join("\n");
    }

    machine(name) { return this.place("machines", `/machines#/vm?name=${encodeURIComponent(name)}&connection=system`, "#vm-details") }
    machines() { return this.place("machines", "/machines#/vms", "#virtual-machines-listing") }
    overview(selector = '[data-state="ready"]') { return this.place("vm-security/overview", "/vm-security/overview", selector) }

    /** `more` are options of the address, e.g. `verdict=all`: what is good is out of the way without it. */
    view(name, selector = '[data-state="ready"]', more = "") {
        const options = `name=${encodeURIComponent(name)}&connection=system${more && `&${more}`}`;
        return this.place("vm-security", `/vm-security#/vm?${options}`, selector);
    }

    /** The options of the address that a person sees and can hand on. */
    options() {
        return Object.fromEntries(new URLSearchParams(new URL(this.page.url()).hash.split("?")[1] ?? ""));
    }

    async place(frame, path, selector) {
        await this.go(path);
        return this.frame(frame, selector);
    }

    /** The navigation's current item. */
    async currentArea() {
        const current = this.page.locator('#host-apps a[aria-current="page"], #host-apps .pf-m-current a, #host-apps a.pf-m-current');
        return (await current.first().innerText()).trim().split("\n")[0];
    }

    /** Switches administrative access in the bar at the top, as a person does. */
    async setAdmin(on) {
        const { page } = this;
        await page.locator("#super-user-indicator button").click();
        const dialog = page.getByRole("dialog");
        if (on) {
            await dialog.locator("#switch-to-admin-access-password").fill(PASSWORD);
            await dialog.getByRole("button", { name: "Authenticate" }).click();
        } else {
            await dialog.getByRole("button", { name: "Limit access" }).click();
        }
        await page.locator("#super-user-indicator", { hasText: on ? "Administrative access" : "Limited access" }).waitFor();
        await dialog.waitFor({ state: "detached" });
    }

    /** For `afterEach`: whatever went wrong in our frames fails the test in which it happened. */
    assertQuiet() {
        assert.deepEqual(this.complaints.splice(0), []);
    }

    async close() {
        await this.context.close();
    }
}

export const finding = (frame, id) => frame.locator(`[data-check="${id}"]`);

/** Opens a finding and the dialog to accept it. */
export async function beginAccept(frame, id) {
    const item = finding(frame, id);
    if (await item.locator(".vms-accept").count() === 0)
        await item.getByRole("button").first().click();
    await item.locator(".vms-accept").click();
    await frame.locator("#accept-dialog").waitFor();
}

/** Waits for a finding's verdict; returns the moment at which the page had it. */
export async function verdict(frame, id, wanted) {
    // watched inside the page: that is exact, and Cockpit's content policy forbids the eval of waitForFunction
    const [seen, last] = await frame.evaluate(([id, wanted, patience]) => new Promise(resolve => {
        const now = () => document.querySelector(`[data-check="${id}"]`)?.dataset.verdict;
        const done = moment => {
            observer.disconnect();
            clearTimeout(timer);
            resolve([moment, now()]);
        };
        const look = () => { if (now() === wanted) done(Date.now()) };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, attributeFilter: ["data-verdict"] });
        const timer = setTimeout(done, patience, null);
        look();
    }), [id, wanted, PATIENCE]);
    assert.ok(seen, `waited ${PATIENCE / 1000} s for ${id} to be ${wanted}; it is ${last}`);
    return seen;
}
