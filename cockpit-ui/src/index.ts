/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * index.html is preloaded at every login, so this file stays tiny: it hooks into the Virtual machines page, and loads
 * the Security view only when it is shown.
 */

import { hookIntoMachines } from "./machines-card";
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
    showApp();
}

watchShown(() => void load());
void load();
hookIntoMachines();
