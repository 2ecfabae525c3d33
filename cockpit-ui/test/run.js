/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs test/*.test.{js,ts} with node's own test runner; node does not read TypeScript, so esbuild bundles those first.
 * The others look at files of the source tree.
 */

import { spawnSync } from "node:child_process";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

const here = path.dirname(fileURLToPath(import.meta.url));
const out = fs.mkdtempSync(path.join(os.tmpdir(), "vm-security-test-"));
try {
    const names = fs.readdirSync(here);
    const tests = names.filter(name => name.endsWith(".test.ts"));
    await esbuild.build({
        entryPoints: tests.map(name => path.join(here, name)),
        outdir: out,
        outExtension: { ".js": ".mjs" },
        bundle: true,
        platform: "node",
        format: "esm",
        sourcemap: "inline",
    });
    const files = [
        ...tests.map(name => path.join(out, name.replace(/\.ts$/, ".mjs"))),
        ...names.filter(name => name.endsWith(".test.js")).map(name => path.join(here, name)),
    ];
    const { status } = spawnSync(process.execPath, ["--enable-source-maps", "--test", ...files], { stdio: "inherit" });
    process.exitCode = status ?? 1;
} finally {
    fs.rmSync(out, { recursive: true });
}
