/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The ways of attack: the table of them as it comes with the checks, and how each stands for a VM.
 * Counterpart: bridge/src/vectors/.
 */

import { arrayOf, get, object, oneOf, string, versioned, type Importer } from "./importers";
import { isObject, type Json } from "./merge-patch";

/** The worst first. */
export const STATES = ["open", "partly", "unknown", "blocked", "not-applicable"] as const;
export const STRENGTHS = ["broken", "weak", "unknown", "holds", "not-applicable"] as const;

export type State = typeof STATES[number];
export type Strength = typeof STRENGTHS[number];

export interface Standing {
    state: State;
    /** Of the vector's barriers, in their order. */
    barriers: Strength[];
}

export interface Barrier {
    id: string;
    title: string;
    /** The ids of those that prove it, of the VM and of the host. */
    checks: string[];
}

export interface Vector {
    id: string;
    from: string;
    to: string;
    title: string;
    what: string;
    /** "depth": one barrier behind the other; "every": side by side, and the weakest counts. */
    logic: string;
    barriers: Barrier[];
}

/** One arrow of the picture: a vector as a VM meets it. */
export interface Way {
    vector: Vector;
    state: State;
    barriers: { barrier: Barrier, strength: Strength }[];
}

const standing: Importer<Standing> = (value, path) => {
    const obj = object(value, path);
    return {
        state: get(obj, path, "state", oneOf(STATES)),
        barriers: get(obj, path, "barriers", arrayOf(oneOf(STRENGTHS))),
    };
};

export const standings: Importer<Map<string, Standing>> = (value, path) =>
    new Map(Object.entries(value === undefined ? {} : object(value, path))
            .map(([id, s]) => [id, standing(s, `${path}["${id}"]`)]));

const barrier: Importer<Barrier> = (value, path) => {
    const obj = object(value, path);
    return {
        id: get(obj, path, "id", string),
        title: get(obj, path, "title", string),
        checks: get(obj, path, "checks", arrayOf(string)),
    };
};

const vector: Importer<Vector> = (value, path) => {
    const obj = object(value, path);
    const text = (key: string) => get(obj, path, key, string);
    return {
        id: text("id"),
        from: text("from"),
        to: text("to"),
        title: text("title"),
        what: text("what"),
        logic: text("logic"),
        barriers: get(obj, path, "barriers", arrayOf(barrier)),
    };
};

/** The table out of the answer of the view `checks`, in the picture's order. */
export function importVectors(value: Json): Vector[] {
    return isObject(value) && value["vectors"] === undefined ? [] : get(versioned(value), "", "vectors", arrayOf(vector));
}

/** The arrows that the report knows something about, in the table's order. */
export function toWays(vectors: readonly Vector[], standings: ReadonlyMap<string, Standing>): Way[] {
    return vectors.flatMap(vector => {
        const standing = standings.get(vector.id);
        if (!standing)
            return [];
        const barriers = vector.barriers.map((barrier, i) => ({ barrier, strength: standing.barriers[i] ?? "unknown" }));
        return [{ vector, state: standing.state, barriers }];
    });
}

export function worstWaysFirst(ways: readonly Way[]): Way[] {
    return [...ways].sort((a, b) => STATES.indexOf(a.state) - STATES.indexOf(b.state));
}

export function countStates(ways: readonly Way[]): Map<State, number> {
    const counts = new Map<State, number>();
    for (const { state } of ways)
        counts.set(state, (counts.get(state) ?? 0) + 1);
    return counts;
}
