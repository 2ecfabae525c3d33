/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * index.html is preloaded at every login, so this file stays tiny: it hooks into the Virtual machines page, and loads
 * the Security view only when it is shown.
 */

import cockpit from "cockpit";

import { hookIntoMachines } from "./machines-card";

let loaded = false;

async function load(): Promise<void> {
    if (loaded || cockpit.hidden)
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

cockpit.addEventListener("visibilitychange", () => void load());
void load();
hookIntoMachines();
