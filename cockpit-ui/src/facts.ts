/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The facts that the findings rest on, as the program's view `facts` sends them: a tree in which an object with an
 * `origin` and a `value`, or with `missing` (the reason), is a fact. Facts may lie inside a fact's value.
 */

import { isObject, type Json, type JsonObject } from "./merge-patch";

export interface Fact {
    /** Where in the tree, e.g. `kernel.cmdline`; keys the fact among those of its group. */
    path: string;
    origin: string;
    /** null: it is not there; `missing` says why it was not read. */
    value: string | null;
    missing?: string;
}

/** The facts of one source or topic: the tree's topmost key. */
export interface Topic {
    id: string;
    facts: Fact[];
}

export interface Evidence {
    host: Topic[];
    vm: Topic[];
}

/** Deeper than anything that the program sends. */
const MAX_DEPTH = 16;

function isFact(value: Json | undefined): value is JsonObject & { origin: string } {
    return isObject(value) && typeof value["origin"] === "string" &&
        (Object.hasOwn(value, "value") || typeof value["missing"] === "string");
}

function holdsFacts(value: Json | undefined, depth = 0): boolean {
    if (typeof value !== "object" || value === null || depth > MAX_DEPTH)
        return false;
    return isFact(value) || Object.values(value).some(part => holdsFacts(part, depth + 1));
}

/** What is left of a value without the facts in it: they are listed by themselves. */
function plain(value: Json): Json {
    if (typeof value !== "object" || value === null || !holdsFacts(value))
        return value;
    if (Array.isArray(value))
        return value.filter(part => !holdsFacts(part));
    return Object.fromEntries(Object.entries(value).filter(([, part]) => !holdsFacts(part)));
}

const isEmpty = (value: Json): boolean =>
    typeof value === "object" && value !== null && Object.keys(value).length === 0;

/** Words as they are, all else as JSON: what is copied can be read by a program. */
function toText(value: Json): string | null {
    if (value === null || typeof value === "string")
        return value;
    const brief = JSON.stringify(value);
    return typeof value !== "object" || brief.length <= 100 ? brief : JSON.stringify(value, null, 2);
}

function collect(value: Json | undefined, path: string, facts: Fact[], depth = 0): void {
    if (typeof value !== "object" || value === null || depth > MAX_DEPTH)
        return;
    if (isFact(value)) {
        const { origin } = value;
        const inner = value["value"];
        if (typeof value["missing"] === "string") {
            facts.push({ path, origin, value: null, missing: value["missing"] });
        } else if (inner !== undefined) {
            const rest = plain(inner);
            if (rest === inner || !isEmpty(rest))
                facts.push({ path, origin, value: toText(rest) });
        }
        collect(inner, path, facts, depth + 1);
        return;
    }
    for (const [key, part] of Object.entries(value))
        collect(part, path ? `${path}.${key}` : key, facts, depth + 1);
}

function toTopics(tree: Json | undefined): Topic[] {
    if (!isObject(tree))
        return [];
    return Object.entries(tree).map(([id, part]) => {
        const facts: Fact[] = [];
        collect(part, id, facts);
        return { id, facts };
    }).filter(topic => topic.facts.length > 0);
}

/** Out of the answer of the view `facts`: what was read about the host, and about the VM with this UUID. */
export function importFacts(value: Json, uuid: string | null): Evidence {
    if (!isObject(value))
        throw new Error("facts: not an object");
    const vms = Array.isArray(value["vms"]) ? value["vms"] : [];
    const vm = uuid === null ? undefined : vms.find(one => isObject(one) && one["uuid"] === uuid);
    const topmost = Object.entries(value).filter(([key]) => key !== "host" && key !== "vms");
    return { host: [...toTopics(value["host"]), ...toTopics(Object.fromEntries(topmost))], vm: toTopics(vm) };
}

/** As a person would write it down: the same for the copy button and for those who read it. */
export function toLine({ origin, value, missing }: Fact): string {
    return missing === undefined ? `${origin} = ${value ?? "(not there)"}` : `${origin}: ${missing}`;
}

export function factMatches({ path, origin, value, missing }: Fact, wanted: string): boolean {
    const words = wanted.trim().toLocaleLowerCase();
    return [path, origin, value ?? "", missing ?? ""].some(text => text.toLocaleLowerCase().includes(words));
}

/** Keeps what matches; topics without any go. */
export function filterTopics(topics: Topic[], wanted: string): Topic[] {
    if (!wanted.trim())
        return topics;
    return topics.map(topic => ({ ...topic, facts: topic.facts.filter(fact => factMatches(fact, wanted)) }))
            .filter(topic => topic.facts.length > 0);
}

export const countFacts = (topics: Topic[]): number => topics.reduce((sum, topic) => sum + topic.facts.length, 0);

export interface Folded {
    text: string;
    /** Of how many lines; 0: nothing is left out. */
    lines: number;
}

const SHOWN_LINES = 4;
const SHOWN_LENGTH = 300;

/** The beginning of a long value, or, when something is looked for in it, the lines that have it. */
export function fold(value: string, wanted: string): Folded {
    const lines = value.split("\n");
    if (lines.length <= SHOWN_LINES && value.length <= SHOWN_LENGTH)
        return { text: value, lines: 0 };
    const words = wanted.trim().toLocaleLowerCase();
    const found = words ? lines.filter(line => line.toLocaleLowerCase().includes(words)) : [];
    const text = (found.length > 0 ? found : lines).slice(0, SHOWN_LINES).join("\n");
    return { text: text.length > SHOWN_LENGTH ? `${text.slice(0, SHOWN_LENGTH)}…` : text, lines: lines.length };
}
