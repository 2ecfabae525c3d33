/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { draw, HEIGHT, NODES, ROUTES, WIDTH, ZONES } from "../src/picture-layout";
import type { Box, Point } from "../src/picture-layout";
import { countStates, importVectors, toWays, worstWaysFirst } from "../src/vectors";
import type { Standing, Vector } from "../src/vectors";

function vector(id: string, barriers: string[] = []): Vector {
    return {
        id, from: "guest", to: "host", title: "T", what: "W.", logic: "depth",
        barriers: barriers.map(barrier => ({ id: barrier, title: barrier, checks: ["vm.tpm"] })),
    };
}

const VECTORS = [vector("a", ["one", "two"]), vector("b"), vector("c"), vector("unheard-of")];
const STANDINGS = new Map<string, Standing>([
    ["c", { state: "open", barriers: [] }],
    ["a", { state: "unknown", barriers: ["holds"] }],
    ["b", { state: "not-applicable", barriers: [] }],
    ["newer", { state: "open", barriers: [] }],
]);

void test("the table comes with the checks, and a program without one has none", () => {
    assert.deepEqual(importVectors({ version: 1, checks: [], vectors: [vector("a", ["x"])] as never }), [vector("a", ["x"])]);
    assert.deepEqual(importVectors({ version: 1, checks: [] }), []);
    assert.throws(() => importVectors({ version: 1, vectors: [{ id: "a" }] }), /^Error: vectors\[0\].from: not a string/);
});

void test("a way of attack is what the table and the report both know; a barrier without a word is not known", () => {
    const ways = toWays(VECTORS, STANDINGS);
    assert.deepEqual(ways.map(way => way.vector.id), ["a", "b", "c"]);
    assert.deepEqual(ways[0]?.barriers.map(({ strength }) => strength), ["holds", "unknown"]);
});

void test("the worst way comes first", () => {
    const ways = worstWaysFirst(toWays(VECTORS, STANDINGS));
    assert.deepEqual(ways.map(way => way.vector.id), ["c", "a", "b"]);
    assert.deepEqual([...countStates(ways)], [["open", 1], ["unknown", 1], ["not-applicable", 1]]);
});

/*
 * THE PICTURE
 */

const touches = (a: Box, b: Box, room: number) =>
    a.x < b.x + b.width + room && b.x < a.x + a.width + room &&
    a.y < b.y + b.height + room && b.y < a.y + a.height + room;

const contains = (outer: Box, inner: Box) =>
    outer.x <= inner.x && outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width && outer.y + outer.height >= inner.y + inner.height;

function segments(points: readonly Point[]): Box[] {
    return points.slice(1).map(([toX, toY], i) => {
        const [x, y] = points[i] ?? [0, 0];
        return { x: Math.min(x, toX), y: Math.min(y, toY), width: Math.abs(toX - x), height: Math.abs(toY - y) };
    });
}

void test("nodes lie inside the picture and inside a zone, apart from each other", () => {
    const boxes = Object.entries(NODES);
    for (const [id, box] of boxes) {
        assert.ok(contains({ x: 0, y: 0, width: WIDTH, height: HEIGHT }, box), id);
        assert.equal(ZONES.filter(zone => contains(zone.box, box)).length, 1, id);
        for (const [other, otherBox] of boxes)
            assert.ok(other === id || !touches(box, otherBox, 10), `${id} and ${other}`);
    }
});

void test("arrows run along the axes, from the edge of a node to that of another, through no third one", () => {
    for (const [id, { points }] of Object.entries(ROUTES)) {
        const ends = [points.at(0), points.at(-1)].map(point => {
            const [x, y] = point ?? [0, 0];
            return Object.entries(NODES).find(([, box]) => touches(box, { x, y, width: 0, height: 0 }, 0.5))?.[0];
        });
        assert.ok(ends[0] && ends[1] && ends[0] !== ends[1], `${id}: ${ends.join(" → ")}`);
        for (const segment of segments(points)) {
            assert.ok(segment.width === 0 || segment.height === 0, id);
            for (const [node, box] of Object.entries(NODES))
                assert.ok(ends.includes(node) || !touches(box, segment, 4), `${id} runs through ${node}`);
        }
    }
});

void test("no two arrows cross or touch", () => {
    const routes = Object.entries(ROUTES).map(([id, { points }]) => ({ id, lines: segments(points) }));
    for (const a of routes) {
        for (const b of routes) {
            const meet = a.id !== b.id && a.lines.some(line => b.lines.some(other => touches(line, other, 8)));
            assert.ok(!meet, `${a.id} and ${b.id}`);
        }
    }
});

void test("a gate lies on its line, and the signs of two are apart", () => {
    const gates = Object.entries(ROUTES).map(([id, route]) => ({ id, at: draw(route).gate }));
    for (const { id, at: [x, y] } of gates) {
        const route = ROUTES[id];
        assert.ok(route && segments(route.points).some(line => touches(line, { x, y, width: 0, height: 0 }, 0.5)), id);
        for (const other of gates)
            assert.ok(other.id === id || Math.hypot(other.at[0] - x, other.at[1] - y) > 40, `${id} and ${other.id}`);
    }
});
