/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { after, afterEach, before, describe, it } from "node:test";

import { ourProcesses } from "./lib/bed.js";
import { Session, until } from "./lib/session.js";

describe("The part that is loaded at every login", () => {
    const FRAMES = ["cockpit1:localhost/vm-security", "cockpit1:localhost/vm-security/overview"];
    let session, hidden;
    before(async () => {
        session = await Session.open();
        hidden = await until("our hidden frames", () => {
            const frames = session.page.frames().filter(frame => FRAMES.includes(frame.name()));
            return frames.length === FRAMES.length && frames;
        });
        await Promise.all(hidden.map(frame => frame.waitForLoadState("load")));
        // Cockpit's bridge gets messages in their order: once it has answered this one, it has started all that was
        // asked for at login
        await session.frame("system", "main");
        await hidden[0].evaluate(async () => { await window.cockpit.spawn(["true"]) });
    });
    afterEach(() => session.assertQuiet());
    after(() => session?.close());

    it("is small, and without the page's bundle and style", async () => {
        // what both load counts once: the second comes from the browser's cache
        const files = new Map();
        for (const frame of hidden) {
            for (const [file, size] of await frame.evaluate(() => performance.getEntriesByType("resource")
                    .filter(entry => entry.name.includes("/vm-security/"))
                    .map(entry => [entry.name.replace(/.*\/vm-security\//, ""), entry.decodedBodySize])))
                files.set(file, size);
        }
        const loaded = [...files].map(([file, size]) => ({ file, size }));
        const bytes = loaded.reduce((sum, { size }) => sum + size, 0);
        assert.ok(bytes > 0 && bytes < 20_000, `${bytes} bytes: ${JSON.stringify(loaded)}`);
        for (const frame of hidden)
            assert.equal(await frame.evaluate(() => document.getElementById("app").childElementCount), 0);
    });

    it("starts no process until a page about virtual machines is seen, and then does", async () => {
        // those of earlier sessions may be ending yet
        await until("no process", async () => (await ourProcesses()).length === 0);
        await session.machines();
        await until("a process of ours", async () => (await ourProcesses()).length > 0);
    });
});
