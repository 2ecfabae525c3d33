#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check.sh [STAGE]: the audit inside a whole host under SELinux, which no namespace of another host can have: a Debian
# trixie with libvirt, firewalld, auditd and Cockpit, booted in QEMU without KVM. STAGE is a tree made by
# `make install DESTDIR=STAGE COCKPIT_LIBEXECDIR=/usr/lib/cockpit`, by default target/stage. Slow: minutes, and once some
# more to build the disk image. With ENFORCING=0 in the environment the host boots permissive. In it:
#   host      verdicts as root and as a limited user, secrets, SELinux switched off and on again during a watch
#   browser   a login to its Cockpit, and the way to a VM's Security view
# Kept in target/selinux-host/enforcing or permissive: every verdict for people to read (audit.txt, audit.json, as the
# limited user viewer.txt, viewer.json), the facts that they are of (facts.json), complete logs, and what the kernel said.
# shellcheck source-path=SCRIPTDIR disable=SC2154
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
umask 022
export PATH="$PATH:/usr/sbin:/sbin"
export VM_SECURITY_CACHE="${VM_SECURITY_CACHE:-$HOME/.cache/cockpit-vm-security}"
. "$here/../testbed/lib/settings.sh"
. "$here/../testbed/lib/prepare.sh"
. "$here/../parts.sh"
. "$here/lib/image.sh"
. "$here/lib/machine.sh"

if [ "${1:-}" = --prepare-image ]; then # the part that needs root
    on_exit drop_unfinished
    prepare_image
    exit
fi

enforcing=${ENFORCING:-1}
case $enforcing in
    1) mode=enforcing ;;
    0) mode=permissive ;;
    *) die "ENFORCING is 1 or 0" ;;
esac
stage=$(cd "${1:-$top/target/stage}" && pwd)
[ -x "$stage/usr/bin/vm-security" ] || die "nothing is installed in $stage: make stage"
cd "$top"
logs=target/selinux-host/$mode

measured=() lap_ms=$(now_ms)
# lap WORDS: since the last lap
lap() {
    local now d; now=$(now_ms); d=$((now - lap_ms))
    measured+=("$(printf '%5d.%d s  %s' $((d / 1000)) $((d % 1000 / 100)) "$1")")
    lap_ms=$now
}

on_exit stop_machine
rm -rf "$logs"
mkdir -p "$logs"
as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "building the disk image needs root"
    as_root=(sudo VM_SECURITY_CACHE="$VM_SECURITY_CACHE" TESTBED_STARTED_MS="$TESTBED_STARTED_MS")
    sudo -v # here it may ask
fi
run "${as_root[@]}" "$here/check.sh" --prepare-image
hold_image
lap "disk image: built, or found in the cache"
need_browser_tests
progress "building the tests"
run cargo test "${locked[@]}" --no-run --test selinux_host
lap "tests built"

progress "booting the host, $mode"
start_machine "$enforcing"
run wait_for_machine 300
lap "boot, to the first answer over ssh"
run install_stage "$stage"
run start_vms
lap "program and page installed, both VMs started"
progress "the host is up, with both VMs; its audit:"
for user in host viewer; do
    name=${user/#host/audit}
    run ssh -F "$run/ssh_config" "$user" vm-security audit --all >"$logs/$name.txt"
    run ssh -F "$run/ssh_config" "$user" vm-security audit --format json >"$logs/$name.json"
done
run on_host vm-security facts >"$logs/facts.json"
grep -E '^(Host|VM) |^  (meets|does not meet|FAIL|WARN) ' "$logs/audit.txt"
lap "five readings of the host written to $logs"

show=cat summary=$cargo_summary
VM_SECURITY_SSH_CONFIG="$run/ssh_config" VM_SECURITY_ENFORCING="$enforcing" \
    part host cargo test "${locked[@]}" --test selinux_host
lap "host"
show=show_tap summary=$tap_summary
VM_SECURITY_URL="http://127.0.0.1:$cockpit_port" VM_SECURITY_PATIENCE=240 VM_SECURITY_ENFORCING="$enforcing" \
    part browser node --test --test-reporter=tap tests/browser/selinux-host.test.js
lap "browser"
cp "$run/serial.log" "$run/qemu.log" "$logs/"
# Not for the verdicts, but whoever changes policy.cil wants to know what it still forbids.
on_host 'ausearch --input-logs -m avc -ts boot 2>/dev/null || true' >"$logs/denials.txt"

echo
printf '%s\n' "measured:" "${measured[@]}"
finish_parts
