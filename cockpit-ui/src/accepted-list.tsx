/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All that somebody decided to live with, on the host and in its VMs. */

import { useMemo } from "react";

import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table/dist/esm/components/Table";
import cockpit from "cockpit";

import { isAccepted, isFound } from "./findings";
import { VerdictMark } from "./labels";
import { JumpLink } from "./links";
import { Pages, usePaging } from "./paging";
import { securityPath } from "./paths";
import type { Check, Judged, Vm } from "./report";
import { say } from "./say";
import { momentText, untilText } from "./waiver-facts";
import { AcceptedMark, WaiverButton } from "./waiver-parts";
import { subjectOfVm } from "./waivers";
import type { Case, Subject } from "./waivers";

const _ = cockpit.gettext;

/** Those that count no more first: somebody has to decide again. Then the latest first. */
export function accepted(host: Judged, vms: Vm[], checks: Map<string, Check>): Case[] {
    const cases = ({ findings }: Judged, subject: Subject): Case[] =>
        [...findings].filter(([, { waiver }]) => waiver)
                .map(([id, finding]) => ({ subject, id, finding, title: checks.get(id)?.title ?? id }));
    const key = ({ finding }: Case) => `${isAccepted(finding) ? 0 : 1} ${finding.waiver?.since ?? ""}`;
    return [...cases(host, { name: host.name }), ...vms.flatMap(vm => cases(vm, subjectOfVm(vm)))]
            .sort((a, b) => key(a) < key(b) ? 1 : key(a) > key(b) ? -1 : 0);
}

function Row({ about }: { about: Case }) {
    const { subject: { name, vm }, id, title, finding } = about;
    const { waiver } = finding;
    if (!waiver)
        return null;
    return (
        <Tr data-check={id} data-vm={vm ? name : undefined} data-expired={waiver.expired}>
            <Td dataLabel={_("About")}>
                {vm ? <JumpLink path={securityPath(name, vm.connection)}><bdi>{name}</bdi></JumpLink> : _("Host")}
            </Td>
            <Td dataLabel={_("Finding")}>
                <div className="vms-title">{say(title)}</div>
                <VerdictMark verdict={finding.verdict} /> <AcceptedMark finding={finding} />
            </Td>
            <Td dataLabel={_("Reason")}><span className="vms-words"><bdi>{waiver.reason}</bdi></span></Td>
            <Td dataLabel={_("Accepted by")}>
                <bdi>{waiver.by}</bdi><div className="vms-subtle">{momentText(waiver.since)}</div>
            </Td>
            <Td dataLabel={_("Until")}>{untilText(waiver)}</Td>
            <Td isActionCell>
                <div className="vms-actions">
                    {waiver.expired && isFound(finding) && <WaiverButton what="accept" about={about} />}
                    <WaiverButton what="withdraw" about={about} />
                </div>
            </Td>
        </Tr>
    );
}

export function AcceptedList({ host, vms, checks }: { host: Judged, vms: Vm[], checks: Map<string, Check> }) {
    const cases = useMemo(() => accepted(host, vms, checks), [host, vms, checks]);
    const [rows, paging] = usePaging(cases);
    if (cases.length === 0)
        return <p className="vms-subtle">{_("Nobody has accepted a finding. An open finding that fails or warns has a button for it.")}</p>;
    return (
        <>
            <Table variant="compact" gridBreakPoint="grid-lg" aria-label={_("Accepted findings")}>
                <Thead>
                    <Tr>
                        <Th width={15}>{_("About")}</Th>
                        <Th width={25}>{_("Finding")}</Th>
                        <Th width={25}>{_("Reason")}</Th>
                        <Th>{_("Accepted by")}</Th>
                        <Th>{_("Until")}</Th>
                        <Th screenReaderText={_("Actions")} />
                    </Tr>
                </Thead>
                <Tbody>
                    {rows.map(about =>
                        <Row key={`${about.subject.vm?.connection} ${about.subject.vm?.uuid} ${about.id}`} about={about} />)}
                </Tbody>
            </Table>
            <Pages id="accepted-pages" paging={paging} label={_("Pages of accepted findings")} isBottom />
        </>
    );
}
