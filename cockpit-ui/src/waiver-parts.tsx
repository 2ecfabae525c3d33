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

/** A button for those who may, and the way to get there for the others. */
function Action({ id, about, need, children, act }: {
    id: string, about: Case, need: string, children: string, act: (about: Case) => void,
}) {
    const { may } = useWaivers();
    const label = cockpit.format(_("$0: $1"), children, say(about.title));
    if (may(about.subject)) {
        return (
            <Button variant="secondary" size="sm" className={id} aria-label={label} onClick={() => act(about)}>
                {children}
            </Button>
        );
    }
    return (
        <AdminPopover need={need}>
            <Button variant="secondary" size="sm" className={id} aria-label={label}>{children}</Button>
        </AdminPopover>
    );
}

export function AcceptButton({ about }: { about: Case }) {
    const { accept } = useWaivers();
    return (
        <Action id="vms-accept" about={about} act={accept} need={_("Accepting a finding needs administrative access.")}>
            {_("Accept…")}
        </Action>
    );
}

export function WithdrawButton({ about }: { about: Case }) {
    const { withdraw } = useWaivers();
    return (
        <Action id="vms-withdraw" about={about} act={withdraw}
                need={_("Withdrawing an acceptance needs administrative access.")}>
            {_("Withdraw…")}
        </Action>
    );
}

/** In an open finding: what was decided, and what can be. */
export function Decision({ id, title, finding }: { id: string, title: string, finding: Finding }) {
    const subject = useContext(SubjectContext);
    const { waiver } = finding;
    const open = isFound(finding) && (!waiver || waiver.expired);
    if (!subject || (!waiver && !open))
        return null;
    const about = { subject, id, title, finding };
    return (
        <DescriptionListGroup>
            <DescriptionListTerm>{waiver?.expired ? _("Acceptance that is over") : _("Acceptance")}</DescriptionListTerm>
            <DescriptionListDescription>
                {waiver && <WaiverFacts waiver={waiver} />}
                <div className="vms-actions">
                    {open && <AcceptButton about={about} />}
                    {waiver && <WithdrawButton about={about} />}
                </div>
            </DescriptionListDescription>
        </DescriptionListGroup>
    );
}
