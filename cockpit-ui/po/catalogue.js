/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* All that is to be translated, from the sources of the page and of the program. */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import { htmlTexts, manifestTexts, metainfoTexts, pageTexts } from "./page-texts.js";
import { rustTexts } from "./rust-texts.js";
import { FOREIGN } from "./words.js";

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), "../..");

/** What does not reach the page: the command line, the printed reports, Cockpit's protocol, tests. */
const ELSEWHERE = new RegExp([
    "^bridge/src/(cli|report|fuzzing|facts/fuzzing|main\\.rs|peer/(frame|control|channel|outbox)\\.rs)",
    "tests?\\.rs$", "/tests/",
].join("|"));

function files(directory, ending) {
    return fs.readdirSync(path.join(root, directory), { recursive: true })
            .map(name => path.posix.join(directory, name))
            .filter(name => ending.test(name))
            .sort();
}

/** Entries of one file: [{id, plural?, context?, line, what?}]. */
function textsOf(file) {
    const source = fs.readFileSync(path.join(root, file), "utf8");
    if (file.endsWith(".rs"))
        return rustTexts(source);
    if (file.endsWith(".html"))
        return htmlTexts(source);
    if (file.endsWith(".xml"))
        return metainfoTexts(source);
    return file.endsWith(".json") ? manifestTexts(JSON.parse(source)) : pageTexts(file, source);
}

/** [{id, plural?, context?, references, comments, isProgram}], each id once. */
export function catalogue() {
    const page = files("cockpit-ui/src", /\.(tsx?|html)$|manifest\.json$/).filter(name => !name.endsWith(".d.ts"));
    const program = files("bridge/src", /\.rs$/).filter(name => !ELSEWHERE.test(name));
    const entries = new Map();
    for (const file of [...page, ...program, ...files("packaging", /\.metainfo\.xml$/)]) {
        for (const { id, plural, context, what } of textsOf(file)) {
            const key = `${context ?? ""}\u0004${id}`;
            const entry = entries.get(key) ?? { id, plural, context, references: [], comments: [], isProgram: false };
            entry.plural ??= plural;
            entry.isProgram ||= file.endsWith(".rs");
            if (!entry.references.includes(file))
                entry.references.push(file);
            if (what && !entry.comments.includes(what))
                entry.comments.push(what);
            entries.set(key, entry);
        }
    }
    for (const id of FOREIGN) {
        const entry = { id, references: ["cockpit-ui/po/words.js"], comments: ["of another program"], isProgram: true };
        entries.set(`\u0004${id}`, entries.get(`\u0004${id}`) ?? entry);
    }
    return [...entries.values()];
}
