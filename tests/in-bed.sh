#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# in-bed.sh STAGE [287|337]…: everything that is tested on real servers, in a test bed for each generation of Cockpit.
# STAGE is a tree made by `make install DESTDIR=STAGE COCKPIT_LIBEXECDIR=/usr/lib/cockpit`. In each bed:
#   bridges   the program's protocol through the real cockpit-bridge, as the administrator and as the limited user
#   host      audits, watches and faults: the real libvirtd with running machines, systemd, D-Bus, users with and without rights
#   browser   the page in chromium
# Complete logs are kept in target/in-bed/, pictures of the pages in target/screenshots/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
stage=${1:?usage: in-bed.sh STAGE [287|337]…}; shift
[ $# -gt 0 ] || set -- 287 337
bed=tests/testbed/bed
logs=target/in-bed

export TESTBED_STARTED_MS=${TESTBED_STARTED_MS:-$((${EPOCHREALTIME/[.,]/} / 1000))} # one clock with the bed's own messages
progress() {
    local d=$((${EPOCHREALTIME/[.,]/} / 1000 - TESTBED_STARTED_MS))
    printf '%4d.%d s  %s\n' $((d / 1000)) $((d % 1000 / 100)) "$*"
}

. tests/parts.sh

up=''
take_down() { [ -z "$up" ] || $bed down "$up"; }
on_exit take_down

bridge_tests() { # VERSION USER
    local name=check-$1 user=$2 show=cat summary=$cargo_summary
    # the environment is that of tests/bridges.rs: no session bus and no SSH agent, which the C bridge leaves behind
    VM_SECURITY_BRIDGE_CMD="$PWD/$bed enter $name --user $user env DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent \
SSH_AUTH_SOCK=/nonexistent cockpit-bridge" \
        part "$1 bridges as $user" cargo test "${locked[@]}" --test bridges
}

host_tests() { # VERSION
    local name=check-$1 show=cat summary=$cargo_summary
    VM_SECURITY_BED="$name" part "$1 host" cargo test "${locked[@]}" --test host
}

browser_tests() { # VERSION
    local name=check-$1 show=show_tap summary=$tap_summary
    # env: sudo, which `bed` may need, passes nothing on
    part "$1 browser" $bed net "$name" env VM_SECURITY_BED="$name" COCKPIT="$1" HOME="${HOME:-/root}" PATH="$PATH" \
        node --test --test-reporter=tap tests/browser/all.test.js
}

mkdir -p "$logs"
need_browser_tests
progress "building the tests"
run cargo test "${locked[@]}" --no-run --test bridges --test host

for version; do
    up=check-$version
    run $bed up "$up" --cockpit "$version" --stage "$stage"
    bridge_tests "$version" tbadmin
    bridge_tests "$version" tbuser
    host_tests "$version"
    browser_tests "$version"
    $bed down "$up"
    up=''
done
finish_parts
