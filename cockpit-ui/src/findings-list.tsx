/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings grouped by area, with a toolbar to filter them, each of which opens to its evidence and its texts. */

import { memo, useCallback, useId, useMemo, useState } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import {
    DataList, DataListCell, DataListContent, DataListItem, DataListItemCells, DataListItemRow, DataListToggle
} from "@patternfly/react-core/dist/esm/components/DataList";
import {
    DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import { EmptyState, EmptyStateActions, EmptyStateFooter } from "@patternfly/react-core/dist/esm/components/EmptyState";
import cockpit from "cockpit";

import { FilterBar } from "./filter-bar";
import { groupByArea, isAccepted, isBad, keepOrder, matches, NO_FILTER, toRows, worstFirst } from "./findings";
import type { Row } from "./findings";
import { SeverityMark, VerdictMark } from "./labels";
import { Prose } from "./prose";
import type { Check, Finding, Findings } from "./report";
import { applyText, areaText } from "./texts";
import { AcceptedMark, Decision } from "./waiver-parts";

const _ = cockpit.gettext;

function Basis({ basis }: { basis: string }) {
    // the only address that ever becomes a link; anything else is words
    if (/^https?:\/\//.test(basis)) {
        return (
            <Button variant="link" isInline component="a" href={basis} target="_blank" rel="noopener noreferrer">
                {basis}
            </Button>
        );
    }
    return <span>{cockpit.format(_("Red Hat, Securing virtual machines: $0"), basis)}</span>;
}

function EvidenceList({ finding }: { finding: Finding }) {
    return (
        <dl className="vms-evidence">
            {finding.evidence.map((evidence, i) => (
                <div key={i}>
                    {evidence.origin && <dt><bdi dir="ltr">{evidence.origin}</bdi></dt>}
                    <dd><bdi><code>{evidence.value || _("(empty)")}</code></bdi></dd>
                </div>
            ))}
        </dl>
    );
}

function Details({ row: { id, title, finding, check } }: { row: Row }) {
    const part = (title: string, content: React.ReactNode) => (
        <DescriptionListGroup>
            <DescriptionListTerm>{title}</DescriptionListTerm>
            <DescriptionListDescription>{content}</DescriptionListDescription>
        </DescriptionListGroup>
    );
    return (
        <DescriptionList isCompact className="vms-details">
            {finding.evidence.length > 0 && part(_("Evidence"), <EvidenceList finding={finding} />)}
            {check && part(_("Why it matters"), <Prose text={_(check.why)} />)}
            {part(_("How to fix it"), (
                <>{check && <p><Prose text={_(check.fix)} /></p>}<p>{applyText(finding.apply)}</p></>
            ))}
            {check?.impact && part(_("What the fix costs"), <Prose text={_(check.impact)} />)}
            {finding.basis.length > 0 && part(_("Basis"), (
                <ul className="vms-basis">{finding.basis.map(b => <li key={b}><Basis basis={b} /></li>)}</ul>
            ))}
            {part(_("Check"), <code>{id}</code>)}
            <Decision id={id} title={title} finding={finding} />
        </DescriptionList>
    );
}

interface FindingItemProps {
    row: Row;
    expanded: boolean;
    toggle: (id: string) => void;
    prefix: string;
}

const FindingItem = memo(function FindingItem({ row, expanded, toggle, prefix }: FindingItemProps) {
    const { id, finding } = row;
    const domId = `${prefix}-${id}`;
    return (
        <DataListItem id={domId} aria-labelledby={`${domId}-title`} isExpanded={expanded}
                      data-check={id} data-verdict={finding.verdict} data-severity={finding.severity}
                      data-accepted={isAccepted(finding)}>
            <DataListItemRow>
                <DataListToggle id={`${domId}-toggle`} aria-controls={`${domId}-details`} isExpanded={expanded}
                                aria-labelledby={`${domId}-toggle ${domId}-title`} onClick={() => toggle(id)} />
                <DataListItemCells dataListCells={[
                    <DataListCell key="verdict" isFilled={false} className="vms-verdict-cell">
                        <VerdictMark verdict={finding.verdict} />
                        <AcceptedMark finding={finding} />
                    </DataListCell>,
                    <DataListCell key="text" wrapModifier="breakWord" className="vms-text-cell">
                        <div id={`${domId}-title`} className="vms-title">{_(row.title)}</div>
                        <div className="vms-message"><Prose text={_(finding.message)} /></div>
                    </DataListCell>,
                    <DataListCell key="severity" isFilled={false} className="vms-severity-cell">
                        <SeverityMark severity={finding.severity} isQuiet={!isBad(finding) && finding.verdict !== "unknown"} />
                    </DataListCell>,
                ]} />
            </DataListItemRow>
            <DataListContent id={`${domId}-details`} isHidden={!expanded} hasNoPadding={false}
                             aria-label={cockpit.format(_("Details of $0"), _(row.title))}>
                {expanded && <Details row={row} />}
            </DataListContent>
        </DataListItem>
    );
});

/** The toolbar and the groups. `name` keeps the ids of several lists on one page apart. */
export function FindingsList({ name, findings, checks }: {
    name: string, findings: Findings, checks: Map<string, Check>,
}) {
    const [filter, setFilter] = useState(NO_FILTER);
    const [expanded, setExpanded] = useState<ReadonlySet<string>>(new Set());
    const [order, setOrder] = useState<string[]>([]);
    const prefix = useId().replaceAll(":", "") + name;

    const rows = useMemo(() => keepOrder(toRows(findings, checks), order), [findings, checks, order]);
    // worst first when the list is new; after that everything stays where it is, whatever it turns into
    if (rows.some(row => !order.includes(row.id)))
        setOrder((order.length === 0 ? worstFirst(rows) : rows).map(row => row.id));

    const toggle = useCallback((id: string) => setExpanded(old => {
        const now = new Set(old);
        if (!now.delete(id))
            now.add(id);
        return now;
    }), []);

    const shown = rows.filter(row => matches(row, filter));
    return (
        <div className="vms-findings" id={`${name}-findings`}>
            <FilterBar name={name} filter={filter} setFilter={setFilter} rows={rows} shown={shown.length} />
            {groupByArea(shown).map(({ area, rows }) => (
                <section key={area} className="vms-group" data-area={area} aria-label={areaText(area)}>
                    <h3 className="vms-group-title">{areaText(area)}</h3>
                    <DataList isCompact className="vms-list" aria-label={areaText(area)}>
                        {rows.map(row => (
                            <FindingItem key={row.id} row={row} expanded={expanded.has(row.id)} toggle={toggle}
                                         prefix={prefix} />
                        ))}
                    </DataList>
                </section>
            ))}
            {shown.length === 0 && rows.length > 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("No finding matches the filter")}>
                    <EmptyStateFooter>
                        <EmptyStateActions>
                            <Button variant="link" onClick={() => setFilter(NO_FILTER)}>{_("Show all findings")}</Button>
                        </EmptyStateActions>
                    </EmptyStateFooter>
                </EmptyState>}
            {rows.length === 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("No check has looked at this yet")} />}
        </div>
    );
}
