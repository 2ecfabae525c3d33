/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Languages in the browser: one for tests in which every text is foreign, and what of a page is not in it. */

import { pseudo } from "../../../cockpit-ui/po/pseudo.js";

/** What the page calls cockpit.locale() with. */
function localeOf(source) {
    let locale = {};
    new Function("cockpit", source)({ locale: texts => { locale = texts } });
    return locale;
}

const foreign = texts => Object.fromEntries(Object.entries(texts).filter(([id]) => id).map(([id, [plural]]) => {
    const text = id.split("\u0004").at(-1);
    return [id, [plural, pseudo(text), ...plural ? [pseudo(plural)] : []]];
}));

/** German as it is delivered, with each text replaced by its foreign form: what is not delivered stays English. */
export const pretendForeign = direction => async context => {
    const answer = (route, body) => route.fulfill({ contentType: "text/javascript; charset=utf-8", body });
    await context.route(/\/vm-security\/po\.js$/, async route => {
        const texts = foreign(localeOf(await (await route.fetch()).text()));
        const head = `"plural-forms": n => n !== 1, language: "de", "language-direction": "${direction}"`;
        await answer(route, `cockpit.locale({"": {${head}}, ${JSON.stringify(texts).slice(1)});`);
    });
    await context.route(/\/vm-security\/texts\.de\.js$/, async route => {
        const source = await (await route.fetch()).text();
        const { default: { page, program } } = await import(`data:text/javascript,${encodeURIComponent(source)}`);
        const [ours, theirs] = [page, program].map(texts => JSON.stringify(foreign(texts)));
        await answer(route, `export default {plural: n => n !== 1, page: ${ours}, program: ${theirs}};`);
    });
};

/** What is called the same in all languages: the bed's machines and people, what a console or a driver is called. */
const NAMES = new Set([
    "insecure", "hardened", "stopped", "tbadmin", "tbuser", "libvirtd", "firewalld", "fwupd", "VNC", "HTML", "JSON", "QEMU",
    "vda", "hda", "fda", "ide", "fdc", "cirrus", "dac", "none",
]);

/** Words in plain letters, except for names and for what has digits and signs in it: paths, keys, addresses. */
const plainWords = text => text.split(/[\s,;()]+/).map(word => word.replace(/^["'„“«]+|[.:"'“»…]+$/g, ""))
        .filter(word => /[A-Za-z]{2}/.test(word) && !/[\d_/.=@:<-]/.test(word) && !NAMES.has(word));

/**
 * All that a person can see or hear in an element and that is not translated. What is a name or a value by its markup
 * is left out: `bdi`, `code`; and so are the buttons that copy a fact, which say where it was read.
 */
export async function untranslated(frame, selector = "body") {
    const texts = await frame.locator(selector).first().evaluate(root => {
        const isSeen = element => !element.closest("code, bdi, script, style") && element.getClientRects().length > 0;
        const found = new Set();
        const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
        while (walker.nextNode()) {
            if (isSeen(walker.currentNode.parentElement))
                found.add(walker.currentNode.textContent.trim());
        }
        for (const element of root.querySelectorAll("[aria-label], [title], [placeholder], [alt]")) {
            for (const name of ["aria-label", "title", "placeholder", "alt"]) {
                if (element.hasAttribute(name) && isSeen(element) && !element.matches(".vms-fact .vms-copy"))
                    found.add(element.getAttribute(name).trim());
            }
        }
        return [...found];
    });
    return texts.filter(text => plainWords(text).length > 0);
}

/** What sticks out sideways: the page must be read without scrolling in two directions. */
export const overflow = frame => frame.evaluate(() => {
    const { scrollWidth, clientWidth } = document.documentElement;
    return scrollWidth <= clientWidth ? [] : [`${scrollWidth} > ${clientWidth}`, ...[...document.querySelectorAll("body *")]
            .filter(element => element.getBoundingClientRect().right > clientWidth + 1 || element.getBoundingClientRect().left < -1)
            .slice(0, 5).map(element => element.outerHTML.slice(0, 160))];
});

/** Words of the attack picture that leave their box, or lie on a box or on each other. */
export const pictureFaults = frame => frame.evaluate(() => {
    const box = element => element.getBoundingClientRect();
    const touch = (a, b) => a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 1 && b.top < a.bottom - 1;
    const nodes = [...document.querySelectorAll(".vms-picture .vms-node")];
    const labels = [...document.querySelectorAll(".vms-picture .vms-way-label")];
    const outside = nodes.flatMap(node => [...node.querySelectorAll("text")].filter(text => {
        const [inner, outer] = [box(text), box(node.querySelector("rect"))];
        return inner.left < outer.left || inner.right > outer.right || inner.top < outer.top || inner.bottom > outer.bottom;
    }).map(text => `${text.textContent} leaves its box`));
    const over = labels.flatMap((label, i) => [
        ...nodes.filter(node => touch(box(label), box(node.querySelector("rect")))).map(node => `${label.textContent} is on ${node.dataset.node}`),
        ...labels.slice(i + 1).filter(other => touch(box(label), box(other))).map(other => `${label.textContent} is on ${other.textContent}`),
    ]);
    return [...outside, ...over];
});

/** Tall enough to see the whole page at once, within reason. */
export async function picture(session, frame, [width, height], path) {
    await frame.evaluate(() => document.fonts.ready);
    const whole = await frame.evaluate(() => document.documentElement.scrollHeight);
    await session.page.setViewportSize({ width, height: Math.min(Math.max(height, whole + 150), 4000) });
    await session.page.screenshot({ path, animations: "disabled" });
    await session.page.setViewportSize({ width, height });
}
