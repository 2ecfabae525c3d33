/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The attack picture in words: all ways of attack, the worst first; each opens to its barriers and their findings. */

import { useState } from "react";

import {
    DataList, DataListCell, DataListContent, DataListItem, DataListItemCells, DataListItemRow, DataListToggle
} from "@patternfly/react-core/dist/esm/components/DataList";
import cockpit from "cockpit";

import { VerdictMark } from "./labels";
import { ViewLink } from "./links";
import { Prose } from "./prose";
import type { Check, Findings } from "./report";
import { say } from "./say";
import type { View } from "./use-view";
import { worstWaysFirst } from "./vectors";
import type { Barrier, Way } from "./vectors";
import { logicText, wayStateText, wayText } from "./way-texts";
import { StateMark, StrengthMark } from "./way-sign";

const _ = cockpit.gettext;

interface Found {
    /** The VM's and the host's. */
    findings: Findings;
    checks: Map<string, Check>;
    view: View;
}

function BarrierFindings({ barrier, findings, checks, view }: { barrier: Barrier } & Found) {
    const ids = barrier.checks.filter(id => findings.has(id));
    if (ids.length === 0)
        return <p className="vms-subtle">{_("No check looks at this yet.")}</p>;
    return (
        <ul className="vms-proofs">
            {ids.map(id => {
                const finding = findings.get(id);
                return finding && (
                    <li key={id} data-proof={id}>
                        <VerdictMark verdict={finding.verdict} />
                        <ViewLink view={view} change={{ tab: "findings", check: id }}>
                            {say(checks.get(id)?.title ?? id)}
                        </ViewLink>
                    </li>
                );
            })}
        </ul>
    );
}

function WayDetails({ way, ...found }: { way: Way } & Found) {
    return (
        <div className="vms-way-details">
            <p><Prose text={say(way.vector.what)} /></p>
            {way.barriers.length > 1 && <p className="vms-subtle">{logicText(way.vector.logic)}</p>}
            <ul className="vms-barriers" aria-label={_("Barriers")}>
                {way.barriers.map(({ barrier, strength }) => (
                    <li key={barrier.id} data-barrier={barrier.id} data-strength={strength}>
                        <div className="vms-barrier">
                            <span className="vms-title">{say(barrier.title)}</span>
                            <StrengthMark strength={strength} />
                        </div>
                        <BarrierFindings barrier={barrier} {...found} />
                    </li>
                ))}
            </ul>
        </div>
    );
}

export const wayToggleId = (id: string): string => `way-${id}-toggle`;

export function PictureList({ ways, current, choose, ...found }: {
    ways: Way[], current: string, choose: (id: string) => void,
} & Found) {
    // where each was when the list was new: an update moves nothing that somebody reads
    const [order, setOrder] = useState<string[]>([]);
    if (ways.some(({ vector }) => !order.includes(vector.id)))
        setOrder(worstWaysFirst(ways).map(({ vector }) => vector.id));
    const sorted = [...ways].sort((a, b) => order.indexOf(a.vector.id) - order.indexOf(b.vector.id));

    return (
        <DataList isCompact className="vms-list vms-ways" aria-label={_("Ways of attack, the worst first")}>
            {sorted.map(way => {
                const { vector: { id, from, to, title }, state } = way;
                const isOpen = id === current;
                return (
                    <DataListItem key={id} id={`way-${id}`} aria-labelledby={`way-${id}-title`} isExpanded={isOpen}
                                  data-way={id} data-state={state}>
                        <DataListItemRow>
                            <DataListToggle id={wayToggleId(id)} aria-controls={`way-${id}-details`}
                                            isExpanded={isOpen}
                                            aria-label={cockpit.format("$0: $1", wayText(from, to), wayStateText(state))}
                                            onClick={() => choose(isOpen ? "" : id)} />
                            <DataListItemCells dataListCells={[
                                <DataListCell key="text" wrapModifier="breakWord" className="vms-text-cell">
                                    <div id={`way-${id}-title`} className="vms-title">{wayText(from, to)}</div>
                                    <div className="vms-message"><Prose text={say(title)} /></div>
                                </DataListCell>,
                                <DataListCell key="state" isFilled={false} className="vms-state-cell">
                                    <StateMark state={state} />
                                </DataListCell>,
                            ]} />
                        </DataListItemRow>
                        <DataListContent id={`way-${id}-details`} isHidden={!isOpen}
                                         aria-label={cockpit.format(_("Details of $0"), wayText(from, to))}>
                            {isOpen && <WayDetails way={way} {...found} />}
                        </DataListContent>
                    </DataListItem>
                );
            })}
        </DataList>
    );
}
