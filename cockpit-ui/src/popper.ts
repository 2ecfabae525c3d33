/* SPDX-License-Identifier: LGPL-2.1-or-later */

/**
 * Where menus belong: inside the page's landmark, in which a screen reader looks for them, and outside of cards, which
 * would cut them off.
 */
export const inMain = (): HTMLElement => document.querySelector("main") ?? document.body;
