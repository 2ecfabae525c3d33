/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * Where menus belong: inside the page's landmark, in which a screen reader looks for them, outside of cards, which
 * would cut them off, and within the window.
 */
export const POPPER = {
    appendTo: (): HTMLElement => document.querySelector("main") ?? document.body,
    preventOverflow: true,
};
