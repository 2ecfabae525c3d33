/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Long tables in pages. */

import { useState } from "react";

import { Pagination } from "@patternfly/react-core/dist/esm/components/Pagination";
import cockpit from "cockpit";

const _ = cockpit.gettext;

const PER_PAGE = 50;
const CHOICES = [20, 50, 100, 200].map(value => ({ title: String(value), value }));

export interface Paging {
    count: number;
    page: number;
    perPage: number;
    setPage: (page: number) => void;
    setPerPage: (perPage: number, page: number) => void;
}

/** The rows of the current page; the last one there is, when there are fewer than before. */
export function usePaging<T>(rows: T[]): [T[], Paging] {
    const [page, setPage] = useState(1);
    const [perPage, setPerPage] = useState(PER_PAGE);
    const last = Math.max(1, Math.ceil(rows.length / perPage));
    const current = Math.min(page, last);
    return [rows.slice((current - 1) * perPage, current * perPage), {
        count: rows.length, page: current, perPage, setPage,
        setPerPage: (perPage, page) => { setPerPage(perPage); setPage(page) },
    }];
}

/** Nothing where one page holds all. */
export function Pages({ id, paging, label, isBottom = false }: {
    id: string, paging: Paging, label: string, isBottom?: boolean,
}) {
    const { count, page, perPage, setPage, setPerPage } = paging;
    if (count <= Math.min(PER_PAGE, perPage))
        return null;
    return (
        <Pagination widgetId={id} itemCount={count} page={page} perPage={perPage} perPageOptions={CHOICES}
                    isCompact={!isBottom} variant={isBottom ? "bottom" : "top"}
                    onSetPage={(_event, page) => setPage(page)}
                    onPerPageSelect={(_event, perPage, page) => setPerPage(perPage, page)}
                    titles={{
                        paginationAriaLabel: label,
                        items: "", page: "", perPageSuffix: _("per page"), ofWord: _("of"), itemsPerPage: _("Per page"),
                        optionsToggleAriaLabel: _("Per page"), currPageAriaLabel: _("Current page"),
                        toFirstPageAriaLabel: _("Go to the first page"), toPreviousPageAriaLabel: _("Go to the previous page"),
                        toNextPageAriaLabel: _("Go to the next page"), toLastPageAriaLabel: _("Go to the last page"),
                    }} />
    );
}
