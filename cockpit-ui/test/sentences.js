/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* src/sentences.ts for tests that run from the source tree. */

import fs from "node:fs";

import { transformSync } from "esbuild";

const source = fs.readFileSync(new URL("../src/sentences.ts", import.meta.url), "utf8");
const { code } = transformSync(source, { loader: "ts", format: "esm" });

export const { Sentences } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
