/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useEffect, useState } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { CheckIcon } from "@patternfly/react-icons/dist/esm/icons/check-icon";
import { CopyIcon } from "@patternfly/react-icons/dist/esm/icons/copy-icon";
import cockpit from "cockpit";

const _ = cockpit.gettext;

async function copy(text: string): Promise<void> {
    try {
        // only where the browser trusts the connection: https, or this very machine
        await navigator.clipboard.writeText(text);
    } catch {
        const area = document.createElement("textarea");
        area.value = text;
        area.className = "vms-copied";
        document.body.append(area);
        area.select();
        // deprecated, and all there is over plain http
        // eslint-disable-next-line @typescript-eslint/no-deprecated
        document.execCommand("copy");
        area.remove();
    }
}

/** Copies a text, and says for a moment that it did. With `children` they are its words, else it is an icon. */
export function CopyButton({ text, label, children }: { text: string, label: string, children?: string }) {
    const [done, setDone] = useState(false);
    useEffect(() => {
        if (!done)
            return;
        const timer = window.setTimeout(() => setDone(false), 2000);
        return () => window.clearTimeout(timer);
    }, [done]);
    return (
        <>
            <Button variant={children ? "link" : "plain"} isInline={children !== undefined} className="vms-copy"
                    aria-label={label} title={label} icon={done ? <CheckIcon /> : <CopyIcon />}
                    onClick={event => {
                        const button = event.currentTarget;
                        void copy(text).then(() => {
                            button.focus();
                            setDone(true);
                        });
                    }}>
                {children}
            </Button>
            <span className="pf-v6-screen-reader" role="status">{done && _("Copied")}</span>
        </>
    );
}
