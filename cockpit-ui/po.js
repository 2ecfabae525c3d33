/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Translations: po/LANG.po → po.LANG.js (for the pages) and po.manifest.LANG.js (for the menu). */

import fs from "node:fs";
import path from "node:path";

import gettextParser from "gettext-parser";

const RTL = /^(ar|fa|he|ur)(_|$)/;

/** The C expression of a Plural-Forms header as JavaScript; only what such an expression consists of gets through. */
function pluralForms(header) {
    const match = header?.match(/nplurals=\d+;\s*plural=([n0-9\s()?:|&=!<>%+*/-]+);?\s*$/);
    if (!match)
        throw new Error(`Plural-Forms not understood: ${header}`);
    return `(n) => ${match[1].trim().replace(/;$/, "")}`;
}

function messages(po, wanted) {
    const lines = [];
    for (const [context, texts] of Object.entries(po.translations)) {
        for (const [id, text] of Object.entries(texts)) {
            const flags = text.comments?.flag ?? "";
            if (id === "" || flags.includes("fuzzy") || text.msgstr.every(s => !s))
                continue;
            if (!wanted((text.comments?.reference ?? "").split(/\s+/)))
                continue;
            const key = context ? `${context}\u0004${id}` : id;
            lines.push(`${JSON.stringify(key)}: ${JSON.stringify([text.msgid_plural ?? null, ...text.msgstr])}`);
        }
    }
    return lines;
}

/** The generated files as [name, content]. */
export function compilePo(dir) {
    if (!fs.existsSync(dir))
        return [];
    return fs.readdirSync(dir).filter(name => name.endsWith(".po")).flatMap(name => {
        const language = name.slice(0, -3);
        const po = gettextParser.po.parse(fs.readFileSync(path.join(dir, name)), "utf8");
        const plural = Object.entries(po.headers).find(([key]) => key.toLowerCase() === "plural-forms")?.[1];
        const head = `"": {"plural-forms": ${pluralForms(plural)}, "language": ${JSON.stringify(language)}, ` +
            `"language-direction": "${RTL.test(language) ? "rtl" : "ltr"}"}`;
        const write = lines => `cockpit.locale({${[head, ...lines].join(",\n")}});\n`;
        const isManifest = references => references.some(r => r.includes("manifest.json"));
        return [
            [`po.${language}.js`, write(messages(po, () => true))],
            [`po.manifest.${language}.js`, write(messages(po, isManifest))],
        ];
    });
}
