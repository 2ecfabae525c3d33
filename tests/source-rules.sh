#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Rules about the sources that no linter knows. Each function prints what breaks its rule, and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."

sources() {
    git ls-files '*.rs' '*.ts' '*.tsx' '*.js' '*.css' '*.html' '*.sh' '*.spec.in' Makefile .ci/run tests/testbed
}

licence_line() {
    sources | grep -vE '\.xml$' | xargs grep -L 'SPDX-License-Identifier: LGPL-2.1-or-later' | sed 's/$/: no SPDX line/' || true
}

long_files() {
    sources | xargs wc -l | awk '$2 != "total" && $1 > 450 { print $2 ": " $1 " lines; about 400 is where a file wants to be two" }'
}

lock_without_hosts() {
    git ls-files '*package-lock.json' | xargs grep -l '"resolved"' | sed 's/$/: holds addresses of a registry/' || true
}

translatable_in_double_quotes() {
    git ls-files 'cockpit-ui/src/*.ts*' | xargs grep -nE "\b_\(['\`]" || true
}

# The barrel would bring all of PatternFly into the bundle.
no_patternfly_barrel() {
    git ls-files 'cockpit-ui/src/*.ts*' | xargs grep -nE "from ['\"]@patternfly/react-(core|icons|table)['\"]" || true
}

no_unsafe_outside_ffi() {
    git ls-files 'bridge/src/*.rs' | grep -v '^bridge/src/facts/libvirt_sys.rs$' | xargs grep -nE 'unsafe (fn|extern|impl|\{)|(allow|expect)\(unsafe_code' || true
}

status=0
for rule in licence_line long_files lock_without_hosts translatable_in_double_quotes no_patternfly_barrel no_unsafe_outside_ffi; do
    found=$($rule)
    if [ -n "$found" ]; then
        printf '%s:\n%s\n' "$rule" "$found" >&2
        status=1
    fi
done
exit $status
