/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A language for tests: every letter is a foreign one, and words are longer, as German ones are. What is still in plain
 * letters on the page was not translated, or is a name.
 */

import gettextParser from "gettext-parser";

const PLAIN = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
const FOREIGN = [..."åƀçđéƒğĥïĵķľɱñøþǫřšŧüṽŵẋýžÅƁÇĐÉƑĞĤÎĴĶĽṀÑØÞǪŘŠŦÛṼŴẊÝŽ"];
const VOWEL = /[aeiouy](?=[a-z])/g;

/** Placeholders and `code` stay. */
export const pseudo = text => text.split(/(\$\d+|`[^`]*`)/).map((part, i) => i % 2 === 1
    ? part
    : part.replace(VOWEL, vowel => vowel + vowel).replace(/[A-Za-z]/g, letter => FOREIGN[PLAIN.indexOf(letter)])).join("");

/** Entries of the catalogue as the content of a .po file. */
export function pseudoPo(entries) {
    const translations = { "": {} };
    for (const { id, plural, context } of entries) {
        (translations[context ?? ""] ??= {})[id] = {
            msgid: id, ...context && { msgctxt: context }, ...plural && { msgid_plural: plural },
            msgstr: plural ? [pseudo(id), pseudo(plural)] : [pseudo(id)],
        };
    }
    const headers = { "Plural-Forms": "nplurals=2; plural=(n != 1);" };
    return gettextParser.po.compile({ charset: "utf-8", headers, translations });
}
