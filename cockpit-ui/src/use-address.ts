/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* State that lives in the page's address. */

import { useCallback, useEffect, useRef, useState } from "react";

import cockpit from "cockpit";

import type { GivenOptions, Options } from "./address";

export interface Address<T> {
    state: T;
    /** Shows something else. `replace`: without a step for the Back button, for what changes with every key. */
    show: (change: Partial<T>, replace?: boolean) => void;
    /** The address inside Cockpit of the page with this change. */
    href: (change: Partial<T>) => string;
}

/** What of the new is as it was stays the same object. */
function keepSame<T extends object>(old: T, next: T): T {
    const entries = Object.entries(next).map(([key, value]) => {
        const before = old[key as keyof T];
        return [key, JSON.stringify(before) === JSON.stringify(value) ? before : value] as const;
    });
    return Object.fromEntries(entries) as T;
}

/** What the address says by `read`, and the way to another, by `write`. */
export function useAddress<T extends object>(
    read: (options: GivenOptions) => T, write: (options: GivenOptions, state: T) => Options
): Address<T> {
    const [state, setState] = useState(() => read(cockpit.location.options));
    // the address follows a moment later, and typing must not wait for it
    const current = useRef(state);

    const take = useCallback((next: T) => {
        current.current = keepSame(current.current, next);
        setState(current.current);
    }, []);

    useEffect(() => {
        const update = () => take(read(cockpit.location.options));
        cockpit.addEventListener("locationchanged", update);
        return () => cockpit.removeEventListener("locationchanged", update);
    }, [take, read]);

    const show = useCallback((change: Partial<T>, replace = false) => {
        take({ ...current.current, ...change });
        const { location } = cockpit;
        const options = write(location.options, current.current);
        if (replace)
            location.replace(location.path, options);
        else
            location.go(location.path, options);
    }, [take, write]);

    const href = useCallback((change: Partial<T>) => {
        const { path, options } = cockpit.location;
        const page = path[0] === "vm" ? "/vm-security" : "/vm-security/overview";
        return `${page}#${cockpit.location.encode(path, write(options, { ...current.current, ...change }))}`;
    }, [write]);

    return { state, show, href };
}
