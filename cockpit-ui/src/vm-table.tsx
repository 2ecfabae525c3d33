/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All VMs with their worst finding; every column sorts. */

import { useState } from "react";

import { EmptyState, EmptyStateBody } from "@patternfly/react-core/dist/esm/components/EmptyState";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table/dist/esm/components/Table";
import cockpit from "cockpit";

import { isBad, rank, worst } from "./findings";
import { Counts, Meets, SeverityMark } from "./labels";
import { JumpLink } from "./links";
import { securityPath } from "./paths";
import { PROFILES } from "./report";
import type { Vm } from "./report";
import { connectionText, stateText } from "./texts";

const _ = cockpit.gettext;

/** What a column sorts by: numbers by size, words by the language's rules. */
type Key = (vm: Vm) => number | string;

const worstRank: Key = vm => {
    const found = worst(vm.findings);
    return found ? rank(found.finding) : Number.MAX_SAFE_INTEGER;
};

const COLUMNS: { id: string, title: () => string, key: Key, width?: 20 | 30 }[] = [
    { id: "name", title: () => _("Name"), key: vm => vm.name, width: 20 },
    { id: "connection", title: () => _("Connection"), key: vm => connectionText(vm.connection) },
    { id: "state", title: () => _("State"), key: vm => stateText(vm.state) },
    { id: "worst", title: () => _("Worst finding"), key: worstRank, width: 30 },
    { id: "counts", title: () => _("Findings"), key: vm => -[...vm.findings.values()].filter(isBad).length },
    { id: "meets", title: () => _("Meets profile"), key: vm => vm.meets === null ? -1 : PROFILES.indexOf(vm.meets) },
];

const WORST_COLUMN = 3;

function compare(a: number | string, b: number | string): number {
    if (typeof a === "number" && typeof b === "number")
        return a - b;
    return String(a).localeCompare(String(b), cockpit.language.replace("_", "-"), { numeric: true });
}

function Worst({ vm }: { vm: Vm }) {
    const found = worst(vm.findings);
    if (!found)
        return <span className="vms-subtle">{_("Nothing found")}</span>;
    return (
        <div data-worst={found.id}>
            <SeverityMark severity={found.finding.severity} />
            <div className="vms-words"><bdi>{_(found.finding.message)}</bdi></div>
        </div>
    );
}

export function VmTable({ vms }: { vms: Vm[] }) {
    const [column, setColumn] = useState(WORST_COLUMN);
    const [direction, setDirection] = useState<"asc" | "desc">("asc");

    if (vms.length === 0) {
        return (
            <EmptyState variant="sm" headingLevel="h3" titleText={_("No virtual machines")}>
                <EmptyStateBody>{_("They appear here as soon as they are defined.")}</EmptyStateBody>
            </EmptyState>
        );
    }

    const key = COLUMNS[column]?.key ?? worstRank;
    const sign = direction === "asc" ? 1 : -1;
    const sorted = [...vms].sort((a, b) =>
        sign * compare(key(a), key(b)) || compare(a.name, b.name) || compare(a.connection, b.connection));

    return (
        <Table variant="compact" gridBreakPoint="grid-lg" aria-label={_("Virtual machines")}>
            <Thead>
                <Tr>
                    {COLUMNS.map(({ id, title, width }, index) => (
                        <Th key={id} modifier="nowrap" {...width && { width }} sort={{
                            columnIndex: index,
                            sortBy: { index: column, direction },
                            onSort: (_event, _index, direction) => {
                                setColumn(index);
                                setDirection(direction);
                            },
                        }}>
                            {title()}
                        </Th>
                    ))}
                </Tr>
            </Thead>
            <Tbody>
                {sorted.map(vm => (
                    <Tr key={`${vm.connection} ${vm.uuid}`} data-row-id={`vm-${vm.name}-${vm.connection}`}>
                        <Td dataLabel={_("Name")}>
                            <JumpLink path={securityPath(vm.name, vm.connection)}><bdi>{vm.name}</bdi></JumpLink>
                        </Td>
                        <Td dataLabel={_("Connection")}>{connectionText(vm.connection)}</Td>
                        <Td dataLabel={_("State")}>{stateText(vm.state)}</Td>
                        <Td dataLabel={_("Worst finding")}><Worst vm={vm} /></Td>
                        <Td dataLabel={_("Findings")}><Counts findings={vm.findings} /></Td>
                        <Td dataLabel={_("Meets profile")}><Meets judged={vm} brief /></Td>
                    </Tr>
                ))}
            </Tbody>
        </Table>
    );
}
