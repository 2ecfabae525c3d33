/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Translations, for each po/LANG.po:
 *   po.LANG.js            what a preloaded page says; Cockpit serves it as po.js
 *   po.manifest.LANG.js   the menu
 *   texts.LANG.js         all else, which the page itself loads (src/language.ts)
 */

import fs from "node:fs";
import path from "node:path";

import gettextParser from "gettext-parser";

import { catalogue } from "./po/catalogue.js";

const RTL = /^(ar|fa|he|ur)(_|$)/;

/** The C expression of a Plural-Forms header as JavaScript; only what such an expression consists of gets through. */
function pluralForms(header) {
    const match = header?.match(/nplurals=\d+;\s*plural=([n0-9\s()?:|&=!<>%+*/-]+);?\s*$/);
    if (!match)
        throw new Error(`Plural-Forms not understood: ${header}`);
    return `(n) => ${match[1].trim().replace(/;$/, "")}`;
}

/** Entries of the catalogue as Cockpit has them; those that are not translated are left out. */
function messages(po, entries) {
    return entries.flatMap(({ id, context }) => {
        const text = po.translations[context ?? ""]?.[id];
        if (!text || text.comments?.flag?.includes("fuzzy") || text.msgstr.some(s => !s))
            return [];
        const key = context ? `${context}\u0004${id}` : id;
        return `${JSON.stringify(key)}: ${JSON.stringify([text.msgid_plural ?? null, ...text.msgstr])}`;
    });
}

const braced = lines => `{${lines.join(",\n")}}`;

export const languages = dir =>
    fs.readdirSync(dir).filter(name => name.endsWith(".po")).map(name => name.slice(0, -3)).sort();

/** The files of one language as [name, content]. `preloaded`: the sources of what runs before the page is shown. */
export function compilePo(language, content, preloaded) {
    const entries = catalogue();
    const po = gettextParser.po.parse(content, "utf8");
    const plural = pluralForms(Object.entries(po.headers).find(([key]) => key.toLowerCase() === "plural-forms")?.[1]);
    const head = `"": {"plural-forms": ${plural}, "language": ${JSON.stringify(language)}, ` +
        `"language-direction": "${RTL.test(language) ? "rtl" : "ltr"}"}`;
    const locale = entries => `cockpit.locale(${braced([head, ...messages(po, entries)])});\n`;
    const isManifest = entry => entry.references.some(name => name.endsWith("/manifest.json"));
    const isPreloaded = entry => isManifest(entry) || entry.references.some(name => preloaded.has(name));
    const page = entries.filter(({ references }) => references.some(name => name.startsWith("cockpit-ui/src/")));
    const program = entries.filter(({ isProgram }) => isProgram);
    return [
        [`po.${language}.js`, locale(entries.filter(isPreloaded))],
        [`po.manifest.${language}.js`, locale(entries.filter(isManifest))],
        [`texts.${language}.js`, `export default {plural: ${plural},\npage: ${braced(messages(po, page))},\n` +
            `program: ${braced(messages(po, program))}};\n`],
    ];
}

/** Of all languages. */
export const compileAll = (dir, preloaded) => languages(dir).flatMap(language =>
    compilePo(language, fs.readFileSync(path.join(dir, `${language}.po`)), preloaded));
