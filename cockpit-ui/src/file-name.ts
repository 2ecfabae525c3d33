/* SPDX-License-Identifier: LGPL-2.1-or-later */

/** A name of a report's file that every system takes: VM names hold what no file system likes. */
export function fileName(name: string, format: string, day: Date): string {
    const safe = name.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[-.]+|[-.]+$/g, "");
    return `vm-security-${safe.slice(0, 80) || "report"}-${day.toISOString().slice(0, 10)}.${format}`;
}
