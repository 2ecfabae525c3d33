/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The views of one VM. */

import { useMemo, useState } from "react";

import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import { ExpandableSection } from "@patternfly/react-core/dist/esm/components/ExpandableSection";
import cockpit from "cockpit";

import type { Catalogue } from "./bridge";
import { ChecklistTab } from "./checklist-tab";
import { EvidenceTab } from "./evidence-tab";
import { NO_FILTER } from "./findings";
import { FindingsList } from "./findings-list";
import { Counts, Meets } from "./labels";
import { JumpLink } from "./links";
import { OVERVIEW_PATH } from "./paths";
import { PictureTab } from "./picture-tab";
import type { Check, Judged, Report, Vm } from "./report";
import { SubjectTabs } from "./subject-tabs";
import { Facts } from "./terms";
import { useView } from "./use-view";
import type { View } from "./use-view";
import { SubjectContext, subjectOfVm } from "./waivers";

const _ = cockpit.gettext;

/** The host's findings, folded: they have their own page. Its filter is not in the address; that one is the VM's. */
function HostSection({ host, checks, goTo }: { host: Judged, checks: Map<string, Check>, goTo: string }) {
    const wanted = host.findings.has(goTo);
    const [expanded, setExpanded] = useState(wanted);
    const [filter, setFilter] = useState(NO_FILTER);
    const [seen, setSeen] = useState(goTo);
    if (seen !== goTo) {
        setSeen(goTo);
        setExpanded(expanded || wanted);
    }
    return (
        <Card id="vm-security-host">
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
                            <FindingsList name="host" findings={host.findings} checks={checks} filter={filter}
                                          setFilter={setFilter} goTo={wanted ? goTo : ""} />
                        </SubjectContext.Provider>}
                </ExpandableSection>
            </CardBody>
        </Card>
    );
}

function FindingsTab({ vm, host, checks, view }: { vm: Vm, host: Judged, checks: Map<string, Check>, view: View }) {
    const subject = useMemo(() => subjectOfVm(vm), [vm]);
    return (
        <div className="vms-cards">
            <Card id="vm-security-findings">
                <CardHeader><CardTitle component="h2">{_("Findings")}</CardTitle></CardHeader>
                <CardBody>
                    <SubjectContext.Provider value={subject}>
                        <FindingsList name="vm" findings={vm.findings} checks={checks} filter={view.filter}
                                      setFilter={(filter, isTyping) => view.show({ filter, check: "" }, isTyping)}
                                      goTo={vm.findings.has(view.check) ? view.check : ""} />
                    </SubjectContext.Provider>
                </CardBody>
            </Card>
            <HostSection host={host} checks={checks} goTo={view.check} />
        </div>
    );
}

export function VmTabs({ vm, report, catalogue }: { vm: Vm, report: Report, catalogue: Catalogue }) {
    const view = useView();
    const { host } = report;
    const { checks } = catalogue;
    const both = useMemo(() => new Map([...vm.findings, ...host.findings]), [vm.findings, host.findings]);
    return (
        <SubjectTabs label={cockpit.format(_("Views of $0"), vm.name)} view={view} contents={{
            findings: () => <FindingsTab vm={vm} host={host} checks={checks} view={view} />,
            picture: () => <PictureTab vm={vm} host={host} catalogue={catalogue} view={view} />,
            evidence: () => (
                <EvidenceTab connection={vm.connection} uuid={vm.uuid} name={vm.name} report={report}
                             view={view} />
            ),
            checklist: () => <ChecklistTab findings={both} checks={checks} view={view} />,
        }} />
    );
}
