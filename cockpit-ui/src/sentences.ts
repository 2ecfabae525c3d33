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
    letters: number;
    translated: string[];
}

const WORD = /[A-Za-z]+/g;

type Seam = [seam: string, before: number, after: number];

const DEPTH = 8;
/** How many templates and seams are looked at for one sentence. */
const TRIES = 600;
/** Longer ones are what a hostile source says. */
const LONGEST = 4000;
const CACHE = 10_000;
const PLACEHOLDER = /\$\d+/;
/** Where sentences and lists come apart: how much of it stays with what is before, and where the rest begins. */
const SENTENCES: Seam = [". ", 1, 2];
const SEAMS: Seam[] =
    [["; ", 0, 2], [": ", 0, 2], [", ", 0, 2], [" (", 0, 1], [" for ", 0, 1], [" with", 0, 1], [" as ", 0, 1]];
/** Those behind which nothing is of the same kind. */
const DEEPER = new Set([": ", " (", " for ", " with", " as "]);
/** What stands behind such a word is a name, although it may be one of the program's own words, too. */
const NAMED =
    /\b(bridge|domain|filter|group|image|interface|network|pool|profile|secret|service|unit|user|volume|zone)s? $/i;
const NAME = /^[\w.-]+$/;
/** Templates of a few letters ("$0 to $1") fit much that is not theirs: they count only where the rest is known. */
const LOOSE = 8;
/** A name or a value, as far as that can be seen. */
const NO_WORD = /^(?=.*[\d_/.:<>='A-Z-])[^\s()]+$/;
/** Between two parts that nothing but this separates, the seam may be at a later one. */
const SHORT = 3;
const SEAMS_TRIED = 6;
/** What may stand around a part. */
const WRAPPERS: [open: string, close: string][] = [["(", ")"], ["", "."]];

/** A translation, and how many letters of the original are left in it. */
interface Found {
    text: string;
    left: number;
}

export class Sentences {
    readonly #exact = new Map<string, string>();
    /** By the rarest word of each, which rules most of them out; by "" those without. Most letters first. */
    readonly #templates = new Map<string, Template[]>();
    readonly #parts = new Map<string, Found>();
    readonly #plural: (n: number) => number;
    /** As this language has it between two parts. */
    readonly #colon: string;
    readonly #isName: (text: string) => boolean;
    #tries = 0;

    /** `isName`: what nobody translates, e.g. the names of the VMs. */
    constructor(
        catalogue: Catalogue, plural: (n: number) => number | boolean = n => n !== 1,
        isName: (text: string) => boolean = () => false
    ) {
        this.#isName = isName;
        this.#colon = catalogue["$0: $1"]?.[1]?.split(PLACEHOLDER)[1] ?? ": ";
        this.#plural = n => Number(plural(n));
        const templates: Template[] = [];
        for (const [id, [plural, ...translated]] of Object.entries(catalogue)) {
            const forms = translated.map(form => form ?? "");
            if (!id || forms.some(form => !form))
                continue;
            for (const text of plural ? [id, plural] : [id]) {
                if (PLACEHOLDER.test(text))
                    templates.push(template(text, forms));
                else
                    this.#exact.set(text, forms[0] ?? text);
            }
        }
        const words = templates.map(({ parts }) => wholeWords(parts));
        const counts = new Map<string, number>();
        for (const word of words.flat())
            counts.set(word, (counts.get(word) ?? 0) + 1);
        templates.forEach((template, i) => {
            const rarest = (words[i] ?? []).reduce((a, b) => (counts.get(b) ?? 0) < (counts.get(a) ?? Infinity) ? b : a, "");
            this.#templates.set(rarest, [...this.#templates.get(rarest) ?? [], template]);
        });
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
        if (!/[A-Za-z]/.test(core) || /^'[^']*'$/.test(core) || this.#isName(core))
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
        // no word of a language
        if (NO_WORD.test(text))
            return { text, left: 0 };
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
        yield* this.#apart(text, depth, SENTENCES);
        const words = new Set(["", ...text.match(WORD) ?? []]);
        const templates = [...words].flatMap(word => this.#templates.get(word) ?? []);
        for (const { parts, letters, translated } of templates.sort((a, b) => b.letters - a.letters)) {
            for (const values of captures(parts, text)) {
                if (this.#tries-- <= 0)
                    return;
                const filled = values.map((value, i) => isName(parts[i] ?? "", value, parts[i + 1] ?? "")
                    ? { text: value, left: 0 }
                    : this.#part(value, depth));
                const form = translated.length > 1 ? this.#plural(Number(values[0]) || 0) : 0;
                const template = translated[form] ?? translated[0] ?? text;
                if (letters < LOOSE && filled.some(({ text, left }) => left > 0 && /\s/.test(text)))
                    continue;
                yield {
                    text: template.replace(/\$(\d+)/g, (all, n) => filled[Number(n)]?.text ?? all),
                    left: filled.reduce((sum, { left }) => sum + left, 0),
                };
            }
        }
        for (const [open, close] of WRAPPERS) {
            if (text.startsWith(open) && text.endsWith(close) && text.length > open.length + close.length) {
                const inner = this.#part(text.slice(open.length, -close.length), depth);
                yield { text: open + inner.text + close, left: inner.left };
            }
        }
        for (const seam of SEAMS)
            yield* this.#apart(text, depth, seam);
    }

    *#apart(text: string, depth: number, [seam, before, after]: Seam): Generator<Found> {
        const at = outsideBrackets(text, seam);
        if (at <= 0 || this.#tries-- <= 0)
            return;
        // a list or a row of sentences is as deep as one of them
        const first = this.#part(text.slice(0, at + before), depth);
        const second = this.#part(text.slice(at + after), DEEPER.has(seam) ? depth : depth + 1);
        const between = seam === ": " ? this.#colon : text.slice(at + before, at + after);
        yield { text: first.text + between + second.text, left: first.left + second.left };
    }
}

function template(text: string, translated: string[]): Template {
    const parts = text.split(/\$\d+/);
    return { parts, translated, letters: parts.join("").length };
}

/** Those that a text of this template has as words of its own, too: not what touches a placeholder. */
function wholeWords(parts: string[]): string[] {
    return parts.flatMap((part, i) => part
            .replace(i > 0 ? /^[A-Za-z]+/ : "", "").replace(i < parts.length - 1 ? /[A-Za-z]+$/ : "", "").match(WORD) ?? []);
}

const isName = (before: string, value: string, after: string): boolean =>
    (NAMED.test(before) && NAME.test(value)) || (before.endsWith("'") && after.startsWith("'"));

/** Where the seam is that is in no bracket, or -1. */
function outsideBrackets(text: string, seam: string): number {
    let depth = 0;
    for (let i = 0; i < text.length; i++) {
        if (depth === 0 && text.startsWith(seam, i))
            return i;
        if (text[i] === "(")
            depth++;
        else if (text[i] === ")" && depth > 0)
            depth--;
    }
    return -1;
}

/** What may stand at the placeholders, the shortest first; nothing when the text is not of this template. */
function* captures(parts: string[], text: string): Generator<string[]> {
    const first = parts[0] ?? "";
    const last = parts.at(-1) ?? "";
    const end = text.length - last.length;
    // a part of a sentence is not all of one
    if (!last && text.endsWith(".") && !parts.at(-2)?.endsWith("."))
        return;
    if (text.startsWith(first) && text.endsWith(last) && end >= first.length)
        yield* between(parts.slice(1, -1), text.slice(0, end), first.length);
}

function* between([part, ...rest]: string[], text: string, from: number): Generator<string[]> {
    if (part === undefined) {
        yield [text.slice(from)];
        return;
    }
    let at = text.indexOf(part, from);
    for (let i = 0; at >= 0 && i < (part.length <= SHORT ? SEAMS_TRIED : 1); i++) {
        const value = text.slice(from, at);
        for (const others of between(rest, text, at + part.length))
            yield [value, ...others];
        at = text.indexOf(part, at + 1);
    }
}
