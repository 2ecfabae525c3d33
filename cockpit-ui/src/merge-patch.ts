/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* RFC 7396: how the bridge says what changed in a report. */

export type Json = null | boolean | number | string | Json[] | JsonObject;
export interface JsonObject { [key: string]: Json }

export function isObject(value: unknown): value is JsonObject {
    return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The document with the patch applied. Neither argument is changed, and what the patch does not touch is shared with
 * the old document, so that `===` tells what is the same.
 */
export function applyMergePatch(target: Json | undefined, patch: Json): Json {
    if (!isObject(patch))
        return patch;
    // a Map, because a key may be called __proto__: VM names and evidence are written by strangers
    const result = new Map<string, Json>(isObject(target) ? Object.entries(target) : []);
    for (const [key, value] of Object.entries(patch)) {
        if (value === null)
            result.delete(key);
        else
            result.set(key, applyMergePatch(result.get(key), value));
    }
    return Object.fromEntries(result);
}
