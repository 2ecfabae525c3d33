/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page itself, for both of its HTML files. */

import { createRoot } from "react-dom/client";

import cockpit from "cockpit";

import { Compare } from "./compare";
import { languageTag, loadLanguage } from "./language";
import { Overview } from "./overview";
import { vmOption } from "./paths";
import { followTheme } from "./theme";
import { usePlace } from "./use-audit";
import { VmView } from "./vm-view";

import "@patternfly/patternfly/patternfly-base.css";
import "./app.css";
import "./picture.css";

function App() {
    const { path, option } = usePlace();
    const name = option("name");
    const [left, right] = [vmOption(option, "left"), vmOption(option, "right")];
    if (path[0] === "compare" && left && right)
        return <Compare key={JSON.stringify([left, right])} left={left} right={right} />;
    if (path[0] === "vm" && name) {
        const connection = option("connection") ?? "system";
        // another VM is another view: nothing of the old one's state may stay
        return <VmView key={`${connection} ${name}`} name={name} connection={connection} />;
    }
    return <Overview />;
}

export async function showApp(): Promise<void> {
    await loadLanguage();
    followTheme();
    cockpit.translate();
    document.documentElement.lang = languageTag();
    document.documentElement.dir ||= cockpit.language_direction ?? "ltr";
    const root = document.getElementById("app");
    if (root)
        createRoot(root).render(<App />);
}
