/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How the program's texts are found in its sources. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { pageTexts } from "../po/page-texts.js";
import { tokens, withoutTests } from "../po/rust-lexer.js";
import { rustTexts, template } from "../po/rust-texts.js";

const strings = source => tokens(source).filter(({ kind }) => kind === "string").map(({ text }) => text);
const ids = source => rustTexts(source).map(({ id }) => id);

test("strings are read as Rust reads them", () => {
    assert.deepEqual(strings(String.raw`"a\"b\\" "tab\tnew\n" "\x41\u{1F600}" "it\'s"`), ["a\"b\\", "tab\tnew\n", "A😀", "it's"]);
    assert.deepEqual(strings("\"one \\\n      line\""), ["one line"]);
    assert.deepEqual(strings("r\"raw\\n\" r#\"with \"quotes\"\"# r##\"a\"#b\"##"), ["raw\\n", "with \"quotes\"", "a\"#b"]);
    assert.throws(() => strings(String.raw`"\q"`), /unknown escape/);
    assert.throws(() => strings("\"no end"), /not understood/);
});

test("what only looks like a string is none", () => {
    assert.deepEqual(strings("// \"no\"\n/* \"no\" /* \"no\" */ \"no\" */ \"yes\""), ["yes"]);
    assert.deepEqual(strings("'\"' b'\"' '\\'' fn f<'a>(x: &'a str) \"yes\""), ["yes"]);
    assert.deepEqual(strings("b\"no\" br#\"no\"# c\"no\" \"yes\""), ["yes"]);
});

test("lines are counted", () => {
    assert.deepEqual(tokens("a\n/*\n*/ \"x\ny\" b").map(({ line }) => line), [1, 3, 4]);
});

test("what is only for tests, and attributes, are left out", () => {
    const source = "#[cfg(test)] mod tests { const A: &str = \"no\"; } #[doc = \"no\"] fn f() { \"yes\" } #[cfg(test)] use x(\"no\"); \"also\"";
    assert.deepEqual(withoutTests(tokens(source)).filter(({ kind }) => kind === "string").map(({ text }) => text), ["yes", "also"]);
    assert.deepEqual(withoutTests(tokens("#![cfg(test)] \"no\"")), []);
});

test("what is filled in has numbers", () => {
    assert.equal(template("The disk {name} is {:04o}, {}."), "The disk $0 is $1, $2.");
    assert.equal(template("{a}{b} is {{literal}}"), "$0 is {literal}");
    assert.equal(template(", and {more}"), "and $0");
});

test("sentences, fragments and the texts of checks are texts", () => {
    assert.deepEqual(ids("format!(\"The VM {} starts.\", name)"), ["The VM $0 starts."]);
    assert.deepEqual(ids("let what = if a { \"with TLS\" } else { \"without TLS\" };"), ["with TLS", "without TLS"]);
    assert.deepEqual(rustTexts("Check { id: \"vm.x\", title: \"Good\" }").map(({ id, what }) => [id, what]), [["Good", "vm.x: title"]]);
    assert.deepEqual(rustTexts("counted(n, \"network\")").map(({ id, plural }) => [id, plural]), [["$0 network", "$0 networks"]]);
});

test("names, patterns and what is compared are none", () => {
    assert.deepEqual(ids("x.starts_with(\"The VM\") y == \"shut off\" match z { \"in shutdown\" => 1, _ => 2 }"), []);
    assert.deepEqual(ids("\"spice\" \"/etc/libvirt/qemu.conf is here\" \"virsh dumpxml --inactive\""), []);
});

test("the page's texts are found", () => {
    const source = "_(\"One\"); _(\"Two \" + \"parts\"); cockpit.ngettext(\"$0 VM\", \"$0 VMs\", n); C_(\"verb\", \"Open\"); _(variable);";
    assert.deepEqual(pageTexts("x.tsx", source), [
        { id: "One", plural: undefined }, { id: "Two parts", plural: undefined }, { id: "$0 VM", plural: "$0 VMs" },
        { id: "Open", context: "verb" },
    ]);
});
