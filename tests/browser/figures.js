/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How quick the page is: medians, printed and not asserted, because the machine that runs the tests has other work. */

import { after, afterEach, before, describe, it } from "node:test";

import { CLOSED, OPEN, redefine } from "./lib/bed.js";
import { PATIENCE, Session, verdict } from "./lib/session.js";

const LISTEN = "vm.graphics-listen";
const TIMES = 5;

const median = numbers => [...numbers].sort((a, b) => a - b)[Math.floor(numbers.length / 2)];
const figure = (what, numbers) => `${what}: ${median(numbers)} ms (${[...numbers].sort((a, b) => a - b).join(", ")})`;

/** Opens the view of a VM as a link does; milliseconds until the first findings, and until those with their titles. */
async function open(session, name) {
    const hidden = session.page.frames().find(frame => frame.name() === "cockpit1:localhost/vm-security");
    const seen = hidden.evaluate(([name, patience]) => new Promise((resolve, reject) => {
        let first = 0;
        const look = () => {
            const found = document.querySelector(`#vm-security-view[data-vm="${name}"] [data-check]`);
            first ||= found ? Date.now() : 0;
            // an area is known from the catalogue, as the titles are
            if (found?.closest("[data-area]").dataset.area) {
                observer.disconnect();
                resolve([first, Date.now()]);
            }
        };
        const observer = new MutationObserver(look);
        observer.observe(document, { subtree: true, childList: true, attributes: true });
        setTimeout(reject, patience, new Error("no findings"));
    }), [name, PATIENCE]);
    const began = Date.now();
    await session.go(`/vm-security#/vm?name=${name}&connection=system`);
    return (await seen).map(moment => moment - began);
}

describe("How quick the page is", () => {
    let session;
    before(async () => { session = await Session.open() });
    afterEach(() => session.assertQuiet());
    after(async () => {
        await redefine("stopped", CLOSED);
        await session.close();
    });

    it("from the click to the first findings", async context => {
        const [first, titles] = [[], []];
        for (let i = 0; i < TIMES; i++) {
            const fresh = await Session.open();
            // where the link to it is
            const machines = await fresh.machine("insecure");
            await machines.locator("#vm-insecure-security").waitFor();
            const [a, b] = await open(fresh, "insecure");
            first.push(a);
            titles.push(b);
            fresh.assertQuiet();
            await fresh.close();
        }
        context.diagnostic(figure("first view of a session, to its first findings", first));
        context.diagnostic(figure("first view of a session, to their titles", titles));
        const next = [];
        await open(session, "insecure");
        for (let i = 0; i < TIMES; i++)
            next.push((await open(session, ["stopped", "insecure"][i % 2]))[0]);
        context.diagnostic(figure("a further view", next));
    });

    it("from virsh to the page", async context => {
        const view = await session.view("stopped", undefined, "verdict=all");
        await verdict(view, LISTEN, "pass");
        const seen = [];
        for (let i = 0; i < TIMES; i++) {
            for (const [expression, wanted] of [[OPEN, "fail"], [CLOSED, "pass"]]) {
                const [moment, began] = await Promise.all([verdict(view, LISTEN, wanted), redefine("stopped", expression)]);
                seen.push(moment - began);
            }
        }
        context.diagnostic(figure("virsh define, its own time included, to the new verdict", seen));
    });
});
