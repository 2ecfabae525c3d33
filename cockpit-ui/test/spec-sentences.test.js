/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Every message and every piece of evidence of the specifications (tests/checks) in a language that has all texts. What
 * is then still in plain letters must be a name or a value out of the example's facts; else a text is missing in the
 * catalogue, or the program puts a sentence together in a way that src/sentences.ts cannot take apart.
 */

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { catalogue } from "../po/catalogue.js";
import { pseudo } from "../po/pseudo.js";
import { Sentences } from "./sentences.js";

const specs = fileURLToPath(new URL("../../tests/checks", import.meta.url));

/** What is the same in all languages, although the example's facts do not have it as a word. */
const SAME = new RegExp(`^(?:${[
    // what another program says
    "the root node was opened but never closed",
    "(?:EOF )?while parsing an object at line", "trailing characters at line",
    // as `ls`, sudo, SELinux and /proc have it: an owner, a rule, a denial, mounts, flags, classes of files
    "(?:uid )?group \\w+", "root", "NOPASSWD", "read write of file", "open of dir", "nfs4|rw|nas", "character",
    "ibpb stibp ssbd",
    // words of configurations: what a key, an option or a state is called there
    "fail|pass|on|off|set", "sandbox on", "quoteGenerationService", "PasswordAuthentication", "vf", "allow", "vepa",
    "spinlocks", "memory|blkio", "gssapi", "swtpm|virtiofsd|passt|none",
    // units and names
    "column", "GiB", "Spectre", "ibpb|or ibpb",
].join("|")})$`);

/** Examples as [name, what they are given, texts]. */
function* examples() {
    for (const file of fs.readdirSync(specs, { recursive: true }).filter(name => name.endsWith(".md")).sort()) {
        for (const example of fs.readFileSync(path.join(specs, file), "utf8").split(/^### /m).slice(1)) {
            const blocks = [...example.matchAll(/^```(\w+)([^\n]*)\n([\s\S]*?)^```$/gm)];
            const isResult = kind => kind === "verdict" || kind === "evidence";
            const given = blocks.filter(([, kind]) => !isResult(kind)).map(([, , head, body]) => `${head}\n${body}`).join("\n");
            yield [`${file}: ${example.split("\n")[0]}`, given, blocks.flatMap(([, kind, , body]) => textsOf(kind, body.trim()))];
        }
    }
}

function textsOf(kind, body) {
    if (kind === "verdict")
        return [body.replace(/\s+/g, " ").replace(/^[a-z-]+: /, "")];
    // as sayValue() has it: a single word is a value
    return kind === "evidence" ? body.split("\n").map(line => line.replace(/^(.*? )?= /, "")).filter(value => /\s|^\(/.test(value)) : [];
}

/** Runs of plain words; no paths, identifiers, numbers with units, and no abbreviations. */
const plainWords = text => text.replace(/`[^`]*`/g, " ").replace(/[^\s(),;]*[\d_/.=@<-][^\s(),;]*(?<![.:])/g, "|")
        .replace(/\b[A-Z][A-Z0-9-]+\b/g, "|").match(/[A-Za-z][\w'-]*(?: [A-Za-z][\w'-]*)*/g)?.filter(run => /[A-Za-z]{2}/.test(run)) ?? [];

test("no sentence of the specifications stays in English", () => {
    const texts = catalogue().filter(({ isProgram }) => isProgram)
            .map(({ id, plural }) => [id, [plural ?? null, pseudo(id), ...plural ? [pseudo(plural)] : []]]);
    const sentences = new Sentences(Object.fromEntries(texts));
    const wrong = [];
    let count = 0;
    for (const [name, given, texts] of examples()) {
        for (const text of texts) {
            count++;
            const left = plainWords(sentences.translate(text)).filter(run => !given.includes(run) && !SAME.test(run));
            if (left.length > 0)
                wrong.push(`${name}\n    ${text}\n    ${left.join(" | ")}`);
        }
    }
    assert.ok(count > 2500, `${count} texts`);
    assert.deepEqual(wrong, []);
});
