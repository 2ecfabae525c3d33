/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whether this frame can be seen. The shell's own word for it, cockpit.hidden, comes some 100 ms after a preloaded
 * frame has run, and says false until then (287 and 337). A frame that is not displayed has no width at that moment.
 */

import cockpit from "cockpit";

export const isShown = (): boolean => !cockpit.hidden && !document.hidden && window.innerWidth > 0;

/**
 * Calls back whenever that may have changed; gives the function that stops it. A frame that gets shown is resized from
 * nothing.
 */
export function watchShown(callback: () => void): () => void {
    cockpit.addEventListener("visibilitychange", callback);
    document.addEventListener("visibilitychange", callback);
    window.addEventListener("resize", callback);
    return () => {
        cockpit.removeEventListener("visibilitychange", callback);
        document.removeEventListener("visibilitychange", callback);
        window.removeEventListener("resize", callback);
    };
}
