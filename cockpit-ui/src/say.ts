/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the program says, in the page's language: English until language.ts has another. */

let translate = (text: string): string => text;

/** A sentence of the program, a title, a reason. What is in no catalogue stays as it is. */
export const say = (text: string): string => translate(text);

/** A piece of evidence: "(not set)" and the like. A single word is a value, and those are the same in all languages. */
export const sayValue = (value: string): string => /\s|^\(/.test(value) ? translate(value) : value;

/** Of the host and the VMs that were seen: they stay as they are in every sentence, also "none". */
export const names = new Set<string>();

export function speak(how: (text: string) => string): void {
    translate = how;
}
