/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Findings grouped by area, with a toolbar to filter them, each of which opens to its evidence and its texts. */

import { memo, useId } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import {
    DataList, DataListCell, DataListContent, DataListItem, DataListItemCells, DataListItemRow, DataListToggle
} from "@patternfly/react-core/dist/esm/components/DataList";
import { EmptyState, EmptyStateActions, EmptyStateFooter } from "@patternfly/react-core/dist/esm/components/EmptyState";
import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import { CheckCircleIcon } from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import cockpit from "cockpit";

import { FilterBar } from "./filter-bar";
import { countVerdicts, groupByArea, isAccepted, isBad, matchesBut, NO_FILTER } from "./findings";
import type { Filter, Row } from "./findings";
import { Details } from "./finding-details";
import { SeverityMark, VerdictMark } from "./labels";
import { Prose } from "./prose";
import { VERDICTS } from "./report";
import type { Check, Findings } from "./report";
import { say } from "./say";
import { areaText, verdictText } from "./texts";
import { useExpanded, useRows } from "./use-rows";
import { AcceptedMark } from "./waiver-parts";

const _ = cockpit.gettext;

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
                                aria-label={cockpit.format("$0: $1", verdictText(finding.verdict), say(row.title))}
                                onClick={() => toggle(id)} />
                <DataListItemCells dataListCells={[
                    <DataListCell key="verdict" isFilled={false} className="vms-verdict-cell">
                        <VerdictMark verdict={finding.verdict} />
                        <AcceptedMark finding={finding} />
                    </DataListCell>,
                    <DataListCell key="text" wrapModifier="breakWord" className="vms-text-cell">
                        <div id={`${domId}-title`} className="vms-title">{say(row.title)}</div>
                        <div className="vms-message"><Prose text={say(finding.message)} /></div>
                    </DataListCell>,
                    <DataListCell key="severity" isFilled={false} className="vms-severity-cell">
                        <SeverityMark severity={finding.severity} isQuiet={!isBad(finding) && finding.verdict !== "unknown"} />
                    </DataListCell>,
                ]} />
            </DataListItemRow>
            <DataListContent id={`${domId}-details`} isHidden={!expanded} hasNoPadding={false}
                             aria-label={cockpit.format(_("Details of $0"), say(row.title))}>
                {expanded && <Details row={row} />}
            </DataListContent>
        </DataListItem>
    );
});

/** What is good and does not have to be looked at, in words, as the button that shows it. */
function Hidden({ rows, show }: { rows: Row[], show: () => void }) {
    const counts = countVerdicts(rows.map(row => row.finding));
    const [passed, rest] = [counts.get("pass") ?? 0, counts.get("not-applicable") ?? 0];
    const texts = [
        passed > 0 && cockpit.format(cockpit.ngettext("$0 passed", "$0 passed", passed), passed),
        rest > 0 && cockpit.format(cockpit.ngettext("$0 does not apply", "$0 do not apply", rest), rest),
    ].filter(text => text !== false);
    return (
        <p className="vms-hidden">
            <Icon status="success" isInline><CheckCircleIcon /></Icon>
            <span>{cockpit.format(texts.length > 1 ? _("And $0, $1.") : _("And $0."), ...texts)}</span>
            <Button variant="link" isInline className="vms-show-good" onClick={show}>{_("Show them")}</Button>
        </p>
    );
}

interface FindingsListProps {
    /** Keeps the ids of several lists on one page apart. */
    name: string;
    findings: Findings;
    checks: Map<string, Check>;
    filter: Filter;
    setFilter: (filter: Filter, isTyping?: boolean) => void;
    /** A finding to open and to go to. */
    goTo?: string;
}

/** The toolbar and the groups. */
export function FindingsList({ name, findings, checks, filter, setFilter, goTo = "" }: FindingsListProps) {
    const prefix = useId().replaceAll(":", "") + name;
    const { expanded, toggle } = useExpanded(goTo, `${prefix}-${goTo}-toggle`, findings.has(goTo));
    const { rows, shown } = useRows(findings, checks, filter, goTo);
    const hidden = rows.filter(row => matchesBut(row, filter) && !shown.includes(row));
    const showAll = () => setFilter({ ...filter, verdicts: [...VERDICTS] });

    return (
        <div className="vms-findings" id={`${name}-findings`}>
            <FilterBar name={name} filter={filter} setFilter={setFilter} rows={rows} shown={shown.length} />
            {groupByArea(shown).map(({ area, rows }) => (
                <section key={area} className="vms-group" data-area={area}>
                    <h3 className="vms-group-title">{areaText(area)}</h3>
                    <DataList isCompact className="vms-list" aria-label={areaText(area)}>
                        {rows.map(row => (
                            <FindingItem key={row.id} row={row} expanded={expanded.has(row.id)} toggle={toggle}
                                         prefix={prefix} />
                        ))}
                    </DataList>
                </section>
            ))}
            {shown.length === 0 && hidden.length === 0 && rows.length > 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("No finding matches the filter")}>
                    <EmptyStateFooter>
                        <EmptyStateActions>
                            <Button variant="link" onClick={() => setFilter({ ...NO_FILTER, verdicts: [...VERDICTS] })}>
                                {_("Show all findings")}
                            </Button>
                        </EmptyStateActions>
                    </EmptyStateFooter>
                </EmptyState>}
            {shown.length === 0 && hidden.length > 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("Nothing here needs attention")} />}
            {filter.verdicts.length === 0 && hidden.length > 0 && <Hidden rows={hidden} show={showAll} />}
            {rows.length === 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("No check has looked at this yet")} />}
        </div>
    );
}
