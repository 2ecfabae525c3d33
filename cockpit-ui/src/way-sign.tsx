/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How a way of attack and a barrier are drawn: by the form of line and gate, by a sign and a colour, and in a word. */

import type { ComponentType } from "react";

import { Icon } from "@patternfly/react-core/dist/esm/components/Icon";
import type { SVGIconProps } from "@patternfly/react-icons/dist/esm/createIcon";
import { CheckCircleIcon } from "@patternfly/react-icons/dist/esm/icons/check-circle-icon";
import { ExclamationCircleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { ExclamationTriangleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-triangle-icon";
import { MinusCircleIcon } from "@patternfly/react-icons/dist/esm/icons/minus-circle-icon";
import { QuestionCircleIcon } from "@patternfly/react-icons/dist/esm/icons/question-circle-icon";
import cockpit from "cockpit";

import { draw, leaf } from "./picture-layout";
import type { Drawing } from "./picture-layout";
import type { State, Strength } from "./vectors";
import { strengthText, wayStateText } from "./way-texts";

const SIGNS: Record<State, ComponentType<SVGIconProps>> = {
    open: ExclamationCircleIcon,
    partly: ExclamationTriangleIcon,
    unknown: QuestionCircleIcon,
    blocked: CheckCircleIcon,
    "not-applicable": MinusCircleIcon,
};

/** Which leaves of the gate are swung open. */
const LEAVES: Record<State, [boolean, boolean]> = {
    open: [true, true],
    partly: [true, false],
    unknown: [false, false],
    blocked: [false, false],
    "not-applicable": [false, false],
};

/** Its size: the font size in picture.css. */
const SIGN = 22;

/** The line up to the gate and beyond it, the gate, and the sign in it. Its colours come from the class around it. */
export function Arrow({ state, drawing: { before, after, head, gate, along } }: { state: State, drawing: Drawing }) {
    const Sign = SIGNS[state];
    const [first, second] = LEAVES[state];
    return (
        <>
            <path className="vms-way-line" d={before} />
            <path className="vms-way-line vms-way-beyond" d={after} />
            <path className="vms-way-head" d={head} />
            <path className="vms-way-gate" d={leaf(gate, along, -1, first)} />
            <path className="vms-way-gate" d={leaf(gate, along, 1, second)} />
            <circle className="vms-way-disc" cx={gate[0]} cy={gate[1]} r={SIGN / 2 + 2} />
            <g className="vms-way-sign vms-upright">
                <g transform={`translate(${gate[0] - SIGN / 2} ${gate[1] - SIGN / 2})`}><Sign /></g>
            </g>
        </>
    );
}

const SAMPLE = draw({ points: [[4, 28], [110, 28]], gate: [0, 0.46], label: { at: [0, 0], anchor: "start", room: 0 } });

/** A small arrow and its word: in the legend and in the list. */
export function StateMark({ state, count }: { state: State, count?: number }) {
    return (
        <span className={`vms-mark vms-state-mark vms-way-${state}`}>
            <svg className="vms-sample" viewBox="0 0 114 56" aria-hidden="true">
                <Arrow state={state} drawing={SAMPLE} />
            </svg>
            {count === undefined ? wayStateText(state) : cockpit.format("$0 $1", count, wayStateText(state))}
        </span>
    );
}

const AS_STATE: Record<Strength, State> = {
    broken: "open", weak: "partly", unknown: "unknown", holds: "blocked", "not-applicable": "not-applicable",
};

export function StrengthMark({ strength }: { strength: Strength }) {
    const Sign = SIGNS[AS_STATE[strength]];
    return (
        <span className={`vms-mark vms-way-${AS_STATE[strength]}`}>
            <Icon isInline className="vms-way-sign"><Sign /></Icon>
            {" "}{strengthText(strength)}
        </span>
    );
}
