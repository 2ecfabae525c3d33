/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * As much of Rust's grammar as it takes to find its string literals: comments, characters, lifetimes, all kinds of
 * strings, attributes. What stands under #[cfg(test)] is left out.
 */

const ESCAPES = { n: "\n", r: "\r", t: "\t", 0: "\0", "\\": "\\", "'": "'", "\"": "\"" };

function unescape(body) {
    const escape = /\\(?:\r?\n\s*|x([0-9a-fA-F]{2})|u\{([0-9a-fA-F_]+)\}|([\s\S]))/g;
    return body.replace(escape, (all, byte, point, other) => {
        if (byte || point)
            return String.fromCodePoint(parseInt((byte ?? point).replaceAll("_", ""), 16));
        if (other === undefined)
            return "";
        if (!(other in ESCAPES))
            throw new Error(`unknown escape: ${all}`);
        return ESCAPES[other];
    });
}

const TOKEN = new RegExp([
    /(?<space>\s+|\/\/[^\n]*)/,
    /(?<comment>\/\*)/,
    /(?<raw>(?:b|c|br|cr|r)(?=#*")r?(?<hashes>#*)")/,
    /(?<string>"(?<body>(?:[^"\\]|\\[\s\S])*)")/,
    /(?<char>b?'(?:[^'\\]|\\(?:x..|u\{[^}]*\}|.))')/u,
    /(?<lifetime>'[A-Za-z_]\w*)/,
    /(?<word>(?:r#)?[A-Za-z_]\w*)/,
    /(?<number>[0-9][\w]*(?:\.[0-9]\w*)?)/,
    /(?<mark>[^\s\w"])/,
].map(part => part.source).join("|"), "uy");

/** Nested, as Rust has them. */
function endOfComment(source, start) {
    let depth = 1;
    const mark = /\/\*|\*\//g;
    mark.lastIndex = start;
    while (depth > 0) {
        const match = mark.exec(source);
        if (!match)
            throw new Error("a comment has no end");
        depth += match[0] === "/*" ? 1 : -1;
    }
    return mark.lastIndex;
}

/** The tokens of a source: {kind: "string" | "bytes" | "char" | "word" | …, text, line}. */
export function tokens(source) {
    const found = [];
    let [position, line] = [0, 1];
    while (position < source.length) {
        TOKEN.lastIndex = position;
        const match = TOKEN.exec(source);
        if (!match)
            throw new Error(`line ${line}: not understood: ${source.slice(position, position + 40)}`);
        const { groups } = match;
        let end = TOKEN.lastIndex;
        if (groups.comment) {
            end = endOfComment(source, end);
        } else if (groups.raw !== undefined) {
            const isRaw = /r/.test(groups.raw.split("\"")[0]);
            const closing = isRaw ? source.indexOf(`"${groups.hashes}`, end) : closingQuote(source, end);
            if (closing < 0)
                throw new Error(`line ${line}: a string has no end`);
            const body = source.slice(end, closing);
            const isText = !/^[bc]/.test(groups.raw);
            found.push({ kind: isText ? "string" : "bytes", text: body, line });
            end = closing + 1 + groups.hashes.length;
        } else if (groups.string) {
            found.push({ kind: "string", text: unescape(groups.body), line });
        } else if (!groups.space) {
            const kind = ["char", "lifetime", "word", "number", "mark"].find(name => groups[name] !== undefined);
            found.push({ kind, text: match[0], line });
        }
        line += source.slice(position, end).split("\n").length - 1;
        position = end;
    }
    return found;
}

function closingQuote(source, start) {
    for (let at = start; at < source.length; at++) {
        if (source[at] === "\\")
            at++;
        else if (source[at] === "\"")
            return at;
    }
    return -1;
}

const OPEN = { "(": ")", "[": "]", "{": "}" };

/** The index after the bracket that closes the one at `start`. */
function afterBracket(list, start) {
    let depth = 0;
    for (let at = start; at < list.length; at++) {
        if (list[at].kind !== "mark")
            continue;
        if (list[at].text in OPEN)
            depth++;
        else if (Object.values(OPEN).includes(list[at].text) && --depth === 0)
            return at + 1;
    }
    return list.length;
}

const isMark = (token, text) => token?.kind === "mark" && token.text === text;

/** Without attributes, and without what is only compiled for tests. */
export function withoutTests(list) {
    const kept = [];
    for (let at = 0; at < list.length;) {
        const inner = isMark(list[at + 1], "!") ? 1 : 0;
        if (!isMark(list[at], "#") || !isMark(list[at + 1 + inner], "[")) {
            kept.push(list[at++]);
            continue;
        }
        const end = afterBracket(list, at + 1 + inner);
        const attribute = list.slice(at, end).map(token => token.text).join("");
        at = end;
        if (attribute === "#![cfg(test)]")
            return [];
        if (attribute === "#[cfg(test)]")
            at = afterItem(list, at);
    }
    return kept;
}

/** An item ends with its block, or with a semicolon before one. */
function afterItem(list, start) {
    for (let at = start; at < list.length; at++) {
        if (isMark(list[at], ";"))
            return at + 1;
        if (isMark(list[at], "{"))
            return afterBracket(list, at);
        if (isMark(list[at], "(") || isMark(list[at], "["))
            at = afterBracket(list, at) - 1;
    }
    return list.length;
}
