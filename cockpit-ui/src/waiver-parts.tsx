/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to see, and to do, about acceptance in a list of findings. */

import { useContext } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import {
    DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import { HistoryIcon } from "@patternfly/react-icons/dist/esm/icons/history-icon";
import { UserCheckIcon } from "@patternfly/react-icons/dist/esm/icons/user-check-icon";
import cockpit from "cockpit";

import { isFound } from "./findings";
import type { Finding } from "./report";
import { say } from "./say";
import { AdminPopover } from "./states";
import { WaiverFacts } from "./waiver-facts";
import { SubjectContext, useWaivers } from "./waivers";
import type { Case } from "./waivers";

const _ = cockpit.gettext;

/** Says that somebody accepted this, or did once; nothing otherwise. */
export function AcceptedMark({ finding: { waiver } }: { finding: Finding }) {
    if (!waiver)
        return null;
    return (
        <div className="vms-mark vms-accepted" data-expired={waiver.expired}>
            <Icon isInline>{waiver.expired ? <HistoryIcon /> : <UserCheckIcon />}</Icon>
            {" "}{waiver.expired ? _("Acceptance is over") : _("Accepted")}
        </div>
    );
}

const ACTIONS = {
    accept: { text: () => _("Accept…"), need: () => _("Accepting a finding needs administrative access.") },
    withdraw: { text: () => _("Withdraw…"), need: () => _("Withdrawing an acceptance needs administrative access.") },
};

type What = keyof typeof ACTIONS;

/** A button for those who may, and the way to get there for the others. */
export function WaiverButton({ what, about }: { what: What, about: Case }) {
    const { may, ...acts } = useWaivers();
    const { text, need } = ACTIONS[what];
    const props = {
        variant: "secondary", size: "sm", className: `vms-${what}`,
        "aria-label": cockpit.format("$0: $1", text(), say(about.title)),
    } as const;
    return may(about.subject)
        ? <Button {...props} onClick={() => acts[what](about)}>{text()}</Button>
        : <AdminPopover need={need()}><Button {...props}>{text()}</Button></AdminPopover>;
}

/** In an open finding: what was decided, and what can be. */
export function Decision({ id, title, finding }: { id: string, title: string, finding: Finding }) {
    const subject = useContext(SubjectContext);
    const { waiver } = finding;
    const open = isFound(finding) && (!waiver || waiver.expired);
    if (!subject || (!waiver && !open))
        return null;
    const about = { subject, id, title, finding };
    const actions: What[] = !open ? ["withdraw"] : waiver ? ["accept", "withdraw"] : ["accept"];
    return (
        <DescriptionListGroup>
            <DescriptionListTerm>{waiver?.expired ? _("Acceptance that is over") : _("Acceptance")}</DescriptionListTerm>
            <DescriptionListDescription>
                {waiver && <WaiverFacts waiver={waiver} />}
                <div className="vms-actions">
                    {/* by place: who accepts has the focus on the button that then withdraws */}
                    {actions.map((what, i) => <WaiverButton key={i} what={what} about={about} />)}
                </div>
            </DescriptionListDescription>
        </DescriptionListGroup>
    );
}
