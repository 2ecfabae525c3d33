/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* index.html#/vm?name=…&connection=…: the Security view of one VM. */

import type { ReactNode } from "react";

import { Breadcrumb, BreadcrumbItem } from "@patternfly/react-core/dist/esm/components/Breadcrumb";
import { Card, CardBody } from "@patternfly/react-core/dist/esm/components/Card";
import cockpit from "cockpit";

import type { Catalogue } from "./bridge";
import { Demands } from "./demands";
import { ExportMenu } from "./export-menu";
import { needsAdmin } from "./findings";
import { Counts, Meets } from "./labels";
import { JumpLink, jumpProps } from "./links";
import { machinePath, MACHINES_PATH } from "./paths";
import { ProfileSelect } from "./profile-select";
import type { Profile, Report, Vm } from "./report";
import { LibvirtState, Loading, NoSuchVm, Notices, ProblemState } from "./states";
import { Facts } from "./terms";
import { connectionText, stateText } from "./texts";
import { useAudit, useCatalogue, useProfile } from "./use-audit";
import { VmTabs } from "./vm-tabs";
import { WaiverProvider } from "./waivers";

const _ = cockpit.gettext;

function Ready({ vm, report, catalogue, profile, setProfile }: {
    vm: Vm, report: Report, catalogue: Catalogue, profile: Profile, setProfile: (profile: Profile) => void,
}) {
    return (
        <div data-state="ready" className="vms-cards">
            <Card id="vm-security-summary">
                <CardBody>
                    <Facts columns facts={[
                        ["vm-state", _("State"), stateText(vm.state)],
                        ["vm-connection", _("Connection"), connectionText(vm.connection)],
                        ["vm-profile", _("Judged as"),
                            <ProfileSelect key="profile" profile={profile} choose={setProfile} />],
                        ["vm-meets", _("Meets profile"), <Meets key="meets" judged={vm} />],
                        // no VM is safer than what it runs on
                        ["vm-host-meets", _("Its host meets"), <Meets key="host-meets" judged={report.host} />],
                        ["vm-counts", _("Findings"), <Counts key="counts" findings={vm.findings} />],
                    ]} />
                    <Demands connection={vm.connection} vm={vm.name} checks={catalogue.checks} profile={profile}
                             choose={setProfile} />
                </CardBody>
            </Card>
            <VmTabs key={vm.uuid} vm={vm} report={report} catalogue={catalogue} />
        </div>
    );
}

export function VmView({ name, connection }: { name: string, connection: string }) {
    const [profile, setProfile] = useProfile();
    const audit = useAudit(connection, profile, { vm: name });
    const { report, problem, retrying, retry } = audit;
    const catalogue = useCatalogue(report !== null);
    // libvirt keeps names unique within a connection
    const vm = report?.vms.find(v => v.name === name);
    const back = <JumpLink path={MACHINES_PATH}>{_("Virtual machines")}</JumpLink>;

    let content: ReactNode;
    if (report && vm)
        content = <Ready vm={vm} report={report} catalogue={catalogue} profile={profile} setProfile={setProfile} />;
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
