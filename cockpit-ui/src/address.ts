/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The options of an address. Pure. */

export type Options = Record<string, string>;
/** As cockpit.location has them: a name may be there more than once. */
export type GivenOptions = Readonly<Record<string, string | string[] | undefined>>;

/** The first value of an option; empty when there is none. */
export function one(options: GivenOptions, name: string): string {
    const value = Object.hasOwn(options, name) ? options[name] : undefined;
    return (Array.isArray(value) ? value[0] : value) ?? "";
}

/** The options with these in the place of those that have one of these names; what is empty is left out. */
export function withOptions(options: GivenOptions, ours: Readonly<Options>): Options {
    const result: Options = {};
    for (const name of Object.keys(options)) {
        if (!Object.hasOwn(ours, name))
            result[name] = one(options, name);
    }
    for (const [name, value] of Object.entries(ours)) {
        if (value)
            result[name] = value;
    }
    return result;
}
