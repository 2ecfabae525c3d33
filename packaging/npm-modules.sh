#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Lists the npm modules in the page, one "NAME VERSION" per line: what build.js
# wrote from esbuild's metafile, or else every module that the lock file does not
# mark as a development tool (a superset: esbuild leaves out what is not imported).
set -eu
cd "$(dirname "$0")/../cockpit-ui"

if [ -s runtime-npm-modules.txt ]; then
    LC_ALL=C sort -u runtime-npm-modules.txt
elif [ -s package-lock.json ]; then
    node -e '
        const { packages } = JSON.parse(require("fs").readFileSync("package-lock.json", "utf8"));
        for (const [path, { version, dev, optional }] of Object.entries(packages)) {
            if (path && !dev && !optional)
                console.log(path.replace(/^.*node_modules\//, ""), version);
        }
    ' | LC_ALL=C sort -u
else
    echo "npm-modules.sh: neither cockpit-ui/runtime-npm-modules.txt nor package-lock.json" >&2
    exit 1
fi
