/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useEffect, useMemo, useState } from "react";

import { Card, CardBody, CardHeader, CardTitle } from "@patternfly/react-core/dist/esm/components/Card";
import { EmptyState } from "@patternfly/react-core/dist/esm/components/EmptyState";
import cockpit from "cockpit";

import type { Catalogue } from "./bridge";
import { PictureDrawing } from "./picture-drawing";
import { PictureList, wayToggleId } from "./picture-list";
import type { Judged, Vm } from "./report";
import type { View } from "./use-view";
import { countStates, STATES, toWays } from "./vectors";
import type { Way } from "./vectors";
import { StateMark } from "./way-sign";

const _ = cockpit.gettext;

/** How many ways there are of each kind; at the same time the legend. */
function Legend({ ways }: { ways: Way[] }) {
    const counts = countStates(ways);
    return (
        <ul className="vms-legend" id="vm-picture-legend" aria-label={_("Ways of attack by state")}>
            {STATES.filter(state => counts.has(state)).map(state => (
                <li key={state} data-state={state}>
                    <StateMark state={state} count={counts.get(state) ?? 0} />
                </li>
            ))}
        </ul>
    );
}

export function PictureTab({ vm, host, catalogue, view }: { vm: Vm, host: Judged, catalogue: Catalogue, view: View }) {
    const { checks, vectors } = catalogue;
    const ways = useMemo(() => toWays(vectors, vm.vectors), [vectors, vm.vectors]);
    const findings = useMemo(() => new Map([...host.findings, ...vm.findings]), [host.findings, vm.findings]);
    const [chosen, setChosen] = useState({ id: "", byKey: false });
    const { show } = view;

    const choose = useMemo(() => (id: string, byKey: boolean) => {
        setChosen({ id, byKey });
        show({ vector: id }, true);
    }, [show]);
    // what was chosen in the picture is read in the list
    useEffect(() => {
        if (!chosen.id)
            return;
        const toggle = document.getElementById(wayToggleId(chosen.id));
        toggle?.closest("[data-way]")?.scrollIntoView({ block: "nearest" });
        if (chosen.byKey)
            toggle?.focus({ preventScroll: true });
    }, [chosen]);

    if (ways.length === 0)
        return <EmptyState variant="sm" headingLevel="h2" titleText={_("The ways of attack are not known yet")} />;
    return (
        <Card id="vm-security-picture">
            <CardHeader>
                <CardTitle component="h2">{_("Who could attack whom, and what stands in the way")}</CardTitle>
            </CardHeader>
            <CardBody className="vms-picture-card">
                <div className="vms-picture-split">
                    <div className="vms-picture-area">
                        <Legend ways={ways} />
                        <PictureDrawing name={vm.name} ways={ways} current={view.vector} choose={choose} />
                    </div>
                    <PictureList ways={ways} current={view.vector} choose={id => show({ vector: id }, true)}
                                 findings={findings} checks={checks} view={view} />
                </div>
            </CardBody>
        </Card>
    );
}
