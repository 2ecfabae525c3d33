/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Small things that say a verdict, a severity or a sum of them: always a word with its icon, never a colour alone. */

import type { ComponentType } from "react";

import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import { Label } from "@patternfly/react-core/dist/esm/components/Label";
import { LabelGroup } from "@patternfly/react-core/dist/esm/components/Label";
import { CheckCircleIcon } from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import { ExclamationCircleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { ExclamationTriangleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import { InfoCircleIcon } from "@patternfly/react-icons/dist/esm/icons/info-circle-icon";
import { MinusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/minus-circle-icon";
import { QuestionCircleIcon } from "@patternfly/react-icons/dist/esm/icons/question-circle-icon";
import { SeverityCriticalIcon } from "@patternfly/react-icons/dist/esm/icons/severity-critical-icon";
import { SeverityImportantIcon } from "@patternfly/react-icons/dist/esm/icons/severity-important-icon";
import { SeverityMinorIcon } from "@patternfly/react-icons/dist/esm/icons/severity-minor-icon";
import { SeverityModerateIcon } from "@patternfly/react-icons/dist/esm/icons/severity-moderate-icon";
import { SeverityNoneIcon } from "@patternfly/react-icons/dist/esm/icons/severity-none-icon";
import cockpit from "cockpit";

import { countSeverities, countVerdicts } from "./findings";
import { SEVERITIES } from "./report";
import type { Findings, Judged, Severity, Verdict } from "./report";
import { meetsText, severityText, verdictText } from "./texts";

const _ = cockpit.gettext;

type Status = "danger" | "warning" | "info" | "success" | "custom";

const VERDICT_ICONS: Record<Verdict, [Status | undefined, ComponentType]> = {
    fail: ["danger", ExclamationCircleIcon],
    warn: ["warning", ExclamationTriangleIcon],
    unknown: ["custom", QuestionCircleIcon],
    info: ["info", InfoCircleIcon],
    pass: ["success", CheckCircleIcon],
    "not-applicable": [undefined, MinusCircleIcon],
};

const SEVERITY_ICONS: Record<Severity, ComponentType> = {
    critical: SeverityCriticalIcon,
    high: SeverityImportantIcon,
    medium: SeverityModerateIcon,
    low: SeverityMinorIcon,
    info: SeverityNoneIcon,
};

/** Only with a word beside it that says the same. */
export function VerdictIcon({ verdict }: { verdict: Verdict }) {
    const [status, Picture] = VERDICT_ICONS[verdict];
    return <Icon {...status && { status }} isInline><Picture /></Icon>;
}

export function VerdictMark({ verdict }: { verdict: Verdict }) {
    return <span className="vms-mark"><VerdictIcon verdict={verdict} />{" "}{verdictText(verdict)}</span>;
}

/** `isQuiet` where the severity is of nothing that was found: a red mark beside "Passed" would alarm for nothing. */
export function SeverityMark({ severity, isQuiet = false }: { severity: Severity, isQuiet?: boolean }) {
    const Picture = SEVERITY_ICONS[severity];
    return (
        <span className={`vms-mark ${isQuiet ? "vms-subtle" : `vms-severity-${severity}`}`}>
            <Icon isInline><Picture /></Icon>
            {" "}{severityText(severity)}
        </span>
    );
}

/** What fails or warns, by severity, and how much is unknown. */
export function Counts({ findings }: { findings: Findings }) {
    const severities = countSeverities(findings.values());
    const unknown = countVerdicts(findings.values()).get("unknown") ?? 0;
    const found = SEVERITIES.filter(severity => severities.has(severity));
    return (
        <LabelGroup numLabels={6} aria-label={_("Findings by severity")}>
            {found.map(severity => {
                const Picture = SEVERITY_ICONS[severity];
                return (
                    <Label key={severity} data-severity={severity} isCompact
                           icon={<Picture />} color={severity === "critical" ? "red" : severity === "high" ? "orange"
                               : severity === "medium" ? "yellow" : "grey"}>
                        {cockpit.format("$0 $1", severities.get(severity) ?? 0, severityText(severity))}
                    </Label>
                );
            })}
            {found.length === 0 &&
                <Label key="none" isCompact color="green" icon={<CheckCircleIcon />}>{_("Nothing found")}</Label>}
            {unknown > 0 &&
                <Label key="unknown" data-severity="unknown" isCompact variant="outline" icon={<QuestionCircleIcon />}>
                    {cockpit.format("$0 $1", unknown, verdictText("unknown"))}
                </Label>}
        </LabelGroup>
    );
}

/** The highest profile that the subject meets, and whether that is proven. */
export function Meets({ judged, brief = false }: { judged: Judged, brief?: boolean }) {
    const { meets, proven } = judged;
    const [status, Picture] = meets === null ? VERDICT_ICONS.fail : proven ? VERDICT_ICONS.pass : VERDICT_ICONS.unknown;
    const unknown = countVerdicts(judged.findings.values()).get("unknown") ?? 0;
    return (
        <span className="vms-meets" data-meets={meets ?? "none"} data-proven={proven}>
            <span className="vms-mark">
                <Icon {...status && { status }} isInline><Picture /></Icon>
                {" "}{meetsText(meets)}
            </span>
            {!proven &&
                <span className="vms-subtle">
                    {brief || unknown === 0
                        ? _("not proven")
                        : cockpit.format(cockpit.ngettext("not proven: $0 check is unknown",
                                                          "not proven: $0 checks are unknown", unknown), unknown)}
                </span>}
        </span>
    );
}
