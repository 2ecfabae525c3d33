/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Each language has every text, and each translation keeps what is not a word. */

import assert from "node:assert/strict";
import fs from "node:fs";
import { describe, test } from "node:test";
import { fileURLToPath } from "node:url";

import gettextParser from "gettext-parser";

import { compilePo, languages } from "../po.js";
import { catalogue } from "../po/catalogue.js";
import { metainfo, translatedMetainfo } from "../po/metainfo.js";
import { pseudoPo } from "../po/pseudo.js";

const directory = fileURLToPath(new URL("../po/", import.meta.url));
const entries = catalogue();

test("there are languages, and texts", () => {
    assert.ok(languages(directory).length > 0);
    assert.ok(entries.length > 3000);
    assert.ok(entries.some(({ id, isProgram }) => id === "VM security" && !isProgram), "the page's own");
    assert.ok(entries.some(({ comments }) => comments.includes("vm.tpm: why")), "those of checks");
});

const placeholders = text => (text.match(/\$\d+/g) ?? []).sort().join();
const code = text => (text.match(/`[^`]*`/g) ?? []).sort().join();

/** What is wrong with a translation of one of these texts. */
function faults(originals, text) {
    return [
        !text.trim() && "is empty",
        // "one" may stand for $0 in a singular
        !originals.some(original => placeholders(original) === placeholders(text)) &&
            !(originals.length > 1 && !text.includes("$")) && "has other placeholders",
        code(originals[0]) !== code(text) && "has other code",
        text !== text.trim() && "has blanks around it",
        // an ideographic full stop is one, too
        /[^.]\.$/.test(originals[0]) !== /[^.]\.$|。$/.test(text) && "ends differently",
    ].filter(Boolean);
}

for (const language of languages(directory)) {
    describe(`The language ${language}`, () => {
        const content = fs.readFileSync(`${directory}${language}.po`);
        const { translations, headers } = gettextParser.po.parse(content, "utf8");

        test("has all texts, well kept", () => {
            const wrong = entries.flatMap(({ id, plural, context }) => {
                const text = translations[context ?? ""]?.[id];
                if (!text)
                    return [`${id}: is missing`];
                if (text.comments?.flag?.includes("fuzzy"))
                    return [`${id}: is fuzzy`];
                if ((text.msgid_plural ?? null) !== (plural ?? null))
                    return [`${id}: has another plural`];
                const originals = plural ? [id, plural] : [id];
                return text.msgstr.flatMap(form => faults(originals, form).map(what => `${id}: ${what}: ${form}`));
            });
            assert.deepEqual(wrong, []);
        });

        test("has no texts that are no more", () => {
            const known = new Set(entries.map(({ id, context }) => `${context ?? ""}\u0004${id}`));
            const old = Object.entries(translations).flatMap(([context, texts]) =>
                Object.keys(texts).filter(id => id && !known.has(`${context}\u0004${id}`)));
            assert.deepEqual(old, []);
        });

        test("says which it is", () => assert.equal(headers["Language"] ?? headers["language"], language));
    });
}

test("the metainfo has the translations (make metainfo)", () =>
    assert.equal(metainfo(), translatedMetainfo(metainfo())));

test("what is compiled is what Cockpit and the page expect", async () => {
    const files = Object.fromEntries(compilePo("de", pseudoPo(entries), new Set(["cockpit-ui/src/page-status.ts"])));
    const locales = {};
    for (const name of ["po.de.js", "po.manifest.de.js"])
        new Function("cockpit", files[name])({ locale: texts => { locales[name] = texts } });
    const header = locales["po.de.js"][""];
    assert.equal(header.language, "de");
    assert.equal(Number(header["plural-forms"](1)), 0);
    assert.equal(Number(header["plural-forms"](2)), 1);
    assert.deepEqual(Object.keys(locales["po.manifest.de.js"]).slice(0, 2), ["", "VM security"]);
    assert.ok(locales["po.de.js"]["The host has critical findings"], "what a preloaded page says");
    assert.ok(Object.keys(locales["po.de.js"]).length < 60, "and little else");

    const { default: texts } = await import(`data:text/javascript,${encodeURIComponent(files["texts.de.js"])}`);
    assert.ok(texts.page["Failed"]?.[1]);
    assert.ok(texts.program["No such file or directory"]?.[1]);
    assert.equal(texts.program["Failed"], undefined, "the program's sentences are not taken apart by the page's words");
});
