/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where everything in the attack picture is, in the units of its viewBox. The arrows cross nowhere: the ways from the
 * guest past QEMU to the host run on one side of it, other VMs and storage lie on the other, one inside the other.
 * Everything is drawn for left-to-right; right-to-left pages mirror the picture as a whole (picture.css).
 */

export const WIDTH = 1040;
export const HEIGHT = 616;

export type Point = readonly [x: number, y: number];

export interface Box { x: number, y: number, width: number, height: number }

/** What is on the network, and the host. */
export const ZONES: { id: "outside" | "host", box: Box }[] = [
    { id: "outside", box: { x: 4, y: 4, width: 184, height: 608 } },
    { id: "host", box: { x: 204, y: 4, width: 832, height: 608 } },
];

export const NODES: Record<string, Box> = {
    guest: { x: 390, y: 30, width: 250, height: 134 },
    qemu: { x: 528, y: 288, width: 112, height: 148 },
    host: { x: 220, y: 534, width: 800, height: 62 },
    neighbours: { x: 738, y: 204, width: 142, height: 60 },
    storage: { x: 896, y: 204, width: 124, height: 60 },
    network: { x: 20, y: 238, width: 152, height: 60 },
    consoles: { x: 220, y: 46, width: 136, height: 60 },
    admins: { x: 826, y: 18, width: 194, height: 54 },
    users: { x: 764, y: 390, width: 160, height: 54 },
};

export interface Route {
    /** From the edge of one node to the edge of another, along the axes. */
    points: Point[];
    /** The segment with the gate, and where on it (0 to 1). */
    gate: [segment: number, part: number];
    /** `room`: how wide the words may be; the lines that they then need are added above or below. */
    label: { at: Point, anchor: "start" | "middle" | "end", room: number, grow?: "up" | "down" };
}

export const ROUTES: Record<string, Route> = {
    "guest-qemu": {
        points: [[584, 164], [584, 288]], gate: [0, 0.45], label: { at: [619, 225], anchor: "start", room: 110 },
    },
    "qemu-host": {
        points: [[584, 436], [584, 534]], gate: [0, 0.45], label: { at: [619, 508], anchor: "start", room: 380 },
    },
    "guest-dma": {
        points: [[452, 164], [452, 534]], gate: [0, 0.26], label: { at: [487, 265], anchor: "start", room: 88 },
    },
    "guest-shares": {
        points: [[410, 164], [410, 534]], gate: [0, 0.62], label: { at: [375, 398], anchor: "end", room: 150 },
    },
    "guest-network": {
        points: [[390, 136], [270, 136], [270, 268], [172, 268]], gate: [1, 0.5], label: { at: [306, 196], anchor: "start", room: 96 },
    },
    "network-consoles": {
        points: [[52, 238], [52, 76], [220, 76]], gate: [0, 0.45], label: { at: [88, 170], anchor: "start", room: 94 },
    },
    "network-management": {
        points: [[52, 298], [52, 565], [220, 565]], gate: [0, 0.5], label: { at: [88, 437], anchor: "start", room: 94 },
    },
    "admins-memory": {
        points: [[826, 45], [640, 45]], gate: [0, 0.6], label: { at: [820, 35], anchor: "end", room: 76 },
    },
    "boot-chain": {
        points: [[958, 204], [958, 100], [640, 100]], gate: [1, 0.25], label: { at: [842, 91], anchor: "end", room: 190 },
    },
    "side-channels": {
        points: [[640, 142], [809, 142], [809, 204]], gate: [0, 0.28], label: { at: [724, 134], anchor: "start", room: 220 },
    },
    "qemu-neighbours": {
        points: [[640, 312], [809, 312], [809, 264]], gate: [0, 0.28], label: { at: [724, 304], anchor: "start", room: 78 },
    },
    "qemu-storage": {
        points: [[640, 358], [958, 358], [958, 264]], gate: [0, 0.74], label: { at: [842, 350], anchor: "end", room: 190 },
    },
    "users-vm": {
        points: [[764, 417], [640, 417]], gate: [0, 0.5], label: { at: [702, 456], anchor: "middle", room: 124, grow: "down" },
    },
};

