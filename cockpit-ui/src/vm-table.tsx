/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All VMs with their worst finding: by name, in pages, sorted by any column, and two of them to compare. */

import { useMemo, useState } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Checkbox } from "@patternfly/react-core/dist/esm/components/Checkbox";
import {
    EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter
} from "@patternfly/react-core/dist/esm/components/EmptyState";
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import { Table, Tbody, Td, Th, Thead, Tr } from "@patternfly/react-table/dist/esm/components/Table";
import cockpit from "cockpit";

import { Counts, Meets, SeverityMark } from "./labels";
import { JumpLink, jumpProps } from "./links";
import { Pages, paged } from "./paging";
import { comparePath, securityPath } from "./paths";
import type { Vm } from "./report";
import { worst } from "./findings";
import { say } from "./say";
import { COLUMN_IDS, readTable, writeTable } from "./table-state";
import { connectionText, stateText } from "./texts";
import { useAddress } from "./use-address";
import { COLUMNS, named, sorted } from "./vm-order";

const _ = cockpit.gettext;

function Worst({ vm }: { vm: Vm }) {
    const found = worst(vm.findings);
    if (!found)
        return <span className="vms-subtle">{_("Nothing found")}</span>;
    return (
        <div data-worst={found.id}>
            <SeverityMark severity={found.finding.severity} />
            <div className="vms-words"><bdi>{say(found.finding.message)}</bdi></div>
        </div>
    );
}

const keyOf = (vm: Vm) => `${vm.connection} ${vm.uuid}`;

/** Two and no more can be chosen; whoever wants others takes one back first. */
function CompareButton({ chosen, clear }: { chosen: Vm[], clear: () => void }) {
    const [left, right] = chosen;
    return (
        <>
            {left && right
                ? <Button id="compare" variant="secondary" component="a" {...jumpProps(comparePath(left, right))}>
                      {_("Compare")}
                  </Button>
                : <Button id="compare" variant="secondary" isAriaDisabled>
                      {chosen.length === 1 ? _("Compare: choose one more") : _("Compare: choose two")}
                  </Button>}
            {chosen.length > 0 && <Button variant="link" onClick={clear}>{_("Clear choice")}</Button>}
        </>
    );
}

function VmRow({ vm, isChosen, mayChoose, choose }: {
    vm: Vm, isChosen: boolean, mayChoose: boolean,
    /** Missing where there is no other to compare it with. */
    choose?: (vm: Vm, now: boolean) => void,
}) {
    return (
        <Tr data-row-id={`vm-${vm.name}-${vm.connection}`} isRowSelected={isChosen}>
            {choose &&
                <Td className="pf-v6-c-table__check">
                    <Checkbox id={`choose-${vm.connection}-${vm.uuid}`} isChecked={isChosen}
                              isDisabled={!isChosen && !mayChoose}
                              aria-label={cockpit.format(_("Choose $0 to compare"), vm.name)}
                              onChange={(_event, now) => choose(vm, now)} />
                </Td>}
            <Td dataLabel={_("Name")}>
                <JumpLink path={securityPath(vm.name, vm.connection)}>
                    <bdi>{vm.name}</bdi>
                </JumpLink>
            </Td>
            <Td dataLabel={_("Connection")}>{connectionText(vm.connection)}</Td>
            <Td dataLabel={_("State")}>{stateText(vm.state)}</Td>
            <Td dataLabel={_("Worst finding")}><Worst vm={vm} /></Td>
            <Td dataLabel={_("Findings")}><Counts findings={vm.findings} /></Td>
            <Td dataLabel={_("Meets profile")}><Meets judged={vm} brief /></Td>
        </Tr>
    );
}

export function VmTable({ vms }: { vms: Vm[] }) {
    const { state, show } = useAddress(readTable, writeTable);
    const { text, column, direction } = state;
    const [choice, setChoice] = useState<readonly string[]>([]);

    const order = useMemo(() => sorted(vms, column, direction), [vms, column, direction]);
    const found = useMemo(() => named(order, text), [order, text]);
    const [rows, paging] = paged(found, state, show);
    // who is deleted meanwhile is chosen no more
    const chosen = choice.flatMap(key => vms.filter(vm => keyOf(vm) === key));

    if (vms.length === 0) {
        return (
            <EmptyState variant="sm" headingLevel="h3" titleText={_("No virtual machines")}>
                <EmptyStateBody>{_("They appear here as soon as they are defined.")}</EmptyStateBody>
            </EmptyState>
        );
    }

    const filter = (text: string) => show({ text, page: 1 }, true);
    const choose = (vm: Vm, now: boolean) =>
        setChoice(old => now ? [...old, keyOf(vm)] : old.filter(key => key !== keyOf(vm)));

    return (
        <>
            <Toolbar id="vms-filter" className="vms-filter">
                <ToolbarContent>
                    <ToolbarItem>
                        <SearchInput id="vms-filter-text" aria-label={_("Filter by name")} placeholder={_("Filter by name")}
                                     value={text} onChange={(_event, text) => filter(text)} onClear={() => filter("")} />
                    </ToolbarItem>
                    {vms.length > 1 &&
                        <ToolbarItem><CompareButton chosen={chosen} clear={() => setChoice([])} /></ToolbarItem>}
                    <ToolbarItem role="status" className="vms-shown">
                        {text.trim()
                            ? cockpit.format(_("$0 of $1 virtual machines"), found.length, vms.length)
                            : cockpit.format(
                                cockpit.ngettext("$0 virtual machine", "$0 virtual machines", vms.length), vms.length)}
                    </ToolbarItem>
                    <ToolbarItem align={{ default: "alignEnd" }}>
                        <Pages id="vms-pages" paging={paging} label={_("Pages of virtual machines")} />
                    </ToolbarItem>
                </ToolbarContent>
            </Toolbar>
            {rows.length > 0 &&
                <Table variant="compact" gridBreakPoint="grid-lg" aria-label={_("Virtual machines")}>
                    <Thead>
                        <Tr>
                            {vms.length > 1 && <Th screenReaderText={_("Choose to compare")} />}
                            {COLUMNS.map(({ id, title, width }, index) => (
                                <Th key={id} modifier="nowrap" {...width && { width }} sort={{
                                    columnIndex: index,
                                    sortBy: { index: COLUMN_IDS.indexOf(column), direction },
                                    onSort: (_event, _index, direction) => show({ column: id, direction, page: 1 }),
                                }}>
                                    {title()}
                                </Th>
                            ))}
                        </Tr>
                    </Thead>
                    <Tbody>
                        {rows.map(vm => (
                            <VmRow key={keyOf(vm)} vm={vm} isChosen={chosen.includes(vm)} mayChoose={chosen.length < 2}
                                   {...vms.length > 1 && { choose }} />
                        ))}
                    </Tbody>
                </Table>}
            {found.length === 0 &&
                <EmptyState variant="sm" headingLevel="h3" titleText={_("No virtual machine has such a name")}>
                    <EmptyStateFooter>
                        <EmptyStateActions>
                            <Button variant="link" onClick={() => filter("")}>{_("Show all virtual machines")}</Button>
                        </EmptyStateActions>
                    </EmptyStateFooter>
                </EmptyState>}
            <Pages id="vms-pages-bottom" paging={paging} label={_("Pages of virtual machines, below them")} isBottom />
        </>
    );
}
