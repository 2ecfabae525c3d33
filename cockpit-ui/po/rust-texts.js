/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The program's texts that reach the page: of the checks and vectors, and the sentences (or parts of them) that
 * format! makes. A placeholder becomes $0, $1 …, as in the page's own texts; src/sentences.ts finds a sentence's
 * template again.
 */

import { tokens, withoutTests } from "./rust-lexer.js";
import { NOT_TEXTS, WORDS } from "./words.js";

const CHECK_FIELDS = ["title", "why", "fix", "impact", "needs"];

/** Calls whose argument is looked for or printed elsewhere, not shown on the page. */
const NOT_SHOWN = new Set([
    "starts_with", "ends_with", "strip_prefix", "strip_suffix", "contains", "split", "split_once", "rsplit_once", "splitn",
    "find", "rfind", "join", "expect", "name", "custom", "trim_matches", "trim_start_matches", "trim_end_matches",
    "eprintln", "println", "panic", "unreachable", "assert", "assert_eq", "debug_assert", "write_str", "matches_str",
]);
const FORMATS = new Set(["format", "write", "writeln", "bail", "anyhow", "ensure", "format_args"]);

/** A place where a fact was read: a command, a path, an element. It is the same in all languages. */
const PLACE = /^(?![^]*\.$)(\/|<|~\/|org\.|virsh |stat |ls -Z |uname |ip -d |virConnect|#|-{2,})/;

/**
 * A part that is put behind another comes without its comma: sentences are taken apart there.
 * `{name}`, `{}` and `{:04o}` as $0, $1 …; two that touch are one, as nobody can tell them apart again.
 */
export function template(format) {
    let number = 0;
    return format
            .replace(/\{\{|\}\}|(?:\{[^{}]*\})+/g, match => {
                if (match === "{{" || match === "}}")
                    return match[0];
                return `$${number++}`;
            })
            .replace(/^[\s,;]+|\s+$/g, "");
}

function isText(id) {
    if (WORDS.has(id))
        return true;
    if (NOT_TEXTS.has(id) || PLACE.test(id))
        return false;
    const plain = id.replace(/`[^`]*`|\$\d+/g, " ");
    const words = plain.match(/[A-Za-z][a-z'’]+/g) ?? [];
    return /\s/.test(id) && (words.some(word => word.length > 2) || words.join("").length >= 4);
}

/** The call or macro in whose brackets the token at `at` stands: {name, isMacro}. */
function callOf(list, at) {
    let depth = 0;
    for (let i = at - 1; i >= 0; i--) {
        const { kind, text } = list[i];
        if (kind !== "mark")
            continue;
        if (")]}".includes(text)) {
            depth++;
        } else if ("([{".includes(text) && depth-- === 0) {
            const isMacro = list[i - 1]?.text === "!";
            const named = list[isMacro ? i - 2 : i - 1];
            return text === "{" || named?.kind !== "word" ? null : { name: named.text, isMacro };
        }
    }
    return null;
}

function isFormat(list, at) {
    const call = callOf(list, at);
    if (!call?.isMacro || !FORMATS.has(call.name))
        return false;
    return list[at - 1].text === "(" || /^write/.test(call.name);
}

/** The texts of a source: {id, plural?, line, what?}. */
export function rustTexts(source) {
    const list = withoutTests(tokens(source));
    const found = [];
    let check = null;
    list.forEach((token, at) => {
        const before = list[at - 1]?.text;
        const isField = before === ":" && list[at - 2]?.kind === "word" && list[at - 3]?.text !== ":";
        const field = isField ? list[at - 2].text : null;
        if (token.kind === "word" && token.text === "Check" && list[at + 1]?.text === "{")
            check = null;
        if (token.kind !== "string")
            return;
        if (field === "id")
            check = token.text;
        const call = callOf(list, at);
        if (call?.name === "counted" && before === ",") {
            found.push({ id: `$0 ${token.text}`, plural: `$0 ${token.text}s`, line: token.line });
            return;
        }
        if (CHECK_FIELDS.includes(field) && check) {
            found.push({ id: token.text, line: token.line, what: `${check}: ${field}` });
            return;
        }
        const next = list[at + 1]?.text;
        const isCompared = (before === "=" && "=!".includes(list[at - 2]?.text)) || (next === "=" && (list[at + 2]?.text === ">" || list[at + 2]?.text === "="))
            || next === "|" || before === "|" && list[at - 2]?.kind === "string";
        if (isCompared || NOT_SHOWN.has(call?.name))
            return;
        const id = isFormat(list, at) ? template(token.text) : token.text.replace(/^[\s,;]+|\s+$/g, "");
        if (field === "title" || field === "what" || call?.name === "barrier" || call?.name === "essential") {
            if (/^[A-Z]/.test(id) || isText(id))
                found.push({ id, line: token.line });
            return;
        }
        if (isText(id))
            found.push({ id, line: token.line });
    });
    return found;
}
