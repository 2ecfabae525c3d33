/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The program writes English sentences with names and values in them. Here they get the language of the page: the
 * catalogue has what the program makes a sentence from, with $0, $1 … for what it fills in. A template that fits a
 * sentence is filled anew with its parts, which are translated the same way; of several ways the one counts that leaves
 * the fewest letters untranslated. What fits nothing stays as it is.
 * A VM's name may hold anything: how much is tried is bounded, and no pattern ever goes back.
 */

/** As Cockpit keeps them: msgid → [plural or null, forms …]. */
export type Catalogue = Record<string, (string | null)[]>;

interface Template {
    /** The literal text between the placeholders, and at both ends. */
    parts: string[];
    /** Its longest word or words, by which most templates are ruled out. */
    longest: string;
    letters: number;
    translated: string[];
}

const DEPTH = 8;
/** How many templates and seams are looked at for one sentence. */
const TRIES = 600;
/** Longer ones are what a hostile source says. */
const LONGEST = 4000;
const CACHE = 10_000;
const PLACEHOLDER = /\$\d+/;
/** Where sentences and lists come apart: how much of it stays with what is before, and where the rest begins. */
const SEAMS: [seam: string, before: number, after: number][] =
    [[". ", 1, 2], ["; ", 0, 2], [": ", 0, 2], [", ", 0, 2], [" (", 0, 1], [" and ", 0, 5],
        [" for ", 0, 1], [" with", 0, 1], [" as ", 0, 1], [". ", 1, 2]];

const DEEPER = new Set([": ", " (", " for ", " with", " as "]);
/** What may stand around a part. */
const WRAPPERS: [open: string, close: string][] = [["(", ")"], ["", "."]];

/** A translation, and how many letters of the original are left in it. */
interface Found {
    text: string;
    left: number;
}

export class Sentences {
    readonly #exact = new Map<string, string>();
    readonly #templates: Template[] = [];
    readonly #parts = new Map<string, Found>();
    readonly #plural: (n: number) => number;
    #tries = 0;

    constructor(catalogue: Catalogue, plural: (n: number) => number | boolean = n => n !== 1) {
        this.#plural = n => Number(plural(n));
        for (const [id, [plural, ...translated]] of Object.entries(catalogue)) {
            const forms = translated.map(form => form ?? "");
            if (!id || forms.some(form => !form))
                continue;
            for (const text of plural ? [id, plural] : [id]) {
                if (PLACEHOLDER.test(text))
                    this.#templates.push(template(text, forms));
                else
                    this.#exact.set(text, forms[0] ?? text);
            }
        }
        this.#templates.sort((a, b) => b.letters - a.letters);
    }

    translate(text: string): string {
        if (text.length > LONGEST)
            return text;
        if (this.#parts.size >= CACHE)
            this.#parts.clear();
        this.#tries = TRIES;
        return this.#part(text, DEPTH).text;
    }

    /** With the blanks around it kept, and the comma by which it follows another. */
    #part(text: string, depth: number): Found {
        const core = text.replace(/^[\s,;]+|\s+$/g, "");
        if (!/[A-Za-z]{2}/.test(core))
            return { text, left: 0 };
        let found = this.#parts.get(core);
        if (!found) {
            found = this.#best(core, depth);
            this.#parts.set(core, found);
        }
        const start = text.indexOf(core);
        return { text: text.slice(0, start) + found.text + text.slice(start + core.length), left: found.left };
    }

    #best(text: string, depth: number): Found {
        const exact = this.#exact.get(text);
        if (exact !== undefined)
            return { text: exact, left: 0 };
        let best = { text, left: text.replace(/[^A-Za-z]+/g, "").length };
        for (const found of depth > 0 ? this.#candidates(text, depth - 1) : []) {
            if (found.left < best.left)
                best = found;
            if (best.left === 0 || this.#tries <= 0)
                break;
        }
        return best;
    }

    *#candidates(text: string, depth: number): Generator<Found> {
        for (const { parts, longest, translated } of this.#templates) {
            if (!text.includes(longest))
                continue;
            const values = captures(parts, text);
            if (!values || this.#tries-- <= 0)
                continue;
            const filled = values.map(value => this.#part(value, depth));
            const form = translated.length > 1 ? this.#plural(Number(values[0]) || 0) : 0;
            const template = translated[form] ?? translated[0] ?? text;
            yield {
                text: template.replace(/\$(\d+)/g, (all, n) => filled[Number(n)]?.text ?? all),
                left: filled.reduce((sum, { left }) => sum + left, 0),
            };
        }
        for (const [open, close] of WRAPPERS) {
            if (text.startsWith(open) && text.endsWith(close) && text.length > open.length + close.length) {
                const inner = this.#part(text.slice(open.length, -close.length), depth);
                yield { text: open + inner.text + close, left: inner.left };
            }
        }
        for (const [seam, before, after] of SEAMS) {
            const at = text.indexOf(seam);
            if (at <= 0 || this.#tries-- <= 0)
                continue;
            // a list or a row of sentences is as deep as one of them
            const below = DEEPER.has(seam) ? depth : depth + 1;
            const first = this.#part(text.slice(0, at + before), depth);
            const second = this.#part(text.slice(at + after), below);
            const between = text.slice(at + before, at + after);
            yield { text: first.text + between + second.text, left: first.left + second.left };
        }
    }
}

function template(text: string, translated: string[]): Template {
    const parts = text.split(/\$\d+/);
    const longest = parts.reduce((a, b) => a.length >= b.length ? a : b);
    return { parts, longest, translated, letters: parts.join("").length };
}

/** What stands at the placeholders, each as short as it can be; undefined when the text is not of this template. */
function captures(parts: string[], text: string): string[] | undefined {
    const first = parts[0] ?? "";
    const last = parts.at(-1) ?? "";
    const end = text.length - last.length;
    if (!text.startsWith(first) || !text.endsWith(last) || end < first.length)
        return undefined;
    const values = [];
    let from = first.length;
    for (const part of parts.slice(1, -1)) {
        const at = text.indexOf(part, from);
        if (at < 0 || at + part.length > end)
            return undefined;
        values.push(text.slice(from, at));
        from = at + part.length;
    }
    values.push(text.slice(from, end));
    return values;
}
