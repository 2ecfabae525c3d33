#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# run.sh: the audit beside what libvirt itself costs: 1,000 defined VMs of libvirt's test driver, 200 on a private libvirtd; memory, size
# of the binary, time to `init`. Called by `make bench` after the release build.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=target/release/cockpit-vm-security floor=target/release/examples/floor bed=tests/testbed/bed runs=${RUNS:-11}
work=$(mktemp -d)
up=''
clean_up() {
    local status=$?
    [ -z "$up" ] || "$bed" down bench
    rm -rf "$work"
    exit $status
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

mkdir "$work/machines"
python3 tests/bench/bench.py machines 1000 "$work/machines"
python3 tests/bench/bench.py compare "test driver, 1,000 VMs" "$program" "$floor" "test://$work/machines/node.xml" "$runs"

up=1
"$bed" up bench --stage target/stage >&2
"$bed" enter bench tee /usr/local/bin/floor < "$floor" > /dev/null
"$bed" enter bench chmod 755 /usr/local/bin/floor
"$bed" enter bench mkdir /tmp/machines
tar -C "$work/machines" -cf - vm00{00..99}.xml vm01{00..99}.xml | "$bed" enter bench tar -C /tmp/machines -xf -
"$bed" enter bench bash -c 'for file in /tmp/machines/vm*.xml; do echo "define $file"; done | virsh -q > /dev/null'
"$bed" enter bench python3 - compare "private libvirtd, 200 VMs and the bed's three" /usr/bin/vm-security /usr/local/bin/floor qemu:///system "$runs" < tests/bench/bench.py

python3 tests/bench/bench.py start "$program" 21
printf 'release binary  %.2f MB\n' "$(stat -c %s "$program" | awk '{ print $1 / 1000000 }')"
