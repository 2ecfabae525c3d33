/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What each profile would demand: asked for only when somebody wants to know, because it is another report. */

import { useMemo, useState } from "react";
import type { ReactNode } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { ExpandableSection } from "@patternfly/react-core/dist/esm/components/ExpandableSection";
import { Label } from "@patternfly/react-core/dist/esm/components/Label";
import { Spinner } from "@patternfly/react-core/dist/esm/components/Spinner";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table/dist/esm/components/Table";
import cockpit from "cockpit";

import { demands, fleetDemands } from "./demand";
import type { Demand, FleetDemand } from "./demand";
import { VerdictIcon } from "./labels";
import type { Check, Profile, Report } from "./report";
import { problemText, profileDescription, profileText } from "./texts";
import { useAudit } from "./use-audit";

const _ = cockpit.gettext;

const BAD = ["fail", "warn"] as const;

function Cell({ good, text, fresh }: { good: boolean, text: string, fresh: string | null }) {
    return (
        <div>
            <span><VerdictIcon verdict={good ? "pass" : "fail"} />{" "}{text}</span>
            {fresh !== null && <div className="vms-subtle">{fresh}</div>}
        </div>
    );
}

function One({ demand: { profile, fails, newFails, warns } }: { demand: Demand }) {
    const failing = cockpit.format(cockpit.ngettext("$0 check fails", "$0 checks fail", fails), fails);
    const warning = warns > 0 ? cockpit.format(cockpit.ngettext("$0 warning", "$0 warnings", warns), warns) : "";
    const text = fails === 0 ? _("Nothing fails") : failing;
    return (
        <Cell good={fails === 0} text={warning ? cockpit.format(_("$0, $1"), text, warning) : text}
              fresh={profile === "baseline" || newFails === 0 ? null
                  : cockpit.format(_("$0 of them only from here on"), newFails)} />
    );
}

function Fleet({ demand: { profile, vms, newVms, newFails }, of }: { demand: FleetDemand, of: number }) {
    const findings = cockpit.format(cockpit.ngettext("$0 more check fails", "$0 more checks fail", newFails), newFails);
    const machines = cockpit.format(cockpit.ngettext("$0 more VM", "$0 more VMs", newVms), newVms);
    return (
        <Cell good={vms === 0} text={vms === 0 ? _("Nothing fails") : cockpit.format(_("$0 of $1 VMs fail"), vms, of)}
              fresh={profile === "baseline" || newFails === 0 ? null
                  : newVms > 0 ? cockpit.format(_("$0, $1"), machines, findings) : findings} />
    );
}

function DemandTable({ report, sessionReport, vm, checks, profile, choose }: {
    report: Report, sessionReport: Report | null, vm?: string, checks: Map<string, Check>,
    profile: Profile, choose: (profile: Profile) => void,
}) {
    const host = useMemo(() => demands(report.host.findings, checks), [report, checks]);
    const vms = useMemo(() => {
        const all = [...report.vms, ...sessionReport?.vms ?? []].map(({ findings }) => findings);
        const [one] = all;
        return { count: all.length, fleet: fleetDemands(all, checks), one: one && demands(one, checks) };
    }, [report, sessionReport, checks]);

    const machines = (i: number): ReactNode => {
        const [one, fleet] = [vms.one?.[i], vms.fleet[i]];
        if (vms.count === 0)
            return "–";
        return vm === undefined ? fleet && <Fleet demand={fleet} of={vms.count} /> : one && <One demand={one} />;
    };
    return (
        <Table variant="compact" gridBreakPoint="grid-md" aria-label={_("What each profile demands")}>
            <Thead>
                <Tr>
                    <Th>{_("Profile")}</Th>
                    <Th>{_("Host")}</Th>
                    <Th>{vm === undefined ? _("Virtual machines") : _("This virtual machine")}</Th>
                    <Th screenReaderText={_("Actions")} />
                </Tr>
            </Thead>
            <Tbody>
                {host.map((demand, i) => (
                    <Tr key={demand.profile} data-profile={demand.profile} data-fails={demand.fails}>
                        <Td dataLabel={_("Profile")}>
                            <strong>{profileText(demand.profile)}</strong>
                            <div className="vms-subtle">{profileDescription(demand.profile)}</div>
                        </Td>
                        <Td dataLabel={_("Host")} data-about="host"><One demand={demand} /></Td>
                        <Td dataLabel={_("Virtual machines")} data-about="vms">{machines(i)}</Td>
                        <Td isActionCell>
                            {demand.profile === profile
                                ? <Label isCompact>{_("Chosen")}</Label>
                                : <Button variant="link" isInline onClick={() => choose(demand.profile)}
                                          aria-label={cockpit.format(_("Choose $0"), profileText(demand.profile))}>
                                      {_("Choose")}
                                  </Button>}
                        </Td>
                    </Tr>
                ))}
            </Tbody>
        </Table>
    );
}

/** About the host and one VM, or all VMs. */
export function Demands({ connection, vm, checks, profile, choose }: {
    connection: string, vm?: string, checks: Map<string, Check>, profile: Profile, choose: (profile: Profile) => void,
}) {
    const [expanded, setExpanded] = useState(false);
    const part = useMemo(() => ({ verdicts: BAD, ...vm !== undefined && { vm } }), [vm]);
    const { report, problem } = useAudit(connection, "confidential", part, expanded);
    const session = useAudit("session", "confidential", part, expanded && vm === undefined && report !== null).report;
    return (
        <ExpandableSection toggleText={_("What each profile demands")} isExpanded={expanded} className="vms-demands"
                           onToggle={(_event, now) => setExpanded(now)}>
            {expanded && (report && checks.size > 0
                ? <DemandTable report={report} sessionReport={session} checks={checks} profile={profile} choose={choose}
                               {...vm !== undefined && { vm }} />
                : problem ? problemText(problem) : <Spinner size="md" aria-label={_("Reading the security settings")} />)}
        </ExpandableSection>
    );
}
