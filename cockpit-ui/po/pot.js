#!/usr/bin/env node
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes po/vm-security.pot: what a translator gets. `make pot` */

import fs from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

import gettextParser from "gettext-parser";

import { catalogue } from "./catalogue.js";

const here = path.dirname(fileURLToPath(import.meta.url));

const HEADERS = {
    "Project-Id-Version": "cockpit-vm-security",
    "Content-Type": "text/plain; charset=UTF-8",
    "Content-Transfer-Encoding": "8bit",
    "Language": "",
    "Plural-Forms": "nplurals=INTEGER; plural=EXPRESSION;",
    "MIME-Version": "1.0",
};

/** Entries of catalogue() as the text of a .pot file. */
export function pot(entries) {
    const translations = { "": { "": { msgid: "", msgstr: [""] } } };
    for (const { id, plural, context, references, comments } of entries) {
        const texts = translations[context ?? ""] ??= {};
        texts[id] = {
            msgid: id,
            ...context && { msgctxt: context },
            ...plural && { msgid_plural: plural },
            msgstr: plural ? ["", ""] : [""],
            comments: { reference: references.join("\n"), extracted: comments.join("\n") },
        };
    }
    return `${gettextParser.po.compile({ charset: "utf-8", headers: HEADERS, translations }, { foldLength: 0 })}\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url))
    fs.writeFileSync(path.join(here, "vm-security.pot"), pot(catalogue()));
