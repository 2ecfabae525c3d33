/* SPDX-License-Identifier: LGPL-2.1-or-later */

import type { ReactNode } from "react";

import {
    DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";

/** Terms and descriptions side by side, as cockpit-machines' cards have them; on wide screens in two columns. */
export function Facts({ facts, columns = false }: {
    facts: [id: string, term: string, description: ReactNode][], columns?: boolean,
}) {
    return (
        <DescriptionList isHorizontal className="vms-facts" {...columns && { isCompact: true, columnModifier: { lg: "2Col" } }}>
            {facts.map(([id, term, description]) => (
                <DescriptionListGroup key={id}>
                    <DescriptionListTerm>{term}</DescriptionListTerm>
                    <DescriptionListDescription id={id}>{description}</DescriptionListDescription>
                </DescriptionListGroup>
            ))}
        </DescriptionList>
    );
}
