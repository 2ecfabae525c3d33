/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The report as a file of one's own: as JSON for programs, as HTML to print. */

import { useState } from "react";

import { AlertActionCloseButton, AlertGroup } from "@patternfly/react-core/dist/esm/components/Alert";
import { Dropdown, DropdownItem, DropdownList } from "@patternfly/react-core/dist/esm/components/Dropdown";
import { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle";
import { DownloadIcon } from "@patternfly/react-icons/dist/esm/icons/download-icon";
import cockpit from "cockpit";

import { BridgeError, exportReport } from "./bridge";
import type { AuditOptions } from "./bridge";
import { fileName } from "./file-name";
import { Notice } from "./notice";
import { POPPER } from "./popper";
import { say } from "./say";
import { problemText } from "./texts";

const _ = cockpit.gettext;

const FORMATS = {
    json: { view: "audit", type: "application/json" },
    html: { view: "html", type: "text/html;charset=utf-8" },
} as const;

type Format = keyof typeof FORMATS;

function download(name: string, type: string, text: string): void {
    const url = URL.createObjectURL(new Blob([text], { type }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    // the browser has its own hold on it once it has begun, which some do a little later
    window.setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** `name` is whom the report is about. */
export function ExportMenu({ what, name }: { what: AuditOptions, name: string }) {
    const [open, setOpen] = useState(false);
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<string | null>(null);

    const save = (format: Format) => {
        const { view, type } = FORMATS[format];
        setOpen(false);
        setBusy(true);
        setProblem(null);
        exportReport(view, what).then(
            text => download(fileName(name, format, new Date()), type, text),
            (error: unknown) => setProblem(error instanceof BridgeError
                ? say(error.problem.message ?? problemText(error.problem))
                : String(error)),
        ).finally(() => setBusy(false));
    };

    return (
        <>
            <Dropdown isOpen={open} onOpenChange={setOpen} shouldFocusToggleOnSelect
                      popperProps={{ ...POPPER, position: "end" }}
                      toggle={ref => (
                          <MenuToggle ref={ref} id="export" isExpanded={open} isDisabled={busy} icon={<DownloadIcon />}
                                      onClick={() => setOpen(!open)}>
                              {busy ? _("Exporting…") : _("Export")}
                          </MenuToggle>
                      )}>
                <DropdownList>
                    <DropdownItem id="export-html" description={_("A report to print or to send to somebody")}
                                  onClick={() => save("html")}>
                        {_("HTML")}
                    </DropdownItem>
                    <DropdownItem id="export-json" description={_("For programs: everything that was found, with its evidence")}
                                  onClick={() => save("json")}>
                        {_("JSON")}
                    </DropdownItem>
                </DropdownList>
            </Dropdown>
            {problem !== null &&
                <AlertGroup isToast isLiveRegion>
                    <Notice variant="danger" title={_("The report was not exported")} id="export-problem"
                           actionClose={<AlertActionCloseButton aria-label={_("Close")} onClose={() => setProblem(null)} />}>
                        {problem}
                    </Notice>
                </AlertGroup>}
        </>
    );
}
