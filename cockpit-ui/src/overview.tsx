/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* overview.html: the host and all its VMs. */

import { useMemo } from "react";
import type { ReactNode } from "react";

import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import cockpit from "cockpit";

import type { Catalogue } from "./bridge";
import { AcceptedList } from "./accepted-list";
import { Demands } from "./demands";
import { ExportMenu } from "./export-menu";
import { needsAdmin } from "./findings";
import { HostTabs } from "./host-tabs";
import { Counts, Meets } from "./labels";
import { ProfileSelect } from "./profile-select";
import { NOT_GOOD } from "./report";
import type { Profile, Report, Vm } from "./report";
import { LibvirtState, Loading, Notices, ProblemState } from "./states";
import { Facts } from "./terms";
import { useAudit, useCatalogue, useProfile } from "./use-audit";
import { VmTable } from "./vm-table";
import { SubjectContext, WaiverProvider } from "./waivers";

const _ = cockpit.gettext;

const SUMMARY = { verdicts: NOT_GOOD };

function Ready({ report, vms, catalogue, profile, setProfile }: {
    report: Report, vms: Vm[], catalogue: Catalogue, profile: Profile, setProfile: (profile: Profile) => void,
}) {
    const { host, libvirt } = report;
    return (
        <div data-state={libvirt.state === "connected" ? "ready" : undefined} className="vms-cards">
            <Card id="vm-security-host">
                <CardHeader><CardTitle component="h2">{cockpit.format(_("Host $0"), host.name)}</CardTitle></CardHeader>
                <CardBody>
                    <Facts facts={[
                        ["host-profile", _("Judged as"),
                            <ProfileSelect key="profile" profile={profile} choose={setProfile} />],
                        ["host-meets", _("Meets profile"), <Meets key="meets" judged={host} />],
                        ["host-counts", _("Findings"), <Counts key="counts" findings={host.findings} />],
                    ]} />
                    <Demands connection="system" checks={catalogue.checks} profile={profile} choose={setProfile} />
                </CardBody>
            </Card>
            <Card id="vm-security-vms">
                <CardHeader><CardTitle component="h2">{_("Virtual machines")}</CardTitle></CardHeader>
                <CardBody>
                    {libvirt.state === "connected" || vms.length > 0
                        ? <VmTable vms={vms} />
                        : <LibvirtState libvirt={libvirt} privileged={report.privileged} />}
                </CardBody>
            </Card>
            <Card id="vm-security-accepted">
                <CardHeader><CardTitle component="h2">{_("Accepted findings")}</CardTitle></CardHeader>
                <CardBody><AcceptedList host={host} vms={vms} checks={catalogue.checks} /></CardBody>
            </Card>
            <SubjectContext.Provider value={host}>
                <HostTabs report={report} catalogue={catalogue} />
            </SubjectContext.Provider>
        </div>
    );
}

export function Overview() {
    const [profile, setProfile] = useProfile();
    const audit = useAudit("system", profile, SUMMARY);
    const { report, problem, retrying, retry } = audit;
    // the user's own VMs; quietly, because most administrators have no libvirt of their own
    const session = useAudit("session", profile, SUMMARY, report !== null).report;
    const catalogue = useCatalogue(report !== null);
    const vms = useMemo(() => [...report?.vms ?? [], ...session?.vms ?? []], [report, session]);

    let content: ReactNode;
    if (report)
        content = <Ready report={report} vms={vms} catalogue={catalogue} profile={profile} setProfile={setProfile} />;
    else if (problem)
        content = <ProblemState problem={problem} retrying={retrying} retry={retry} />;
    else
        content = <Loading />;

    const unprivileged = report
        ? [report.host, ...report.vms].reduce((sum, judged) => sum + needsAdmin(judged.findings), 0)
        : 0;
    return (
        <main id="vm-security-overview" className="vms-page" data-privileged={report?.privileged ?? false}>
            <header className="vms-header">
                <div className="vms-heading-row">
                    <h1 className="vms-heading">{_("VM security")}</h1>
                    {report && <ExportMenu what={{ connection: "system", profile }} name={report.host.name} />}
                </div>
                {report && <Notices audit={audit} unprivileged={unprivileged} />}
            </header>
            <WaiverProvider reports={[report, session]} hostChanged={retry}>{content}</WaiverProvider>
        </main>
    );
}
