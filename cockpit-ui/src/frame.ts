/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Cockpit's message framing: `<length>\n<channel>\n<payload>`, where length counts the bytes after its own newline.
 * Needed only with administrative access, when the page talks to the program through a stream channel and there is
 * no bridge in between that would do this. Reads arrive split and merged at any byte, also inside a UTF-8 character.
 * Counterpart: bridge/src/peer/frame.rs.
 */

export interface Frame {
    /** Empty for a control message. */
    channel: string;
    payload: string;
}

/** The program's own limit: eight digits. The report of a thousand VMs is about 20 MB. */
export const MAX_FRAME = 99_999_999;

const NEWLINE = 10;
/** Digits of MAX_FRAME. */
const MAX_DIGITS = 8;

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeFrame(channel: string, payload: string): Uint8Array {
    const body = encoder.encode(`${channel}\n${payload}`);
    const head = encoder.encode(`${body.length}\n`);
    const frame = new Uint8Array(head.length + body.length);
    frame.set(head);
    frame.set(body, head.length);
    return frame;
}

export class FrameDecoder {
    /** What has arrived and is not yet part of a complete frame. */
    private chunks: Uint8Array[] = [];
    private size = 0;
    /** Bytes that `size` must reach before it makes sense to look again. */
    private wanted = 1;

    /** Takes what was read, returns the frames which that completes. Throws when it is not Cockpit's framing. */
    push(data: Uint8Array): Frame[] {
        this.chunks.push(data);
        this.size += data.length;
        if (this.size < this.wanted)
            return [];

        let rest = this.joined();
        const frames: Frame[] = [];
        for (;;) {
            const end = frameEnd(rest);
            if (end === null || end.end > rest.length) {
                this.wanted = end?.end ?? rest.length + 1;
                break;
            }
            frames.push(parseBody(rest.subarray(end.start, end.end)));
            rest = rest.subarray(end.end);
        }
        this.chunks = rest.length > 0 ? [rest] : [];
        this.size = rest.length;
        return frames;
    }

    private joined(): Uint8Array {
        const only = this.chunks[0];
        if (this.chunks.length === 1 && only)
            return only;
        const all = new Uint8Array(this.size);
        let offset = 0;
        for (const chunk of this.chunks) {
            all.set(chunk, offset);
            offset += chunk.length;
        }
        return all;
    }
}

/** Where the first frame's body starts and ends; null while its length line is incomplete. */
function frameEnd(data: Uint8Array): { start: number, end: number } | null {
    const newline = data.subarray(0, MAX_DIGITS + 1).indexOf(NEWLINE);
    if (newline < 0) {
        if (data.length > MAX_DIGITS)
            throw new Error("frame without a length");
        return null;
    }
    const digits = String.fromCharCode(...data.subarray(0, newline));
    const length = Number(digits);
    if (!/^[1-9][0-9]*$/.test(digits) || length > MAX_FRAME)
        throw new Error("frame with a bad length");
    return { start: newline + 1, end: newline + 1 + length };
}

function parseBody(body: Uint8Array): Frame {
    const newline = body.indexOf(NEWLINE);
    if (newline < 0)
        throw new Error("frame without a channel");
    return {
        channel: decoder.decode(body.subarray(0, newline)),
        payload: decoder.decode(body.subarray(newline + 1)),
    };
}
