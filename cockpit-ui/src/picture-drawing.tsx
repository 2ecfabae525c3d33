/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The attack picture itself: who is there, and one arrow for each way of attack. */

import { memo } from "react";
import type { ComponentType, KeyboardEvent } from "react";

import { CubesIcon } from "@patternfly/react-icons/dist/esm/icons/cubes-icon";
import { DatabaseIcon } from "@patternfly/react-icons/dist/esm/icons/database-icon";
import { DesktopIcon } from "@patternfly/react-icons/dist/esm/icons/desktop-icon";
import { MicrochipIcon } from "@patternfly/react-icons/dist/esm/icons/microchip-icon";
import { NetworkWiredIcon } from "@patternfly/react-icons/dist/esm/icons/network-wired-icon";
import { ServerIcon } from "@patternfly/react-icons/dist/esm/icons/server-icon";
import { UserCogIcon } from "@patternfly/react-icons/dist/esm/icons/user-cog-icon";
import { UsersIcon } from "@patternfly/react-icons/dist/esm/icons/users-icon";
import { VirtualMachineIcon } from "@patternfly/react-icons/dist/esm/icons/virtual-machine-icon";
import type { SVGIconProps } from "@patternfly/react-icons/dist/esm/createIcon";
import cockpit from "cockpit";

import { PictureText } from "./picture-text";
import { draw, HEIGHT, NODES, ROUTES, WIDTH, ZONES } from "./picture-layout";
import type { Box } from "./picture-layout";
import { say } from "./say";
import type { Way } from "./vectors";
import { nodeText, wayLabel, wayStateText, wayText } from "./way-texts";
import { Arrow } from "./way-sign";

const _ = cockpit.gettext;

const ICONS: Record<string, ComponentType<SVGIconProps>> = {
    guest: VirtualMachineIcon,
    qemu: MicrochipIcon,
    host: ServerIcon,
    neighbours: CubesIcon,
    storage: DatabaseIcon,
    network: NetworkWiredIcon,
    consoles: DesktopIcon,
    admins: UserCogIcon,
    users: UsersIcon,
};

const ICON = 22;

function Zones() {
    return ZONES.map(({ id, box: { x, y, width, height } }) => (
        <g key={id} className="vms-zone">
            <rect x={x} y={y} width={width} height={height} rx="14" />
            <text className="vms-upright" x={x + 16} y={y + 26}>{id === "host" ? _("This host") : _("Outside")}</text>
        </g>
    ));
}

/** Names are as long as people like. */
function shortened(name: string, length: number): string {
    const letters = Array.from(new Intl.Segmenter().segment(name), ({ segment }) => segment);
    return letters.length <= length ? name : `${letters.slice(0, length - 1).join("")}…`;
}

function NodeBox({ id, box: { x, y, width, height }, name }: { id: string, box: Box, name: string }) {
    const Picture = ICONS[id];
    const isTall = height > 100;
    const middle = x + width / 2;
    const [iconX, iconY] = isTall ? [middle - ICON / 2, y + 26] : [x + 16, y + height / 2 - ICON / 2];
    const words = id === "guest"
        ? [{ text: shortened(name, 22) }, { text: nodeText(id), className: "vms-node-kind" }]
        : [{ text: nodeText(id) }];
    const [start, edge] = [16 + ICON + 10, 10];
    return (
        <g className={`vms-node vms-node-${id}`} data-node={id}>
            <rect x={x} y={y} width={width} height={height} rx="10" />
            <g className="vms-upright vms-node-icon">
                <g transform={`translate(${iconX} ${iconY})`}>{Picture && <Picture />}</g>
            </g>
            {isTall
                ? <PictureText x={middle} y={y + 76} room={width - 2 * edge} size={16} grow="down" anchor="middle" words={words} />
                : <PictureText x={x + start} y={y + height / 2 + 6} room={width - start - edge} size={16} grow="middle"
                               anchor="start" words={words} />}
        </g>
    );
}

interface ArrowButtonProps {
    way: Way;
    isCurrent: boolean;
    choose: (id: string, byKey: boolean) => void;
}

const ArrowButton = memo(function ArrowButton({ way: { vector, state }, isCurrent, choose }: ArrowButtonProps) {
    const route = ROUTES[vector.id];
    if (!route)
        return null;
    const drawing = draw(route);
    const { at: [x, y], anchor, room, grow = "up" } = route.label;
    const keyDown = (event: KeyboardEvent) => {
        if (event.key === "Enter" || event.key === " ") {
            event.preventDefault();
            choose(vector.id, true);
        }
    };
    const [label, word] = [wayLabel(vector.id), wayStateText(state)];
    const what = cockpit.format("$0. $1", wayText(vector.from, vector.to), say(vector.title));
    // begins with what is seen, which is what somebody says who controls the page by voice
    const name = cockpit.format(_("$0: $1. $2"), label, word, what);
    return (
        <g className={`vms-way vms-way-${state} ${isCurrent ? "vms-way-current" : ""}`}
           data-vector={vector.id} data-state={state}
           role="button" tabIndex={0} aria-label={name} aria-expanded={isCurrent}
           onClick={() => choose(vector.id, false)} onKeyDown={keyDown}>
            <title>{name}</title>
            <path className="vms-way-hit" d={drawing.whole} />
            <Arrow state={state} drawing={drawing} />
            <circle className="vms-way-ring" cx={drawing.gate[0]} cy={drawing.gate[1]} r="31" />
            <PictureText className="vms-way-label" x={x} y={y} room={room} size={15} grow={grow} anchor={anchor}
                         words={[{ text: label }, { text: word, className: "vms-way-word" }]} />
        </g>
    );
});

export function PictureDrawing({ name, ways, current, choose }: {
    name: string, ways: Way[], current: string, choose: (id: string, byKey: boolean) => void,
}) {
    return (
        <svg className="vms-picture" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="group"
             aria-label={cockpit.format(_("Attack picture of $0"), name)}>
            <Zones />
            {Object.entries(NODES).map(([id, box]) => <NodeBox key={id} id={id} box={box} name={name} />)}
            {ways.map(way => (
                <ArrowButton key={way.vector.id} way={way} isCurrent={way.vector.id === current} choose={choose} />
            ))}
        </svg>
    );
}
