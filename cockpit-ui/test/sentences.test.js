/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the program's sentences get another language. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Sentences } from "./sentences.js";

const TEXTS = {
    "The VM is good.": "Die VM ist gut.",
    "The $0 listens on $1.": "Auf $1 lauscht $0.",
    "$0 console (graphics $1)": "$0-Konsole (Grafik $1)",
    "with TLS": "mit TLS",
    "This is not known: $0.": "Das ist nicht bekannt: $0.",
    "it was not read": "es wurde nicht gelesen",
    "The network $0 is open to $1.": "Das Netz $0 ist offen für $1.",
    "everybody": "alle",
    "none": "keiner",
    "(not set)": "(nicht gesetzt)",
    "a switch (one, two)": "ein Schalter (eins, zwei)",
    "a lever": "ein Hebel",
    "It lacks: $0.": "Es fehlt: $0.",
    "In the directory $0 $1.": "Im Verzeichnis $0 $1.",
    "without a tag": "ohne Tag",
    "as it likes": "wie es will",
    "With '$0' set, $1 may come.": "Mit „$0“ darf $1 kommen.",
    "Run `$0`.": "Führen Sie `$0` aus.",
};

function german(more = {}, isName = undefined) {
    const catalogue = Object.fromEntries(Object.entries(TEXTS).map(([id, text]) => [id, [null, text]]));
    return new Sentences({ ...catalogue, ...more }, n => n !== 1, isName);
}

const says = (text, wanted, sentences = german()) => assert.equal(sentences.translate(text), wanted);

test("a sentence as a whole", () => says("The VM is good.", "Die VM ist gut."));

test("what is in no catalogue stays as it is", () => {
    says("Nobody has ever heard of this.", "Nobody has ever heard of this.");
    says("", "");
});

test("a template is filled with its translated parts", () => {
    says("The VNC console (graphics 2) listens on 0.0.0.0 with TLS.", "Auf 0.0.0.0 mit TLS lauscht VNC-Konsole (Grafik 2).");
    says("This is not known: it was not read.", "Das ist nicht bekannt: es wurde nicht gelesen.");
    says("This is not known: nobody knows why.", "Das ist nicht bekannt: nobody knows why.");
});

test("rows of sentences and lists are taken apart", () => {
    says("The VM is good. This is not known: it was not read.", "Die VM ist gut. Das ist nicht bekannt: es wurde nicht gelesen.");
    says("It lacks: a switch (one, two), a lever.", "Es fehlt: ein Schalter (eins, zwei), ein Hebel.");
});

test("a colon is as the language has it", () =>
    says("it was not read: a lever", "es wurde nicht gelesen : ein Hebel", german({ "$0: $1": [null, "$0 : $1"] })));

test("where two placeholders touch, the seam is found", () =>
    says("In the directory without a tag as it likes.", "Im Verzeichnis ohne Tag wie es will."));

test("plural forms follow the number", () => {
    const more = { "$0 network": ["$0 networks", "$0 Netz", "$0 Netze"] };
    says("It lacks: 1 network.", "Es fehlt: 1 Netz.", german(more));
    says("It lacks: 3 networks.", "Es fehlt: 3 Netze.", german(more));
});

test("names are not translated", () => {
    says("The network none is open to everybody.", "Das Netz none ist offen für alle.");
    says("With 'none' set, everybody may come.", "Mit „none“ darf alle kommen.");
    says("With 'a lever' set, none may come.", "Mit „a lever“ darf keiner kommen.");
    says("It lacks: 'a lever'.", "Es fehlt: 'a lever'.");
    says("It lacks: a lever, none.", "Es fehlt: a lever, keiner.", german({}, name => name === "a lever"));
});

test("a placeholder in a name is not filled", () =>
    says("The network $1 is open to everybody.", "Das Netz $1 ist offen für alle."));

test("what is not translated yet is left out", () => {
    says("Old.", "Old.", german({ "Old.": [null, ""] }));
    says("Old.", "Old.", german({ "Old.": [null] }));
});

test("hostile texts take no time", () => {
    const sentences = german();
    const hostile = [
        "The ".repeat(900), "(".repeat(3900), "This is not known: ".repeat(200), "a, ".repeat(1300), "The network a is open to ".repeat(150),
        `The ${"x listens on ".repeat(300)}.`, `In the directory ${"a ".repeat(1900)}.`, "'".repeat(3999), "$0 ".repeat(1300), "x".repeat(1e6),
    ];
    const start = performance.now();
    for (const text of hostile)
        assert.equal(typeof sentences.translate(text), "string");
    assert.ok(performance.now() - start < 3000, `${performance.now() - start} ms`);
});
