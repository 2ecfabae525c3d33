#!/usr/bin/env node
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Puts the translations into AppStream's metainfo, which is kept with them in git: `make metainfo` */

import fs from "node:fs";
import { fileURLToPath } from "node:url";

import gettextParser from "gettext-parser";

import { languages } from "../po.js";

const here = fileURLToPath(new URL("./", import.meta.url));
const file = fileURLToPath(new URL("../../packaging/io.github.cockpit_vm_security.metainfo.xml", import.meta.url));

const escaped = text => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

/** The metainfo with each text in all languages, behind the English one. */
export function translatedMetainfo(source) {
    const all = languages(here).map(language =>
        [language, gettextParser.po.parse(fs.readFileSync(`${here}${language}.po`), "utf8").translations[""]]);
    return source.replace(/\n *<(\w+) xml:lang="[^"]*">[^<]*<\/\1>/g, "")
            .replace(/\n( *)<(name|summary|p|li)>([^<]+)<\/\2>/g, (original, indent, element, text) => {
                const id = text.replace(/\s+/g, " ").trim();
                return original + all.flatMap(([language, texts]) => texts[id]
                    ? `\n${indent}<${element} xml:lang="${language}">${escaped(texts[id].msgstr[0])}</${element}>`
                    : []).join("");
            });
}

export const metainfo = () => fs.readFileSync(file, "utf8");

if (process.argv[1] === fileURLToPath(import.meta.url))
    fs.writeFileSync(file, translatedMetainfo(metainfo()));
