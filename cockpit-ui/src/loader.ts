/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Both pages are loaded at every login, so what they load then stays tiny: the rest comes when they are shown. */

import { isShown, watchShown } from "./shown";

let loaded = false;

async function load(): Promise<void> {
    if (loaded || !isShown())
        return;
    loaded = true;
    const style = document.createElement("link");
    style.rel = "stylesheet";
    style.href = "app.css";
    // the page would flash without its style; if that does not come, better an ugly page than none
    const styled = new Promise(resolve => { style.onload = style.onerror = resolve });
    document.head.append(style);
    const [{ showApp }] = await Promise.all([import("./app"), styled]);
    await showApp();
}

export function loadWhenShown(): void {
    watchShown(() => void load());
    void load();
}
