/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Follows Cockpit's theme: the choice in its menu ("auto", "light", "dark"), else what the system prefers.
 * Counterpart: pkg/lib/cockpit-dark-theme.ts in Cockpit.
 */

const STORAGE_KEY = "shell:style";
const DARK_CLASS = "pf-v6-theme-dark";

const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");

function apply(style: string | null): void {
    const dark = style === "dark" || (style !== "light" && prefersDark.matches);
    document.documentElement.classList.toggle(DARK_CLASS, dark);
}

export function followTheme(): void {
    const stored = () => apply(localStorage.getItem(STORAGE_KEY));
    stored();
    prefersDark.addEventListener("change", stored);
    window.addEventListener("storage", event => { if (event.key === STORAGE_KEY) stored() });
    // the shell tells its frames before it stores the choice
    window.addEventListener("cockpit-style", event => {
        const detail: unknown = event instanceof CustomEvent ? event.detail : null;
        apply(typeof detail === "object" && detail !== null && "style" in detail ? String(detail.style) : null);
    });
}
