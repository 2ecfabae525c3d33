/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A Security card in cockpit-machines' VM details page, and a summary on its list. cockpit-machines has no extension
 * point, so this looks into its frame (same origin) and adds one node of our own; the rest of its DOM is only read.
 * Whatever is not as expected means that nothing is added; VM security in the menu works all the same.
 * Known to fit cockpit-machines 288 to 355 (PatternFly 4 to 6), inside the shells of Cockpit 287 to 366.
 */

import cockpit from "cockpit";

import type { drawCard, Summary, Target } from "./card";

const CLASS_PREFIXES = ["pf-v6-c-", "pf-v5-c-", "pf-c-"];

/** What the Virtual machines page shows right now, and where our node goes. */
function look(doc: Document): { target: Target, place: Element, prefix: string } | null {
    const prefix = CLASS_PREFIXES.find(p => doc.querySelector(`.${p}card`));
    const details = doc.querySelector("#vm-details .ct-vm-overview");
    const list = doc.querySelector("#virtual-machines-listing");
    if (!prefix)
        return null;
    if (details) {
        const params = new URLSearchParams(doc.location.hash.split("?")[1]);
        const name = params.get("name");
        if (name)
            return { target: { name, connection: params.get("connection") ?? "system" }, place: details, prefix };
    } else if (list?.parentElement) {
        return { target: null, place: list.parentElement, prefix };
    }
    return null;
}

export function hookIntoMachines(): void {
    // cockpit1:CONNECTION/vm-security; the Virtual machines page of the same host is its sibling
    const match = /^(cockpit1:(.*))\/vm-security$/.exec(window.name);
    const shell = window.parent;
    if (!match || shell === window)
        return;
    const frameName = `${match[1]}/machines`;
    const host = match[2] === "localhost" ? "" : `/@${match[2]}`;

    let frame: HTMLIFrameElement | undefined;
    let doc: Document | null = null;
    let shown = ""; // the target that `stop` belongs to
    let stop = () => {};
    let summary: Summary | null = null;
    let draw: typeof drawCard | null = null; // loaded together with the summary
    let node: Element | null = null;
    let drawn = ""; // what `node` says
    let timer = 0;

    // not requestAnimationFrame: our frame is hidden, so it would never come
    const later = () => { timer ||= window.setTimeout(update, 50) };
    const observer = new MutationObserver(later);

    function attach(): void {
        const found = [...shell.document.querySelectorAll("iframe")].find(f => f.name === frameName);
        if (found !== frame) {
            frame = found;
            frame?.addEventListener("load", later);
        }
        if ((frame?.contentDocument ?? null) === doc)
            return;
        doc = frame?.contentDocument ?? null;
        observer.disconnect();
        observer.observe(shell.document.body, { childList: true, subtree: true, attributeFilter: ["style", "class", "hidden"] });
        if (doc)
            observer.observe(doc, { childList: true, subtree: true });
    }

    function watch(target: Target): void {
        let wanted = true;
        let close = () => {};
        stop = () => { wanted = false; close() };
        void import("./card").then(({ drawCard, watchSummary }) => {
            draw = drawCard;
            if (wanted)
                close = watchSummary(target, now => { summary = now; update() });
        });
    }

    function update(): void {
        timer = 0;
        attach();
        const visible = frame && frame.getClientRects().length > 0 && !shell.document.hidden;
        const seen = visible && doc?.body ? look(doc) : null;
        const target = JSON.stringify(seen?.target);
        if (!seen || target !== shown) {
            stop();
            node?.remove();
            summary = node = null;
            stop = () => {};
            shown = "";
        }
        if (!seen || !doc)
            return;
        if (!shown) {
            shown = target;
            watch(seen.target);
        }
        if (!summary || !draw || (node?.isConnected && node.ownerDocument === doc && drawn === JSON.stringify(summary)))
            return;
        const focused = node?.contains(doc.activeElement) ?? false;
        const fresh = draw(doc, shell, host, seen.prefix, seen.target, summary);
        if (node?.isConnected)
            node.replaceWith(fresh);
        else
            seen.place.append(fresh);
        node = fresh;
        drawn = JSON.stringify(summary);
        if (focused)
            fresh.querySelector("a")?.focus();
    }

    try {
        observer.observe(shell.document.body, { childList: true, subtree: true, attributeFilter: ["style", "class", "hidden"] });
        shell.document.addEventListener("visibilitychange", later);
        update();
    } catch (error) {
        // not inside Cockpit's shell, or one that is not like any that is known
        console.debug("vm-security: no card in Virtual machines:", error, cockpit.transport.host);
    }
}
