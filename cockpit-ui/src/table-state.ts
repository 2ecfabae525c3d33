/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What of the table of VMs lives in its address, so that Back works and a link shows another person the same:
 * `vms` (words in their names), `sort` (a column, with a minus for downwards), `page` and `per-page`. What is as usual
 * is left out.
 */

import { one, withOptions } from "./address";
import type { GivenOptions, Options } from "./address";

export const COLUMN_IDS = ["name", "connection", "state", "worst", "counts", "meets"] as const;
export type ColumnId = typeof COLUMN_IDS[number];

/** How many rows a page may have, the usual number among them. */
export const PAGE_SIZES = [20, 50, 100, 200];
export const PAGE_SIZE = 50;

export interface TableState {
    text: string;
    column: ColumnId;
    direction: "asc" | "desc";
    page: number;
    perPage: number;
}

const USUAL: TableState = { text: "", column: "worst", direction: "asc", page: 1, perPage: PAGE_SIZE };

/** What somebody wrote into the address by hand may be anything. */
export function readTable(options: GivenOptions): TableState {
    const sort = one(options, "sort");
    const column = COLUMN_IDS.find(id => id === sort.replace(/^-/, ""));
    const page = one(options, "page");
    return {
        text: one(options, "vms"),
        column: column ?? USUAL.column,
        direction: column && sort.startsWith("-") ? "desc" : "asc",
        page: /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1,
        perPage: PAGE_SIZES.find(size => String(size) === one(options, "per-page")) ?? PAGE_SIZE,
    };
}

/** The options of an address that shows the table so; those that are not the table's stay. */
export function writeTable(options: GivenOptions, { text, column, direction, page, perPage }: TableState): Options {
    const sort = direction === "desc" ? `-${column}` : column;
    return withOptions(options, {
        vms: text,
        sort: sort === USUAL.column ? "" : sort,
        page: page === USUAL.page ? "" : String(page),
        "per-page": perPage === USUAL.perPage ? "" : String(perPage),
    });
}