/** One line of a text, and by how much it must be smaller to fit. */
export interface Line { text: string, scale: number }

/** As few lines as fit into the room; a word that is too long for a line of its own is shrunk. */
export function fitted(text: string, room: number, widthOf: (text: string) => number): Line[] {
    const lines: string[] = [];
    for (const word of text.split(" ")) {
        const last = lines.at(-1);
        if (last !== undefined && widthOf(`${last} ${word}`) <= room)
            lines[lines.length - 1] = `${last} ${word}`;
        else
            lines.push(word);
    }
    return lines.map(text => ({ text, scale: Math.min(1, room / Math.max(1, widthOf(text))) }));
}

const RADIUS = 16;
/** Room for the arrowhead and for the width of a node's border. */
const HEAD = 11;

/** A line along the points with rounded corners. */
export function pathOf(points: readonly Point[]): string {
    const parts: string[] = [];
    points.forEach((point, i) => {
        const [before, after] = [points[i - 1], points[i + 1]];
        if (!before) {
            parts.push(`M${point.join()}`);
        } else if (!after) {
            parts.push(`L${point.join()}`);
        } else {
            const [start, end] = [towards(point, before, RADIUS), towards(point, after, RADIUS)];
            parts.push(`L${start.join()}Q${point.join()},${end.join()}`);
        }
    });
    return parts.join("");
}

/** The point at a distance from one on the way to another, or that one if it is nearer. */
function towards([x, y]: Point, [toX, toY]: Point, distance: number): Point {
    const length = Math.hypot(toX - x, toY - y);
    const part = length === 0 ? 0 : Math.min(1, distance / length);
    return [x + (toX - x) * part, y + (toY - y) * part];
}

export interface Drawing {
    /** The line as a whole, to the gate, and from there to the foot of the arrowhead. */
    whole: string;
    before: string;
    after: string;
    head: string;
    gate: Point;
    /** Which way the gate is passed. */
    along: Point;
}

export function draw({ points, gate: [segment, part] }: Route): Drawing {
    const at = (i: number): Point => points[i] ?? [0, 0];
    const last = points.length - 1;
    const [start, end] = [at(segment), at(segment + 1)];
    const gate: Point = [start[0] + (end[0] - start[0]) * part, start[1] + (end[1] - start[1]) * part];
    const length = Math.hypot(end[0] - start[0], end[1] - start[1]);
    const tip = at(last);
    const foot = towards(tip, at(last - 1), HEAD);
    const [dx, dy]: Point = [(tip[0] - foot[0]) / HEAD, (tip[1] - foot[1]) / HEAD];
    const wing = (side: number) => [foot[0] - dy * side, foot[1] + dx * side].join();
    return {
        whole: pathOf([...points.slice(0, last), foot]),
        before: pathOf([...points.slice(0, segment + 1), gate]),
        after: pathOf([gate, ...points.slice(segment + 1, last), foot]),
        head: `M${wing(7)}L${tip.join()}L${wing(-7)}Z`,
        gate,
        along: [(end[0] - start[0]) / length, (end[1] - start[1]) / length],
    };
}

/** How far a gate reaches on each side of its line, and where its leaves meet the sign in the middle. */
const REACH = 25;
const INNER = 15;

/** One leaf of a gate, closed across the line or swung open along it. */
export function leaf([x, y]: Point, [dx, dy]: Point, side: 1 | -1, isOpen: boolean): string {
    const at = (along: number, across: number) => [x + dx * along - dy * across, y + dy * along + dx * across].join();
    return `M${at(0, side * REACH)}L${isOpen ? at(12, side * (REACH - 3)) : at(0, side * INNER)}`;
}
