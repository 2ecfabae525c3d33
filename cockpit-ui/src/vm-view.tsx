/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* index.html#/vm?name=…&connection=…: the Security view of one VM. */

import { useState } from "react";
import type { ReactNode } from "react";

import { Breadcrumb, BreadcrumbItem } from "@patternfly/react-core/dist/esm/components/Breadcrumb";
import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import {
    DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import { ExpandableSection } from "@patternfly/react-core/dist/esm/components/ExpandableSection";
import cockpit from "cockpit";

import { Demands } from "./demands";
import { ExportMenu } from "./export-menu";
import { needsAdmin } from "./findings";
import { FindingsList } from "./findings-list";
import { Counts, Meets } from "./labels";
import { JumpLink, jumpProps } from "./links";
import { machinePath, MACHINES_PATH, OVERVIEW_PATH } from "./paths";
import { ProfileSelect } from "./profile-select";
import type { Check, Judged, Profile, Report, Vm } from "./report";
import { LibvirtState, Loading, NoSuchVm, Notices, ProblemState } from "./states";
import { connectionText, stateText } from "./texts";
import { useAudit, useChecks, useProfile } from "./use-audit";
import { SubjectContext, subjectOfVm, WaiverProvider } from "./waivers";

const _ = cockpit.gettext;

/** Terms and descriptions side by side, as cockpit-machines' cards have them. */
export function Facts({ facts }: { facts: [id: string, term: string, description: ReactNode][] }) {
    return (
        <DescriptionList isHorizontal className="vms-facts">
            {facts.map(([id, term, description]) => (
                <DescriptionListGroup key={id}>
                    <DescriptionListTerm>{term}</DescriptionListTerm>
                    <DescriptionListDescription id={id}>{description}</DescriptionListDescription>
                </DescriptionListGroup>
            ))}
        </DescriptionList>
    );
}

function HostSection({ host, checks }: { host: Judged, checks: Map<string, Check> }) {
    const [expanded, setExpanded] = useState(false);
    return (
        <Card id="vm-security-host" isPlain={false}>
            <CardHeader actions={{ actions: <JumpLink path={OVERVIEW_PATH}>{_("All virtual machines")}</JumpLink> }}>
                <CardTitle component="h2">{cockpit.format(_("Host $0"), host.name)}</CardTitle>
            </CardHeader>
            <CardBody>
                <Facts facts={[
                    ["host-meets", _("Meets profile"), <Meets key="meets" judged={host} />],
                    ["host-counts", _("Findings"), <Counts key="counts" findings={host.findings} />],
                ]} />
                <ExpandableSection toggleText={expanded ? _("Hide the host's findings") : _("Show the host's findings")}
                                   isExpanded={expanded} onToggle={(_event, now) => setExpanded(now)}>
                    {expanded &&
                        <SubjectContext.Provider value={host}>
                            <FindingsList name="host" findings={host.findings} checks={checks} />
                        </SubjectContext.Provider>}
                </ExpandableSection>
            </CardBody>
        </Card>
    );
}

function Ready({ vm, report, checks, profile, setProfile }: {
    vm: Vm, report: Report, checks: Map<string, Check>, profile: Profile, setProfile: (profile: Profile) => void,
}) {
    return (
        <div data-state="ready" className="vms-cards">
            <Card id="vm-security-summary">
                <CardBody>
                    <Facts facts={[
                        ["vm-state", _("State"), stateText(vm.state)],
                        ["vm-connection", _("Connection"), connectionText(vm.connection)],
                        ["vm-profile", _("Judged as"),
                            <ProfileSelect key="profile" profile={profile} choose={setProfile} />],
                        ["vm-meets", _("Meets profile"), <Meets key="meets" judged={vm} />],
                        ["vm-counts", _("Findings"), <Counts key="counts" findings={vm.findings} />],
                    ]} />
                    <Demands connection={vm.connection} vm={vm.name} checks={checks} profile={profile}
                             choose={setProfile} />
                </CardBody>
            </Card>
            <Card id="vm-security-findings">
                <CardHeader><CardTitle component="h2">{_("Findings")}</CardTitle></CardHeader>
                <CardBody>
                    <SubjectContext.Provider value={subjectOfVm(vm)}>
                        <FindingsList key={vm.uuid} name="vm" findings={vm.findings} checks={checks} />
                    </SubjectContext.Provider>
                </CardBody>
            </Card>
            <HostSection host={report.host} checks={checks} />
        </div>
    );
}

export function VmView({ name, connection }: { name: string, connection: string }) {
    const [profile, setProfile] = useProfile();
    const audit = useAudit(connection, profile, { vm: name });
    const { report, problem, retrying, retry } = audit;
    const checks = useChecks(report !== null);
    // libvirt keeps names unique within a connection
    const vm = report?.vms.find(v => v.name === name);
    const back = <JumpLink path={MACHINES_PATH}>{_("Virtual machines")}</JumpLink>;

    let content: ReactNode;
    if (report && vm)
        content = <Ready vm={vm} report={report} checks={checks} profile={profile} setProfile={setProfile} />;
    else if (report && report.libvirt.state !== "connected")
        content = <LibvirtState libvirt={report.libvirt} privileged={report.privileged} />;
    else if (report)
        content = <NoSuchVm name={name} actions={back} />;
    else if (problem)
        content = <ProblemState problem={problem} retrying={retrying} retry={retry} />;
    else
        content = <Loading />;

    return (
        <main id="vm-security-view" className="vms-page" data-vm={name} data-connection={connection}
              data-privileged={report?.privileged ?? false}>
            <header className="vms-header">
                <Breadcrumb aria-label={_("Breadcrumb")}>
                    <BreadcrumbItem {...jumpLink(MACHINES_PATH)}>{_("Virtual machines")}</BreadcrumbItem>
                    <BreadcrumbItem className="vms-crumb" {...jumpLink(machinePath(name, connection))}><bdi>{name}</bdi></BreadcrumbItem>
                    <BreadcrumbItem isActive>{_("Security")}</BreadcrumbItem>
                </Breadcrumb>
                <div className="vms-heading-row">
                    <h1 className="vms-heading">{cockpit.format(_("Security of $0"), name)}</h1>
                    {report && vm &&
                        <ExportMenu what={{ connection, profile, vm: name }} name={name} />}
                </div>
                {report && vm &&
                    <Notices audit={audit} unprivileged={needsAdmin(vm.findings) + needsAdmin(report.host.findings)} />}
            </header>
            <WaiverProvider reports={[report]} hostChanged={retry}>{content}</WaiverProvider>
        </main>
    );
}

function jumpLink(path: string) {
    const { href, onClick } = jumpProps(path);
    return { to: href, onClick };
}
