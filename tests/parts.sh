# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by in-bed.sh and selinux-host/check.sh: test runners one after the other, each with its log and its summary, and
# nothing left behind when a signal ends them. They set $logs (a directory) and define progress.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the files that source this

locked=(${CI:+--locked})
failed=() summaries=()

# Everything that takes long is a process group of its own in the background, and is waited for: so that a signal takes
# effect at once, and on all of it.
child=''
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

# on_exit FUNCTION: whatever ends the script ends what it runs, and calls FUNCTION then.
on_exit() {
    at_exit=$1
    trap end_all EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
}
end_all() {
    local status=$? _
    trap '' INT TERM HUP
    if [ -n "$child" ]; then
        kill -TERM -- "-$child" 2>/dev/null || true
        wait "$child" 2>/dev/null || true
        for _ in {1..50}; do # its own children may take a moment longer
            kill -0 -- "-$child" 2>/dev/null || break
            sleep 0.1
        done
    fi
    $at_exit
    exit $status
}

# part NAME COMMAND…: one test runner. Its whole output goes to a log, `show` says what of it is seen meanwhile, and its
# summary (the lines that match $summary) is repeated at the end.
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
cargo_summary='^test result:'
tap_summary='^# (tests|pass|fail|cancelled|duration_ms) '

need_browser_tests() {
    if [ tests/browser/package-lock.json -nt tests/browser/node_modules/.stamp ]; then
        progress "installing what the browser tests need"
        (cd tests/browser && npm ci --no-audit --no-fund --loglevel=error)
        touch tests/browser/node_modules/.stamp
    fi
}

# The closing lines, and the exit status
finish_parts() {
    echo
    printf '%s\n' "${summaries[@]}"
    if [ ${#failed[@]} -gt 0 ]; then
        progress "FAILED: $(IFS=,; echo "${failed[*]}")"
        exit 1
    fi
    progress "all passed"
}
