/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The program's sentences. Their only markup is `code` in back quotes. */

/** A sentence in its own direction: English ones stay readable on a right-to-left page. */
export function Prose({ text }: { text: string }) {
    return (
        <span className="vms-words" dir="auto">
            {text.split("`").map((part, i) => i % 2 === 1 ? <code key={i}>{part}</code> : part)}
        </span>
    );
}
