/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Why, who, since when, until when. */

import {
    DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import cockpit from "cockpit";

import { languageTag } from "./language";
import type { Waiver } from "./report";

const _ = cockpit.gettext;

/** What cannot be read as a moment is shown as it stands: others may write it, too. */
export function momentText(moment: string): string {
    const date = new Date(moment);
    return Number.isNaN(date.getTime()) ? moment : date.toLocaleString(languageTag(), { dateStyle: "medium", timeStyle: "short" });
}

/** Days are days of UTC, wherever they are read. */
export function dayText(day: string): string {
    const date = new Date(`${day}T00:00:00Z`);
    return Number.isNaN(date.getTime()) ? day : date.toLocaleDateString(languageTag(), { dateStyle: "medium", timeZone: "UTC" });
}

export function untilText({ until, expired }: Waiver): string {
    if (until === undefined)
        return _("Until withdrawn");
    return expired ? cockpit.format(_("$0 (over)"), dayText(until)) : dayText(until);
}

export function WaiverFacts({ waiver }: { waiver: Waiver }) {
    const fact = (id: string, term: string, text: string) => (
        <DescriptionListGroup>
            <DescriptionListTerm>{term}</DescriptionListTerm>
            <DescriptionListDescription className={`vms-words vms-waiver-${id}`}><bdi>{text}</bdi></DescriptionListDescription>
        </DescriptionListGroup>
    );
    return (
        <DescriptionList isCompact isHorizontal className="vms-waiver">
            {fact("reason", _("Reason"), waiver.reason)}
            {fact("by", _("Accepted by"), waiver.by)}
            {fact("since", _("Since"), momentText(waiver.since))}
            {fact("until", _("Until"), untilText(waiver))}
        </DescriptionList>
    );
}
