/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What there is to read about one finding. */

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import {
    DescriptionList, DescriptionListDescription, DescriptionListGroup, DescriptionListTerm
} from "@patternfly/react-core/dist/esm/components/DescriptionList";
import cockpit from "cockpit";

import { sectionText } from "./chapter-texts";
import type { Row } from "./findings";
import { Prose } from "./prose";
import type { Finding } from "./report";
import { say, sayValue } from "./say";
import { applyText } from "./texts";
import { Decision } from "./waiver-parts";

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
    return <span>{cockpit.format(_("Red Hat, Securing virtual machines: $0"), sectionText(basis))}</span>;
}

export function EvidenceList({ finding }: { finding: Finding }) {
    return (
        <dl className="vms-evidence">
            {finding.evidence.map((evidence, i) => (
                <div key={i}>
                    {evidence.origin && <dt><bdi dir="ltr">{sayValue(evidence.origin)}</bdi></dt>}
                    <dd><bdi><code>{sayValue(evidence.value) || _("(empty)")}</code></bdi></dd>
                </div>
            ))}
        </dl>
    );
}

export function Details({ row: { id, title, finding, check } }: { row: Row }) {
    const part = (title: string, content: React.ReactNode) => (
        <DescriptionListGroup>
            <DescriptionListTerm>{title}</DescriptionListTerm>
            <DescriptionListDescription>{content}</DescriptionListDescription>
        </DescriptionListGroup>
    );
    return (
        <DescriptionList isCompact className="vms-details">
            {finding.evidence.length > 0 && part(_("Evidence"), <EvidenceList finding={finding} />)}
            {check && part(_("Why it matters"), <Prose text={say(check.why)} />)}
            {part(_("How to fix it"), (
                <>{check && <p><Prose text={say(check.fix)} /></p>}<p>{applyText(finding.apply)}</p></>
            ))}
            {check?.impact && part(_("What the fix costs"), <Prose text={say(check.impact)} />)}
            {finding.basis.length > 0 && part(_("Basis"), (
                <ul className="vms-basis">{finding.basis.map(b => <li key={b}><Basis basis={b} /></li>)}</ul>
            ))}
            {part(_("Check"), <code>{id}</code>)}
            <Decision id={id} title={title} finding={finding} />
        </DescriptionList>
    );
}
