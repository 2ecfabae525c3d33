/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overview.html#/compare?left=…&right=…: two VMs side by side. */

import { useMemo, useState } from "react";
import type { ReactNode } from "react";

import { Breadcrumb, BreadcrumbItem } from "@patternfly/react-core/dist/esm/components/Breadcrumb";
import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import { Checkbox } from "@patternfly/react-core/dist/esm/components/Checkbox";
import { EmptyState } from "@patternfly/react-core/dist/esm/components/EmptyState";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table/dist/esm/components/Table";
import cockpit from "cockpit";

import { pairs } from "./compare-vms";
import type { Pair } from "./compare-vms";
import { isBad } from "./findings";
import { Counts, Meets, SeverityMark, VerdictMark } from "./labels";
import { JumpLink, jumpProps } from "./links";
import { comparePath, OVERVIEW_PATH, securityPath } from "./paths";
import type { VmName } from "./paths";
import { ProfileSelect } from "./profile-select";
import { Prose } from "./prose";
import type { Check, Finding, Profile, Vm } from "./report";
import { say } from "./say";
import { LibvirtState, Loading, NoSuchVm, Notices, ProblemState } from "./states";
import { connectionText, stateText } from "./texts";
import { useAudit, useCatalogue, useProfile } from "./use-audit";
import { AcceptedMark } from "./waiver-parts";

const _ = cockpit.gettext;

function Side({ finding }: { finding: Finding | undefined }) {
    if (!finding)
        return <span className="vms-subtle">{_("Not looked at")}</span>;
    return (
        <div data-verdict={finding.verdict}>
            <VerdictMark verdict={finding.verdict} />
            <AcceptedMark finding={finding} />
            <div className="vms-message"><Prose text={say(finding.message)} /></div>
        </div>
    );
}

function Differences({ left, right, all, words }: { left: Vm, right: Vm, all: Pair[], words: boolean }) {
    const shown = all.filter(({ differ }) => differ === "verdict" || (words && differ === "words"));
    if (shown.length === 0)
        return <EmptyState variant="sm" headingLevel="h3" titleText={_("They do not differ in any verdict")} />;
    const bad = ({ left, right }: Pair) => [left, right].find(finding => finding && isBad(finding));
    return (
        <Table variant="compact" gridBreakPoint="grid-lg" id="compare-table" aria-label={_("Differences")}>
            <Thead>
                <Tr>
                    <Th width={30}>{_("Check")}</Th>
                    <Th><bdi>{left.name}</bdi></Th>
                    <Th><bdi>{right.name}</bdi></Th>
                </Tr>
            </Thead>
            <Tbody>
                {shown.map(pair => {
                    const severity = (pair.left ?? pair.right)?.severity;
                    return (
                        <Tr key={pair.id} data-check={pair.id} data-differ={pair.differ}>
                            <Td dataLabel={_("Check")}>
                                <div className="vms-title">{say(pair.title)}</div>
                                {severity && <SeverityMark severity={severity} isQuiet={!bad(pair)} />}
                            </Td>
                            <Td dataLabel={left.name} data-side="left"><Side finding={pair.left} /></Td>
                            <Td dataLabel={right.name} data-side="right"><Side finding={pair.right} /></Td>
                        </Tr>
                    );
                })}
            </Tbody>
        </Table>
    );
}

