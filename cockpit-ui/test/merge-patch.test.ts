/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { applyMergePatch, isObject } from "../src/merge-patch";
import type { Json } from "../src/merge-patch";

/* the examples of RFC 7396, appendix A */
const EXAMPLES: [target: string, patch: string, result: string][] = [
    ['{"a":"b"}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'],
    ['{"a":"b"}', '{"a":null}', "{}"],
    ['{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'],
    ['{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'],
    ['{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'],
    ['{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'],
    ['{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'],
    ['["a","b"]', '["c","d"]', '["c","d"]'],
    ['{"a":"b"}', '["c"]', '["c"]'],
    ['{"a":"foo"}', "null", "null"],
    ['{"a":"foo"}', '"bar"', '"bar"'],
    ['{"e":null}', '{"a":1}', '{"e":null,"a":1}'],
    ["[1,2]", '{"a":"b","c":null}', '{"a":"b"}'],
    ["{}", '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'],
];

for (const [target, patch, result] of EXAMPLES) {
    void test(`${target} with ${patch} is ${result}`, () => {
        const before = JSON.parse(target) as Json;
        const merged = applyMergePatch(before, JSON.parse(patch) as Json);
        assert.deepEqual(merged, JSON.parse(result));
        assert.equal(JSON.stringify(before), target, "the old document is left alone");
    });
}

void test("what a patch does not touch is the same object", () => {
    const before = { a: { x: 1 }, b: { y: 2 } };
    const after = applyMergePatch(before, { b: { y: 3 } });
    assert.ok(isObject(after));
    assert.equal(after["a"], before.a);
    assert.notEqual(after["b"], before.b);
});

void test("a key called __proto__ is a key like any other", () => {
    const merged = applyMergePatch({}, JSON.parse('{"__proto__":{"evil":true}}') as Json);
    assert.equal(({} as Record<string, unknown>)["evil"], undefined);
    assert.equal(JSON.stringify(merged), '{"__proto__":{"evil":true}}');
});
