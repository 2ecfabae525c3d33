/* SPDX-License-Identifier: LGPL-2.1-or-later */

import assert from "node:assert/strict";
import { test } from "node:test";

import { encodeFrame, FrameDecoder, MAX_FRAME } from "../src/frame";
import type { Frame } from "../src/frame";

const bytes = (text: string) => new TextEncoder().encode(text);

const MESSAGES: Frame[] = [
    { channel: "", payload: '{"command":"init","version":1}' },
    { channel: "1", payload: '{"name":"Käse 🧀 \\n"}' },
    { channel: "1", payload: "" },
    { channel: "a-rather-long-channel", payload: "x".repeat(70000) },
];

function joined(frames: Frame[]): Uint8Array {
    return Uint8Array.from(frames.flatMap(f => [...encodeFrame(f.channel, f.payload)]));
}

void test("a frame is its length, its channel and its payload", () => {
    assert.deepEqual(encodeFrame("7", "hé"), bytes("5\n7\nhé"));
});

void test("frames that arrive in one read are told apart", () => {
    assert.deepEqual(new FrameDecoder().push(joined(MESSAGES)), MESSAGES);
});

for (const size of [1, 2, 3, 7, 1000]) {
    void test(`frames that arrive ${size} bytes at a time are put together`, () => {
        const all = joined(MESSAGES);
        const decoder = new FrameDecoder();
        const frames: Frame[] = [];
        for (let i = 0; i < all.length; i += size)
            frames.push(...decoder.push(all.subarray(i, i + size)));
        assert.deepEqual(frames, MESSAGES);
    });
}

void test("an incomplete frame is awaited", () => {
    const decoder = new FrameDecoder();
    assert.deepEqual(decoder.push(bytes("12\nch")), []);
    assert.deepEqual(decoder.push(bytes("an\nhello")), []);
    assert.deepEqual(decoder.push(bytes("!!3\nc\n.")), [
        { channel: "chan", payload: "hello!!" }, { channel: "c", payload: "." }
    ]);
});

for (const [what, text] of [
    ["no length at all", "hello world, this is no frame"],
    ["a length of zero", "0\n\n"],
    ["a leading zero", "05\n1\nabc"],
    ["a negative length", "-5\n1\nabc"],
    ["a hexadecimal length", "0x5\n1\nabc"],
    ["a length that is too large", `${MAX_FRAME + 1}\n`],
    ["no channel", "3\nabc"],
] as const) {
    void test(`refuses ${what}`, () => {
        assert.throws(() => new FrameDecoder().push(bytes(text)), /^Error: frame/);
    });
}

void test("refuses what is not UTF-8", () => {
    assert.throws(() => new FrameDecoder().push(Uint8Array.of(0x33, 0x0a, 0x31, 0x0a, 0xff)), TypeError);
});
