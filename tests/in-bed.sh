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
locked=(${CI:+--locked})

export TESTBED_STARTED_MS=${TESTBED_STARTED_MS:-$((${EPOCHREALTIME/[.,]/} / 1000))} # one clock with the bed's own messages
progress() {
    local d=$((${EPOCHREALTIME/[.,]/} / 1000 - TESTBED_STARTED_MS))
    printf '%4d.%d s  %s\n' $((d / 1000)) $((d % 1000 / 100)) "$*"
}

# Everything that takes long is a process group of its own in the background, and is waited for: so that a signal takes
# effect at once, and on all of it.
child='' up=''
run() {
    local status=0
    set -m
    "$@" </dev/null &
    child=$!
    set +m
    wait "$child" || status=$?
    child=''
    return $status
}
clean_up() {
    local status=$?
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
    fi
    [ -z "$up" ] || $bed down "$up"
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# part NAME COMMAND…: one test runner. Its whole output goes to a log, `show` says what of it is seen meanwhile, and its
# summary (the lines that match $summary) is repeated at the end.
failed=() summaries=()
part() {
    local name=$1 log; shift
    log=$logs/${name// /-}.log
    progress "$name"
    if run logged "$log" "$@"; then progress "$name: passed"; else
        progress "$name: FAILED, see $log"
        failed+=("$name")
    fi
    summaries+=("$name:" "$(grep -E "$summary" "$log" || echo '  no summary: the runner did not get to its end')")
}
logged() {
    local log=$1; shift
    "$@" 2>&1 | tee "$log" | $show
}

# TAP for people: no plans, no details of what passed
show_tap() {
    awk '/^ *(not )?ok / { passed = /^ *ok /; print; fflush(); next }
         /^ *# Subtest:/ || /^ *[0-9]+\.\.[0-9]+$/ || /^TAP version/ { next }
         /^ *---$/ { details = 1 }
         !(details && passed) { print; fflush() }
         /^ *\.\.\.$/ { details = 0 }'
}

bridge_tests() { # VERSION USER
    local name=check-$1 user=$2 show=cat summary='^test result:'
    # the environment is that of tests/bridges.rs: no session bus and no SSH agent, which the C bridge leaves behind
    VM_SECURITY_BRIDGE_CMD="$PWD/$bed enter $name --user $user env DBUS_SESSION_BUS_ADDRESS=unix:path=/nonexistent \
SSH_AUTH_SOCK=/nonexistent cockpit-bridge" \
        part "$1 bridges as $user" cargo test "${locked[@]}" --test bridges
}

host_tests() { # VERSION
    local name=check-$1 show=cat summary='^test result:'
    VM_SECURITY_BED="$name" part "$1 host" cargo test "${locked[@]}" --test host
}

browser_tests() { # VERSION
    local name=check-$1 show=show_tap summary='^# (tests|pass|fail|cancelled|duration_ms) '
    # env: sudo, which `bed` may need, passes nothing on
    part "$1 browser" $bed net "$name" env VM_SECURITY_BED="$name" COCKPIT="$1" HOME="${HOME:-/root}" PATH="$PATH" \
        node --test --test-reporter=tap tests/browser/all.test.js
}

mkdir -p "$logs"
if [ tests/browser/package-lock.json -nt tests/browser/node_modules/.stamp ]; then
    progress "installing what the browser tests need"
    (cd tests/browser && npm ci --no-audit --no-fund --loglevel=error)
    touch tests/browser/node_modules/.stamp
fi
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

echo
printf '%s\n' "${summaries[@]}"
if [ ${#failed[@]} -gt 0 ]; then
    progress "FAILED: $(IFS=,; echo "${failed[*]}")"
    exit 1
fi
progress "all passed"
