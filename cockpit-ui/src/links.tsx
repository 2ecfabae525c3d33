/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Links to places inside Cockpit, which also work with the middle button and from the keyboard. */

import type { MouseEvent, ReactNode } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import cockpit from "cockpit";

import type { View } from "./use-view";
import type { ViewState } from "./view-state";

/** Props of an <a> that jumps in the shell when clicked plainly. */
export function jumpProps(path: string) {
    return {
        href: path,
        onClick: (event: MouseEvent) => {
            if (event.ctrlKey || event.metaKey || event.shiftKey)
                return;
            event.preventDefault();
            cockpit.jump(path, cockpit.transport.host);
        }
    };
}

export function JumpLink({ path, children }: { path: string, children: ReactNode }) {
    return <Button variant="link" isInline component="a" {...jumpProps(path)}>{children}</Button>;
}

/** A link to another state of the view that is open. */
export function ViewLink({ view, change, children }: { view: View, change: Partial<ViewState>, children: ReactNode }) {
    const follow = (event: MouseEvent) => {
        if (event.ctrlKey || event.metaKey || event.shiftKey)
            return;
        event.preventDefault();
        view.show(change);
    };
    return <Button variant="link" isInline component="a" href={view.href(change)} onClick={follow}>{children}</Button>;
}
