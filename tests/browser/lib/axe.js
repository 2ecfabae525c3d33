/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * axe-core in a frame of Cockpit. Cockpit's content policy forbids scripts from elsewhere, and stays as it is: what the
 * browser's debugger evaluates is not the page's.
 */

import assert from "node:assert/strict";

import axe from "axe-core";

const TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

/** What axe-core leaves to people, and people have looked at; everything else that it cannot decide is a failure, too. */
const LOOKED_AT = [
    // PatternFly's placeholders
    /^color-contrast: .*has no value/,
    // PatternFly underlines its links with a gradient; other links on the same backgrounds are measured
    /^color-contrast: .*background gradient/,
    // below a menu or a dialog that is open, where it is measured without it; or a text that begins in the midst of a line
    /^color-contrast: .*(is overlapped by another element|partially overlaps other elements)/,
    // measured below, as are the picture's words
    /^color-contrast: <span class="pf-v6-c-label__text">.* due to a pseudo element/,
    /^color-contrast: <(text|tspan) .*contains an image node/,
    // what is behind a dialog: keyboard.js proves that the focus stays in it
    /^aria-hidden-focus: <div id="app"/,
];

/** Nothing may be half faded in, or on its way to another place, while its contrast is measured. */
const settled = frame => frame.evaluate(async () => {
    await document.fonts.ready;
    for (let frames = 0; frames < 3; frames++)
        await new Promise(requestAnimationFrame);
    await Promise.all(document.getAnimations()
            .filter(animation => animation.effect.getComputedTiming().iterations !== Infinity)
            .map(animation => animation.finished.catch(() => {})));
});

/** The texts of too little contrast whose background axe-core cannot see: PatternFly's labels, and the attack picture. */
const paleTexts = frame => frame.evaluate(() => {
    const light = color => {
        const [red, green, blue] = color.match(/[\d.]+/g).map(part => part / 255)
                .map(part => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (...colors) => {
        const [dark, bright] = colors.map(light).sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const pale = [];
    const measure = (element, color, background) => {
        if (contrast(color, background) < 4.5)
            pale.push(`${element.outerHTML} ${color} on ${background}`);
    };
    const all = selector => [...document.querySelectorAll(selector)].filter(element => element.getClientRects().length > 0);
    for (const content of all(".pf-v6-c-label.pf-m-filled .pf-v6-c-label__content"))
        measure(content, getComputedStyle(content).color, getComputedStyle(content, "::before").backgroundColor);
    for (const text of all(".vms-picture :is(text, tspan)")) {
        // a label's outline has the colour of the zone that it is in
        const box = text.closest(".vms-node, .vms-zone")?.querySelector("rect");
        const style = getComputedStyle(text);
        measure(text, style.fill, box ? getComputedStyle(box).fill : style.stroke);
    }
    return pale;
});

/**
 * Fails with what axe-core complains about in `selector`, or cannot decide. `onlyContrast`: the rest does not depend on
 * colours.
 */
export async function assertAccessible(frame, { selector, onlyContrast = false } = {}) {
    await settled(frame);
    if (!await frame.evaluate(() => Boolean(window.axe)))
        await frame.evaluate(axe.source);
    const { found, measured } = await frame.evaluate(async ([selector, runOnly]) => {
        const { violations, incomplete, passes } = await window.axe.run(selector ?? document, { runOnly });
        const words = ({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
            `${id}: ${html} ${[...any, ...all, ...none].map(({ message }) => message).join(". ")}`.replace(/\s+/g, " "));
        return {
            found: [...violations, ...incomplete].flatMap(words),
            measured: passes.find(({ id }) => id === "color-contrast")?.nodes.length ?? 0,
        };
    }, [selector, onlyContrast ? { type: "rule", values: ["color-contrast"] } : { type: "tag", values: TAGS }]);
    assert.deepEqual(found.filter(text => !LOOKED_AT.some(pattern => pattern.test(text))), []);
    assert.deepEqual(await paleTexts(frame), []);
    // nothing has contrast in a page that nobody sees
    assert.ok(measured > 0, "something was seen");
}
