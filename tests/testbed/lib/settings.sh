# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by ./bed: what a bed is made of, where things are kept, and the few functions that every file uses.
# shellcheck shell=bash disable=SC2034

suite=bookworm
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# The clean root. Names are Debian's; the Cockpit among them is 287, bookworm's own.
root_packages=(
    systemd systemd-sysv libnss-systemd dbus libpam-systemd polkitd pkexec sudo procps iproute2 util-linux
    ca-certificates curl python3 openssl
    libvirt-daemon-system libvirt-clients libvirt-dbus dnsmasq-base iptables
    qemu-system-x86 qemu-utils ovmf swtpm swtpm-tools
    cockpit-ws cockpit-bridge cockpit-system cockpit-machines
    busybox-static cpio # for the guest's initrd
)
# What --cockpit 337 lays over it, from bookworm-backports.
newer_cockpit_packages=(cockpit-ws cockpit-bridge cockpit-system cockpit-machines)

cache=${VM_SECURITY_CACHE:-${HOME:?}/.cache/cockpit-vm-security}
beds=$(cd "$here/../.." && pwd)/target/testbed

say() { printf '%s\n' "$*"; }
die() { printf 'testbed: %s\n' "$*" >&2; exit 1; }

now_ms() { local t=${EPOCHREALTIME/[.,]/}; echo $((t / 1000)); }
export TESTBED_STARTED_MS="${TESTBED_STARTED_MS:-$(now_ms)}" # the demo's clock goes on in the commands it runs
progress() {
    local d=$(($(now_ms) - TESTBED_STARTED_MS))
    printf '%4d.%d s  %s\n' $((d / 1000)) $((d % 1000 / 100)) "$*"
}

# wait_until SECONDS CONDITION…: poll the condition; false when the time is over
wait_until() {
    local end=$(($(now_ms) + $1 * 1000)); shift
    until "$@"; do
        [ "$(now_ms)" -lt "$end" ] || return 1
        sleep 0.05
    done
}

# A process is named "PID STARTTIME": a reused number has another start time (field 22 of /proc/PID/stat, past the name).
process_name() {
    local stat
    { stat=$(<"/proc/$1/stat"); } 2>/dev/null || return 1
    set -- "$1" ${stat##*) }
    [ "$2" != Z ] && [ "$2" != X ] && echo "$1 ${21}"
}

# is_alive FILE: does the process that FILE names still run?
is_alive() {
    local pid start
    { read -r pid start <"$1"; } 2>/dev/null && [ "$(process_name "$pid")" = "$pid $start" ]
}
is_gone() { ! is_alive "$1"; }

stop_process() {
    local pid _
    is_alive "$1" || return 0
    read -r pid _ <"$1"
    kill -KILL "$pid" 2>/dev/null || true
    wait_until 10 is_gone "$1"
}
