/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every fact that was read, with its origin, so that a person can read the same by hand. */

import { memo, useState } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import { EmptyState } from "@patternfly/react-core/dist/esm/components/EmptyState";
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import cockpit from "cockpit";

import { mayPass } from "./bridge";
import { CopyButton } from "./copy-button";
import { countFacts, filterTopics, fold, toLine } from "./facts";
import type { Fact, Topic } from "./facts";
import { Notice } from "./notice";
import type { Report } from "./report";
import { say, sayValue } from "./say";
import { LibvirtState, Loading, ProblemState } from "./states";
import { problemText } from "./texts";
import { topicText } from "./topic-texts";
import { useFacts } from "./use-facts";
import type { View } from "./use-view";

const _ = cockpit.gettext;

function Value({ value, wanted }: { value: string, wanted: string }) {
    const [whole, setWhole] = useState(false);
    const folded = fold(value, wanted);
    return (
        <>
            <bdi><code>{sayValue(whole ? value : folded.text) || _("(empty)")}</code></bdi>
            {folded.lines > 0 &&
                <Button variant="link" isInline className="vms-fold" aria-expanded={whole} onClick={() => setWhole(!whole)}>
                    {whole
                        ? _("Show less")
                        : cockpit.format(cockpit.ngettext("Show the whole line", "Show all $0 lines", folded.lines), folded.lines)}
                </Button>}
        </>
    );
}

const FactRow = memo(function FactRow({ fact, wanted }: { fact: Fact, wanted: string }) {
    const { path, origin, value, missing } = fact;
    return (
        <li className="vms-fact" data-fact={path} data-missing={missing !== undefined}>
            <div className="vms-fact-origin"><bdi dir="ltr">{sayValue(origin)}</bdi></div>
            <div className="vms-fact-value">
                {missing !== undefined
                    ? <span className="vms-subtle">{cockpit.format(_("Not read: $0"), say(missing))}</span>
                    : value === null
                        ? <span className="vms-subtle">{_("Not there")}</span>
                        : <Value value={value} wanted={wanted} />}
            </div>
            <CopyButton text={toLine(fact)} label={cockpit.format(_("Copy $0 and its value"), sayValue(origin))} />
        </li>
    );
});

function Topics({ id, title, topics, wanted }: { id: string, title: string, topics: Topic[], wanted: string }) {
    return (
        <Card id={`vm-evidence-${id}`}>
            <CardHeader><CardTitle component="h2"><bdi>{title}</bdi></CardTitle></CardHeader>
            <CardBody>
                {topics.map(topic => (
                    <section key={topic.id} className="vms-topic" data-topic={topic.id}>
                        <h3 className="vms-group-title">{topicText(topic.id)}</h3>
                        <ul className="vms-fact-list">
                            {topic.facts.map((fact, i) => <FactRow key={`${fact.path} ${i}`} fact={fact} wanted={wanted} />)}
                        </ul>
                    </section>
                ))}
            </CardBody>
        </Card>
    );
}

/** Of a VM and its host, or of the host alone (without a `uuid`). */
export function EvidenceTab({ connection, uuid, name, report, view }: {
    connection: string,
    uuid: string | null,
    name: string,
    /** What the facts have led to: when that changes, they have changed. */
    report: Report,
    view: View,
}) {
    const { host, libvirt, privileged } = report;
    const isReadable = libvirt.state === "connected";
    const { evidence, problem, read } = useFacts(connection, uuid, report, isReadable);
    const { filter, show } = view;
    if (!evidence) {
        if (!isReadable) {
            return (
                <LibvirtState libvirt={libvirt} privileged={privileged}>
                    {_("The evidence will appear here as soon as libvirt answers.")}
                </LibvirtState>
            );
        }
        return problem ? <ProblemState problem={problem} retrying={mayPass(problem)} retry={read} /> : <Loading />;
    }

    const [ofVm, ofHost] = [filterTopics(evidence.vm, filter.text), filterTopics(evidence.host, filter.text)];
    const [shown, all] = [[...ofVm, ...ofHost], [...evidence.vm, ...evidence.host]].map(countFacts);
    const search = (text: string) => show({ filter: { ...filter, text } }, true);
    return (
        <div className="vms-cards" data-evidence="ready">
            {(problem ?? !isReadable) &&
                <Notice isInline variant="warning" className="vms-stale"
                       title={_("This evidence is not up to date")}>
                    {problem ? problemText(problem) : _("It will be read again as soon as libvirt answers.")}
                </Notice>}
            <Toolbar id="vm-evidence-filter" className="vms-filter vms-plain-bar">
                <ToolbarContent>
                    <ToolbarItem>
                        <SearchInput id="vm-evidence-text" aria-label={_("Search the evidence")}
                                     placeholder={_("Search origins and values")} value={filter.text}
                                     onChange={(_event, text) => search(text)} onClear={() => search("")} />
                    </ToolbarItem>
                    <ToolbarItem className="vms-shown">
                        <CopyButton text={[...ofVm, ...ofHost].flatMap(topic => topic.facts).map(toLine).join("\n")}
                                    label={_("Copy all that is shown")}>
                            {_("Copy all")}
                        </CopyButton>
                    </ToolbarItem>
                    <ToolbarItem align={{ default: "alignEnd" }} className="vms-shown" role="status">
                        {cockpit.format(_("$0 of $1 facts"), shown ?? 0, all ?? 0)}
                    </ToolbarItem>
                </ToolbarContent>
            </Toolbar>
            {ofVm.length > 0 && <Topics id="vm" title={name} topics={ofVm} wanted={filter.text} />}
            {ofHost.length > 0 &&
                <Topics id="host" title={cockpit.format(_("Host $0"), host.name)} topics={ofHost} wanted={filter.text} />}
            {shown === 0 && <EmptyState variant="sm" headingLevel="h2" titleText={_("No fact has these words")} />}
        </div>
    );
}
