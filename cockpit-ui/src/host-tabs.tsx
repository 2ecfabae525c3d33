/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What is known about the host itself, below the table of its VMs. */

import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import cockpit from "cockpit";

import type { Catalogue } from "./bridge";
import { ChecklistTab } from "./checklist-tab";
import { EvidenceTab } from "./evidence-tab";
import { FindingsList } from "./findings-list";
import type { Report } from "./report";
import { SubjectTabs } from "./subject-tabs";
import { useView } from "./use-view";

const _ = cockpit.gettext;

export function HostTabs({ report, catalogue: { checks } }: { report: Report, catalogue: Catalogue }) {
    const { host } = report;
    const view = useView();
    return (
        <SubjectTabs label={_("Views of the host")} view={view} contents={{
            findings: () => (
                <Card id="vm-security-host-findings">
                    <CardHeader><CardTitle component="h2">{_("Findings about the host")}</CardTitle></CardHeader>
                    <CardBody>
                        <FindingsList name="host" findings={host.findings} checks={checks} filter={view.filter}
                                      setFilter={(filter, isTyping) => view.show({ filter, check: "" }, isTyping)}
                                      goTo={view.check} />
                    </CardBody>
                </Card>
            ),
            evidence: () => (
                <EvidenceTab connection="system" uuid={null} name="" report={report} view={view} />
            ),
            checklist: () => <ChecklistTab findings={host.findings} checks={checks} view={view} />,
        }} />
    );
}
