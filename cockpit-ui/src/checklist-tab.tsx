/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Red Hat's chapter as a checklist: what it asks for, whether that is so, and what proves it. */

import { useMemo, useState } from "react";

import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import { EmptyState } from "@patternfly/react-core/dist/esm/components/EmptyState";
import { ExpandableSection } from "@patternfly/react-core/dist/esm/components/ExpandableSection";
import cockpit from "cockpit";

import { chapterItems, progressOf, toSections, total } from "./chapter";
import type { Progress, Section } from "./chapter";
import { sectionText } from "./chapter-texts";
import { EvidenceList } from "./finding-details";
import { toRows } from "./findings";
import type { Row } from "./findings";
import { VerdictMark } from "./labels";
import { ViewLink } from "./links";
import { Prose } from "./prose";
import type { Check, Findings } from "./report";
import { say } from "./say";
import type { View } from "./use-view";

const _ = cockpit.gettext;

function ProgressText({ progress }: { progress: Progress }) {
    const all = total(progress);
    const { proven } = progress;
    return (
        <span className="vms-progress" data-proven={proven} data-total={all}>
            {all > 0
                ? cockpit.format(cockpit.ngettext("$0 of $1 item proven", "$0 of $1 items proven", all), proven, all)
                : _("Does not apply")}
        </span>
    );
}

/** The same as a bar; the words beside it say it to those who do not see it. */
function Bar({ progress: { proven, broken, unknown } }: { progress: Progress }) {
    const all = Math.max(1, proven + broken + unknown);
    let at = 0;
    return (
        <svg className="vms-bar" viewBox="0 0 100 1" preserveAspectRatio="none" aria-hidden="true">
            {([["proven", proven], ["broken", broken], ["unknown", unknown]] as const).map(([kind, count]) => {
                const x = at;
                at += count * 100 / all;
                return <rect key={kind} className={`vms-bar-${kind}`} x={x} y="0" width={at - x} height="1" />;
            })}
        </svg>
    );
}

function Item({ row: { id, title, finding }, view }: { row: Row, view: View }) {
    return (
        <li className="vms-item" data-item={id} data-verdict={finding.verdict}>
            <VerdictMark verdict={finding.verdict} />
            <div className="vms-item-text">
                <ViewLink view={view} change={{ tab: "findings", check: id }}>{say(title)}</ViewLink>
                <div className="vms-message"><Prose text={say(finding.message)} /></div>
                <EvidenceList finding={finding} />
            </div>
        </li>
    );
}

const applies = ({ finding }: Row): boolean => finding.verdict !== "not-applicable";

function SectionPart({ section: { slug, items, progress }, view }: { section: Section, view: View }) {
    const [expanded, setExpanded] = useState(false);
    const others = items.filter(row => !applies(row));
    return (
        <section className="vms-section" data-section={slug} aria-label={sectionText(slug)}>
            <div className="vms-section-head">
                <h3 className="vms-group-title">{sectionText(slug)}</h3>
                <ProgressText progress={progress} />
            </div>
            {total(progress) > 0 && <Bar progress={progress} />}
            <ul>{items.filter(applies).map(row => <Item key={row.id} row={row} view={view} />)}</ul>
            {others.length > 0 &&
                <ExpandableSection toggleText={cockpit.format(cockpit.ngettext(
                    "$0 item does not apply", "$0 items do not apply", others.length), others.length)}
                                   isExpanded={expanded} onToggle={(_event, now) => setExpanded(now)}>
                    {expanded && <ul>{others.map(row => <Item key={row.id} row={row} view={view} />)}</ul>}
                </ExpandableSection>}
        </section>
    );
}

export function ChecklistTab({ findings, checks, view }: {
    findings: Findings, checks: Map<string, Check>, view: View,
}) {
    const rows = useMemo(() => toRows(findings, checks), [findings, checks]);
    const sections = useMemo(() => toSections(rows), [rows]);
    const progress = progressOf(chapterItems(rows));
    if (sections.length === 0) {
        return (
            <EmptyState variant="sm" headingLevel="h2"
                        titleText={_("No check of Red Hat's chapter has looked at this yet")} />
        );
    }
    return (
        <Card id="vm-security-checklist">
            <CardHeader actions={{ actions: <ProgressText progress={progress} />, hasNoOffset: true }}>
                <CardTitle component="h2">{_("Red Hat: Securing virtual machines")}</CardTitle>
            </CardHeader>
            <CardBody>
                <Bar progress={progress} />
                {sections.map(section => <SectionPart key={section.slug} section={section} view={view} />)}
            </CardBody>
        </Card>
    );
}
