/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useCallback, useEffect, useRef, useState } from "react";

import cockpit from "cockpit";

import { readView, writeView } from "./view-state";
import type { ViewState } from "./view-state";

export interface View extends ViewState {
    /** Shows something else. `replace`: without a step for the Back button, for what changes with every key. */
    show: (change: Partial<ViewState>, replace?: boolean) => void;
    /** The address inside Cockpit of the view with this change. */
    href: (change: Partial<ViewState>) => string;
}

/** The view that the address names, and the way to another. */
export function useView(): View {
    const [view, setView] = useState(() => readView(cockpit.location.options));
    // the address follows a moment later, and typing must not wait for it
    const current = useRef(view);

    const take = useCallback((next: ViewState) => {
        const same = JSON.stringify(next.filter) === JSON.stringify(current.current.filter);
        // the same filter is the same object: what is shown is kept for as long as that does not change
        current.current = { ...next, filter: same ? current.current.filter : next.filter };
        setView(current.current);
    }, []);

    useEffect(() => {
        const update = () => take(readView(cockpit.location.options));
        cockpit.addEventListener("locationchanged", update);
        return () => cockpit.removeEventListener("locationchanged", update);
    }, [take]);

    const show = useCallback((change: Partial<ViewState>, replace = false) => {
        take({ ...current.current, ...change });
        const { location } = cockpit;
        const options = writeView(location.options, current.current);
        if (replace)
            location.replace(location.path, options);
        else
            location.go(location.path, options);
    }, [take]);

    const href = useCallback((change: Partial<ViewState>) => {
        const { path, options } = cockpit.location;
        const page = path[0] === "vm" ? "/vm-security" : "/vm-security/overview";
        return `${page}#${cockpit.location.encode(path, writeView(options, { ...current.current, ...change }))}`;
    }, []);

    return { ...view, show, href };
}
