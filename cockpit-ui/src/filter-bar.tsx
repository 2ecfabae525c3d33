/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useState } from "react";

import { Badge } from "@patternfly/react-core/dist/esm/components/Badge";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { MenuToggle } from "@patternfly/react-core/dist/esm/components/MenuToggle";
import { SearchInput } from "@patternfly/react-core/dist/esm/components/SearchInput";
import { Select, SelectList, SelectOption } from "@patternfly/react-core/dist/esm/components/Select";
import { Switch } from "@patternfly/react-core/dist/esm/components/Switch";
import { Toolbar, ToolbarContent, ToolbarItem } from "@patternfly/react-core/dist/esm/components/Toolbar";
import cockpit from "cockpit";

import { areasOf, countVerdicts, NO_FILTER } from "./findings";
import type { Filter, Row } from "./findings";
import { SeverityMark, VerdictMark } from "./labels";
import { POPPER } from "./popper";
import { SEVERITIES, VERDICTS } from "./report";
import { areaText } from "./texts";

const _ = cockpit.gettext;

function CheckboxSelect<T extends string>({ id, label, choices, chosen, choose, mark, count }: {
    id: string,
    label: string,
    choices: readonly T[],
    chosen: T[],
    choose: (chosen: T[]) => void,
    mark: (choice: T) => React.ReactNode,
    count: (choice: T) => number,
}) {
    const [open, setOpen] = useState(false);
    const flip = (choice: T) =>
        choose(chosen.includes(choice) ? chosen.filter(c => c !== choice) : [...chosen, choice]);
    return (
        <Select id={`${id}-menu`} role="menu" isOpen={open} onOpenChange={setOpen} selected={chosen}
                popperProps={POPPER} onSelect={(_event, value) => flip(value as T)}
                toggle={ref => (
                    <MenuToggle ref={ref} id={id} isExpanded={open} onClick={() => setOpen(!open)}>
                        {label}{chosen.length > 0 && <>{" "}<Badge isRead>{chosen.length}</Badge></>}
                    </MenuToggle>
                )}>
            <SelectList>
                {choices.map(choice => (
                    <SelectOption key={choice} value={choice} hasCheckbox isSelected={chosen.includes(choice)}
                                  data-choice={choice}>
                        {mark(choice)} <span className="vms-subtle">{count(choice)}</span>
                    </SelectOption>
                ))}
            </SelectList>
        </Select>
    );
}

export function FilterBar({ name, filter, setFilter, rows, shown }: {
    name: string,
    filter: Filter,
    setFilter: (filter: Filter, isTyping?: boolean) => void,
    rows: Row[],
    shown: number,
}) {
    const verdicts = countVerdicts(rows.map(row => row.finding));
    const areas = areasOf(rows);
    const isFiltered = JSON.stringify(filter) !== JSON.stringify(NO_FILTER);
    return (
        <Toolbar id={`${name}-filter`} className="vms-filter">
            <ToolbarContent>
                <ToolbarItem>
                    <SearchInput id={`${name}-filter-text`} aria-label={_("Filter by text")}
                                 placeholder={_("Filter by text")} value={filter.text}
                                 onChange={(_event, text) => setFilter({ ...filter, text }, true)}
                                 onClear={() => setFilter({ ...filter, text: "" })} />
                </ToolbarItem>
                <ToolbarItem>
                    <CheckboxSelect id={`${name}-filter-verdict`} label={_("Verdict")} chosen={filter.verdicts}
                                    choices={VERDICTS} count={verdict => verdicts.get(verdict) ?? 0}
                                    mark={verdict => <VerdictMark verdict={verdict} />}
                                    choose={verdicts => setFilter({ ...filter, verdicts })} />
                </ToolbarItem>
                <ToolbarItem>
                    <CheckboxSelect id={`${name}-filter-severity`} label={_("Severity")} chosen={filter.severities}
                                    choices={SEVERITIES} mark={severity => <SeverityMark severity={severity} />}
                                    count={severity => rows.filter(row => row.finding.severity === severity).length}
                                    choose={severities => setFilter({ ...filter, severities })} />
                </ToolbarItem>
                <ToolbarItem>
                    <CheckboxSelect id={`${name}-filter-area`} label={_("Area")} chosen={filter.areas}
                                    choices={areas} mark={areaText}
                                    count={area => rows.filter(row => row.area === area).length}
                                    choose={areas => setFilter({ ...filter, areas })} />
                </ToolbarItem>
                <ToolbarItem className="vms-shown">
                    <Switch id={`${name}-filter-chapter`} label={_("Only Red Hat's chapter")}
                            isChecked={filter.chapter}
                            onChange={(_event, chapter) => setFilter({ ...filter, chapter })} />
                </ToolbarItem>
                {isFiltered &&
                    <ToolbarItem>
                        <Button variant="link" onClick={() => setFilter(NO_FILTER)}>{_("Clear filters")}</Button>
                    </ToolbarItem>}
                <ToolbarItem align={{ default: "alignEnd" }} className="vms-shown" role="status">
                    {cockpit.format(_("$0 of $1 findings"), shown, rows.length)}
                </ToolbarItem>
            </ToolbarContent>
        </Toolbar>
    );
}
