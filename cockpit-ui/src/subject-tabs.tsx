/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The views of a VM, or of a host, as tabs. Which one is open says the address. */

import type { KeyboardEvent, ReactNode } from "react";

import { Tab, Tabs, TabTitleText } from "@patternfly/react-core/dist/esm/components/Tabs";
import cockpit from "cockpit";

import type { View } from "./use-view";
import { TABS } from "./view-state";
import type { Tab as TabId } from "./view-state";

const _ = cockpit.gettext;

const title = (tab: TabId): string => ({
    findings: _("Findings"),
    picture: _("Attack picture"),
    evidence: _("Evidence"),
    checklist: _("Checklist"),
})[tab];

/** The arrows go from tab to tab, as everywhere else; PatternFly leaves that out. Enter opens one. */
function moveFocus(event: KeyboardEvent<HTMLElement>): void {
    const tabs = [...event.currentTarget.querySelectorAll<HTMLElement>('[role="tab"]')];
    const at = tabs.findIndex(tab => tab === event.target);
    const forward = document.documentElement.dir === "rtl" ? "ArrowLeft" : "ArrowRight";
    const back = forward === "ArrowLeft" ? "ArrowRight" : "ArrowLeft";
    const to = { [forward]: at + 1, [back]: at - 1, Home: 0, End: -1 }[event.key];
    if (at < 0 || to === undefined)
        return;
    event.preventDefault();
    tabs.at(to % tabs.length)?.focus();
}

export function SubjectTabs({ label, view, contents }: {
    label: string,
    view: View,
    /** Only what is open is made. */
    contents: Partial<Record<TabId, () => ReactNode>>,
}) {
    const tabs = TABS.filter(tab => contents[tab]);
    const current = tabs.includes(view.tab) ? view.tab : "findings";
    return (
        <Tabs id="vm-tabs" className="vms-tabs" activeKey={current} tabListAriaLabel={label} mountOnEnter unmountOnExit
              onKeyDown={moveFocus}
              onSelect={(_event, key) => {
                  const tab = tabs.find(id => id === key);
                  if (tab && tab !== current)
                      view.show({ tab, check: "" });
              }}>
            {tabs.map(tab => (
                <Tab key={tab} eventKey={tab} data-tab={tab} title={<TabTitleText>{title(tab)}</TabTitleText>}>
                    {tab === current && contents[tab]?.()}
                </Tab>
            ))}
        </Tabs>
    );
}
