#!/usr/bin/env node
/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Builds dist/: what is installed as /usr/share/cockpit/vm-security.
 *   node build.js             for production: minified and compressed
 *   NODE_ENV=development …    readable, with source maps
 *   ESBUILD_WATCH=true …      and again whenever something changes
 */

import fs from "node:fs";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { fileURLToPath } from "node:url";

import * as esbuild from "esbuild";

import { compileAll, languages } from "./po.js";

const here = path.dirname(fileURLToPath(import.meta.url));
const dist = path.join(here, "dist");
const watch = process.env.ESBUILD_WATCH === "true";
const production = process.env.NODE_ENV !== "development" && !watch;

/** `import cockpit from "cockpit"`: the global of ../base1/cockpit.js, which each page loads before its modules. */
const cockpitGlobal = {
    name: "cockpit-global",
    setup(build) {
        build.onResolve({ filter: /^cockpit$/ }, () => ({ path: "cockpit", namespace: "global" }));
        build.onLoad({ filter: /.*/, namespace: "global" }, () => ({ contents: "export default window.cockpit;" }));
    }
};

/** PatternFly's variable fonts are not served by Cockpit; app.css names those that are. */
const noForeignFonts = {
    name: "no-foreign-fonts",
    setup(build) {
        build.onLoad({ filter: /@patternfly[\\/].*\.css$/ }, args => ({
            contents: fs.readFileSync(args.path, "utf8").replace(/@font-face\s*\{[^}]*\}/g, ""),
            loader: "css",
        }));
    }
};

/** Which bundled packages there are, for the RPM's `Provides: bundled(npm(…))`. */
function bundled(metafile) {
    const versions = new Map();
    for (const input of Object.keys(metafile.inputs)) {
        const match = input.match(/^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//);
        if (match) {
            const { version } = JSON.parse(fs.readFileSync(path.join(here, match[1], "package.json"), "utf8"));
            versions.set(match[2], version);
        }
    }
    return [...versions].sort().map(([name, version]) => `${name} ${version}\n`).join("");
}

/** The sources of what both pages run at each login: what the entry points import at once, and the pages themselves. */
function preloaded({ outputs }) {
    const names = new Set(["src/index.html", "src/overview.html"]);
    const visit = file => {
        Object.keys(outputs[file].inputs).forEach(input => names.add(input));
        outputs[file].imports.filter(({ kind }) => kind === "import-statement").forEach(({ path }) => visit(path));
    };
    ["dist/index.js", "dist/overview.js"].forEach(visit);
    return new Set([...names].map(name => `cockpit-ui/${name}`));
}

const finish = {
    name: "finish",
    setup(build) {
        build.onStart(() => {
            // emptied, not replaced: a test bed may have it mounted
            fs.mkdirSync(dist, { recursive: true });
            for (const name of fs.readdirSync(dist))
                fs.rmSync(path.join(dist, name), { recursive: true });
        });
        build.onEnd(result => {
            if (result.errors.length > 0)
                return;
            for (const name of ["index.html", "overview.html", "manifest.json", "card.css"])
                fs.copyFileSync(path.join(here, "src", name), path.join(dist, name));
            for (const [name, text] of compileAll(path.join(here, "po"), preloaded(result.metafile)))
                fs.writeFileSync(path.join(dist, name), text);
            // both pages link app.css; esbuild writes the same again for each entry that may load it
            for (const name of ["index.css", "overview.css"])
                fs.rmSync(path.join(dist, name), { force: true });
            fs.writeFileSync(path.join(here, "runtime-npm-modules.txt"), bundled(result.metafile));
            if (production)
                compress();
        });
    }
};

/** Cockpit serves x.js from x.js.gz. */
function compress() {
    for (const name of fs.readdirSync(dist).filter(n => /\.(js|css)$/.test(n))) {
        const file = path.join(dist, name);
        fs.writeFileSync(`${file}.gz`, gzipSync(fs.readFileSync(file), { level: 9 }));
        fs.unlinkSync(file);
    }
}

const context = await esbuild.context({
    absWorkingDir: here,
    entryPoints: { index: "src/index.ts", overview: "src/overview-page.ts", app: "src/app.tsx" },
    outdir: dist,
    bundle: true,
    splitting: true,
    format: "esm",
    target: ["es2022"],
    jsx: "automatic",
    minify: production,
    sourcemap: production ? false : "linked",
    metafile: true,
    legalComments: "external",
    define: {
        "process.env.NODE_ENV": JSON.stringify(production ? "production" : "development"),
        LANGUAGES: JSON.stringify(languages(path.join(here, "po"))),
    },
    // fonts come from Cockpit; nothing of PatternFly's pictures is used
    external: ["*.woff", "*.woff2", "*.jpg", "*.png", "*.svg"],
    plugins: [cockpitGlobal, noForeignFonts, finish],
    logLevel: "warning",
});

if (watch) {
    await context.watch();
} else {
    try {
        await context.rebuild();
    } catch {
        process.exitCode = 1; // esbuild has printed why
    }
    await context.dispose();
}
