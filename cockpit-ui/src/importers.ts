/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pieces of which the importers are made that let nothing wrong in from the wire: see report.ts. */

import { isObject, type Json, type JsonObject } from "./merge-patch";

export type Importer<T> = (value: Json | undefined, path: string) => T;

class ImportError extends Error {
    constructor(path: string, what: string) {
        super(`${path || "report"}: ${what}`);
    }
}

export const string: Importer<string> = (value, path) => {
    if (typeof value !== "string")
        throw new ImportError(path, "not a string");
    return value;
};

export const boolean: Importer<boolean> = (value, path) => {
    if (typeof value !== "boolean")
        throw new ImportError(path, "not a boolean");
    return value;
};

export const object: Importer<JsonObject> = (value, path) => {
    if (!isObject(value))
        throw new ImportError(path, "not an object");
    return value;
};

export function oneOf<T extends string>(choices: readonly T[]): Importer<T> {
    return (value, path) => {
        const choice = choices.find(c => c === value);
        if (choice === undefined)
            throw new ImportError(path, `not one of ${choices.join(", ")}`);
        return choice;
    };
}

export function arrayOf<T>(importer: Importer<T>): Importer<T[]> {
    return (value, path) => {
        if (!Array.isArray(value))
            throw new ImportError(path, "not an array");
        return value.map((item, i) => importer(item, `${path}[${i}]`));
    };
}

export function get<T>(obj: JsonObject, path: string, key: string, importer: Importer<T>): T {
    // own properties only: "constructor" is no finding
    return importer(Object.hasOwn(obj, key) ? obj[key] : undefined, path ? `${path}.${key}` : key);
}

export const orNull = <T>(importer: Importer<T>): Importer<T | null> =>
    (value, path) => value === null || value === undefined ? null : importer(value, path);

export function versioned(value: Json): JsonObject {
    const obj = object(value, "");
    if (obj["version"] !== 1)
        throw new ImportError("version", "not 1: the page and the program are of different releases");
    return obj;
}
