/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Long tables in pages. */

import { useState } from "react";

import { Pagination } from "@patternfly/react-core/dist/esm/components/Pagination";
import cockpit from "cockpit";

import { PAGE_SIZE, PAGE_SIZES } from "./table-state";

const _ = cockpit.gettext;

const CHOICES = PAGE_SIZES.map(value => ({ title: String(value), value }));

/** What is asked for. */
export interface Place {
    page: number;
    perPage: number;
}

export interface Paging extends Place {
    count: number;
    go: (place: Place) => void;
}

/** The rows of a page; of the last one there is, when there are fewer than that. */
export function paged<T>(rows: T[], { page, perPage }: Place, go: (place: Place) => void): [T[], Paging] {
    const last = Math.max(1, Math.ceil(rows.length / perPage));
    const current = Math.min(page, last);
    return [rows.slice((current - 1) * perPage, current * perPage), { count: rows.length, page: current, perPage, go }];
}

export function usePaging<T>(rows: T[]): [T[], Paging] {
    const [place, go] = useState<Place>({ page: 1, perPage: PAGE_SIZE });
    return paged(rows, place, go);
}

/** Nothing where one page holds all. */
export function Pages({ id, paging, label, isBottom = false }: {
    id: string, paging: Paging, label: string, isBottom?: boolean,
}) {
    const { count, page, perPage, go } = paging;
    if (count <= Math.min(PAGE_SIZE, perPage))
        return null;
    return (
        <Pagination widgetId={id} itemCount={count} page={page} perPage={perPage} perPageOptions={CHOICES}
                    isCompact={!isBottom} variant={isBottom ? "bottom" : "top"}
                    onSetPage={(_event, page) => go({ page, perPage })}
                    onPerPageSelect={(_event, perPage, page) => go({ page, perPage })}
                    titles={{
                        paginationAriaLabel: label,
                        items: "", page: "", perPageSuffix: _("per page"), ofWord: _("of"), itemsPerPage: _("Per page"),
                        optionsToggleAriaLabel: _("Per page"), currPageAriaLabel: _("Current page"),
                        toFirstPageAriaLabel: _("Go to the first page"), toPreviousPageAriaLabel: _("Go to the previous page"),
                        toNextPageAriaLabel: _("Go to the next page"), toLastPageAriaLabel: _("Go to the last page"),
                    }} />
    );
}