function Ready({ left, right, checks, profile, setProfile }: {
    left: Vm, right: Vm, checks: Map<string, Check>, profile: Profile, setProfile: (profile: Profile) => void,
}) {
    const [words, setWords] = useState(false);
    const all = useMemo(() => pairs(left.findings, right.findings, checks), [left, right, checks]);
    const sameVerdict = all.filter(({ differ }) => differ === "words").length;
    const verdicts = all.filter(({ differ }) => differ === "verdict").length;
    const rows: [id: string, term: string, of: (vm: Vm) => ReactNode][] = [
        ["state", _("State"), vm => stateText(vm.state)],
        ["connection", _("Connection"), vm => connectionText(vm.connection)],
        ["meets", _("Meets profile"), vm => <Meets judged={vm} brief />],
        ["counts", _("Findings"), vm => <Counts findings={vm.findings} />],
        // on a narrow page there is no head with links
        ["details", _("Details"), vm =>
            <JumpLink path={securityPath(vm.name, vm.connection)}>{_("View findings")}</JumpLink>],
    ];
    return (
        <div data-state="ready" className="vms-cards">
            <Card id="compare-summary">
                <CardHeader actions={{
                    actions: <ProfileSelect profile={profile} choose={setProfile} />, hasNoOffset: true
                }}>
                    <CardTitle component="h2">{_("Summary")}</CardTitle>
                </CardHeader>
                <CardBody>
                    <Table variant="compact" gridBreakPoint="grid-md" aria-label={_("Summary")}>
                        <Thead>
                            <Tr>
                                <Th width={30} screenReaderText={_("Property")} />
                                {[left, right].map(vm => (
                                    <Th key={`${vm.connection} ${vm.uuid}`}>
                                        <JumpLink path={securityPath(vm.name, vm.connection)}>
                                            <bdi>{vm.name}</bdi>
                                        </JumpLink>
                                    </Th>
                                ))}
                            </Tr>
                        </Thead>
                        <Tbody>
                            {rows.map(([id, term, of]) => (
                                <Tr key={id}>
                                    <Th scope="row">{term}</Th>
                                    <Td dataLabel={left.name}>{of(left)}</Td>
                                    <Td dataLabel={right.name}>{of(right)}</Td>
                                </Tr>
                            ))}
                        </Tbody>
                    </Table>
                </CardBody>
            </Card>
            <Card id="compare-differences">
                <CardHeader>
                    <CardTitle component="h2">
                        {cockpit.format(
                            cockpit.ngettext("Different in $0 of $1 check", "Different in $0 of $1 checks", all.length),
                            verdicts, all.length)}
                    </CardTitle>
                </CardHeader>
                <CardBody>
                    {sameVerdict > 0 &&
                        <Checkbox id="compare-words" isChecked={words} onChange={(_event, now) => setWords(now)}
                                  label={cockpit.format(cockpit.ngettext(
                                      "Also show $0 check with the same verdict for another reason",
                                      "Also show $0 checks with the same verdict for another reason", sameVerdict), sameVerdict)} />}
                    <Differences left={left} right={right} all={all} words={words} />
                </CardBody>
            </Card>
        </div>
    );
}

export function Compare({ left, right }: { left: VmName, right: VmName }) {
    const [profile, setProfile] = useProfile();
    const [ofLeft, ofRight] = [
        useAudit(left.connection, profile, useMemo(() => ({ vm: left.name }), [left.name])),
        useAudit(right.connection, profile, useMemo(() => ({ vm: right.name }), [right.name])),
    ];
    const { checks } = useCatalogue(ofLeft.report !== null);
    const sides = [[left, ofLeft], [right, ofRight]] as const;
    const vmOf = ([{ name }, { report }]: typeof sides[number]) => report?.vms.find(vm => vm.name === name);
    const [leftVm, rightVm] = [vmOf(sides[0]), vmOf(sides[1])];
    const waiting = sides.find(([, { report, problem }]) => !report && !problem);
    const failed = sides.find(side => !vmOf(side));

    let content: ReactNode;
    if (leftVm && rightVm)
        content = <Ready left={leftVm} right={rightVm} checks={checks} profile={profile} setProfile={setProfile} />;
    else if (waiting || !failed)
        content = <Loading />;
    else {
        const [{ name }, { report, problem, retrying, retry }] = failed;
        if (!report)
            content = <ProblemState problem={problem ?? { code: "terminated" }} retrying={retrying} retry={retry} />;
        else if (report.libvirt.state !== "connected")
            content = <LibvirtState libvirt={report.libvirt} privileged={report.privileged} />;
        else
            content = <NoSuchVm name={name} actions={<JumpLink path={OVERVIEW_PATH}>{_("All virtual machines")}</JumpLink>} />;
    }

    const { href, onClick } = jumpProps(OVERVIEW_PATH);
    return (
        <main id="vm-security-compare" className="vms-page">
            <header className="vms-header">
                <Breadcrumb aria-label={_("Breadcrumb")}>
                    <BreadcrumbItem to={href} onClick={onClick}>{_("VM security")}</BreadcrumbItem>
                    <BreadcrumbItem isActive>{_("Compare")}</BreadcrumbItem>
                </Breadcrumb>
                <div className="vms-heading-row">
                    <h1 className="vms-heading"><bdi>{left.name}</bdi> ↔ <bdi>{right.name}</bdi></h1>
                    <JumpLink path={comparePath(right, left)}>{_("Swap sides")}</JumpLink>
                </div>
                {leftVm && rightVm && sides.map(([{ name, connection }, audit]) =>
                    audit.problem && <Notices key={`${connection} ${name}`} audit={audit} unprivileged={0} />)}
            </header>
            {content}
        </main>
    );
}
