/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Languages other than English. Cockpit serves po.LANG.js as po.js, with the few words that a page says when it is
 * preloaded; all others are in texts.LANG.js (po.js at the top of this package), which is loaded with the page itself.
 */

import cockpit from "cockpit";
import type { Locale } from "cockpit";

import { names, speak } from "./say";
import type { Catalogue } from "./sentences";

/** Those with a texts.LANG.js; build.js fills them in. */
declare const LANGUAGES: readonly string[];

interface Texts {
    plural: (n: number) => number | boolean;
    page: Locale;
    program: Catalogue;
}

/** de_AT, and de where that is all there is. */
function known(language: string): string | undefined {
    const wanted = language.replace("-", "_").toLowerCase();
    return [wanted, wanted.replace(/_.*/, "")]
            .map(name => LANGUAGES.find(known => known.toLowerCase() === name)).find(name => name !== undefined);
}

async function load(): Promise<void> {
    const language = known(cockpit.language);
    if (!language)
        return;
    try {
        const [{ Sentences }, { default: texts }] = await Promise.all([
            import("./sentences"),
            // not a module of the bundle: it is of this language
            import(new URL(`texts.${language}.js`, import.meta.url).href) as Promise<{ default: Texts }>,
        ]);
        cockpit.locale(texts.page);
        const sentences = new Sentences(texts.program, texts.plural, text => names.has(text));
        speak(text => sentences.translate(text));
    } catch (error) {
        // better a page in English than none
        console.warn("vm-security: cannot read the texts of this language:", error);
    }
}

let once: Promise<void> | null = null;

/** Must have come to its end before anything is shown. In English nothing is loaded. */
export const loadLanguage = (): Promise<void> => once ??= load();

/** For Intl: as in `de-AT`. */
export const languageTag = (): string => cockpit.language.replace("_", "-");
