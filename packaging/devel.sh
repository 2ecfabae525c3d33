#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# `devel.sh install` shows the caller's Cockpit this working tree: the page through
# a link, and target/debug's program through a manifest override. Log in again
# afterwards: manifests are read at login. `devel.sh uninstall` undoes it.
set -eu
cd "$(dirname "$0")/.."

page=${XDG_DATA_HOME:-$HOME/.local/share}/cockpit/vm-security
override=${XDG_CONFIG_HOME:-$HOME/.config}/cockpit/vm-security.override.json
program=$(realpath -m "${CARGO_TARGET_DIR:-target}/debug/cockpit-vm-security")

install_links() {
    for built in "$program" cockpit-ui/dist/manifest.json; do
        if [ ! -e "$built" ]; then
            echo "devel.sh: $built is missing: run \`make devel-install\`" >&2
            exit 1
        fi
    done
    if [ -e "$page" ] && [ ! -L "$page" ]; then
        echo "devel.sh: $page is not a link of ours: leaving it alone" >&2
        exit 1
    fi
    mkdir -p "$(dirname "$page")" "$(dirname "$override")"
    ln -sfn "$PWD/cockpit-ui/dist" "$page"
    # A merge patch replaces arrays as a whole, so the override repeats the bridges.
    PROGRAM=$program node -e '
        const { bridges } = JSON.parse(require("fs").readFileSync("cockpit-ui/dist/manifest.json", "utf8"));
        for (const bridge of bridges)
            bridge.spawn[0] = process.env.PROGRAM;
        console.log(JSON.stringify({ bridges }, null, 4));
    ' > "$override"
    echo "$page -> $(readlink "$page")"
    echo "$override -> $program"
}

uninstall_links() {
    if [ -L "$page" ]; then
        rm "$page"
    fi
    rm -f "$override"
}

case ${1:-} in
    install) install_links ;;
    uninstall) uninstall_links ;;
    *) echo "usage: devel.sh install|uninstall" >&2; exit 2 ;;
esac
