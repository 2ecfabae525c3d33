# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by ./bed: a bed's life. Its state is a directory $beds/NAME:
#   keeper   the process (see process_name) of `unshare` on the host: its death ends everything inside
#   init     the bed's PID 1, as the host sees it
#   cgroup   path of the bed's cgroup: root/ is the bed's own tree, keeper/ holds the keeper
#   images/  the bed's /var/lib/libvirt/images;  mnt/ mount point, empty as seen from the host
#   forwards/  processes of `bed forward`
# shellcheck shell=bash disable=SC2154 # variables of the files that ./bed sources

set_bed() {
    [[ ${1:-} =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] || die "a bed's name is small letters, digits and '-'"
    bed=$1 state=$beds/$1
}
need_up() { is_alive "$state/init" || die "$bed is not up"; }

# Namespaces of the bed's PID 1, entered by number only after its start time was checked
in_bed() { # in_bed NSENTER-OPTIONS… -- COMMAND…
    local pid _
    read -r pid _ <"$state/init" && nsenter -t "$pid" "$@"
}
enter() {
    in_bed -m -p -n -u -i -C -r -w -- /usr/bin/env -i HOME=/root USER=root LOGNAME=root TERM="${TERM:-dumb}" LANG=C.UTF-8 \
        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$@"
}
enter_as() {
    local user=$1; shift
    # shellcheck disable=SC2016
    enter runuser -u "$user" -- env HOME="/home/$user" USER="$user" LOGNAME="$user" sh -c 'cd && exec "$@"' sh "$@"
}

# Conditions that `up` waits for; true as well when the keeper is gone, which the caller then sees.
has_init() {
    local pid space _
    read -r pid _ <"$state/keeper"
    for init_pid in $(ps -o pid= --ppid "$pid"); do # before it becomes unshare, the keeper has other short-lived children
        space=$(readlink "/proc/$init_pid/ns/pid") || continue
        [ -z "$space" ] || [ "$space" = "$(readlink /proc/self/ns/pid)" ] || return 0
    done
    is_gone "$state/keeper"
}
booting() { is_gone "$state/keeper" || [ -e "$state/booting" ]; }
booted() { is_gone "$state/keeper" || enter systemctl -q is-active testbed.target 2>/dev/null; }
cockpit_answers() { is_gone "$state/keeper" || in_bed -n -- curl -s -o /dev/null http://127.0.0.1:9090/ping; }

boot_failed() {
    cat "$state/boot.log" >&2
    enter journalctl --no-pager -p warning -n 40 >&2 2>/dev/null || true
    die "$1"
}

# up NAME 287|337 STAGE
up() {
    set_bed "$1"
    local version=$2 stage=$3 parent
    mkdir -p "$beds"
    exec {bed_lock}>"$beds/$bed.lock"
    flock -n "$bed_lock" || die "another command is bringing $bed up or down"
    ! is_alive "$state/keeper" || die "$bed is already up"
    prepare "$version"
    remove_remains
    mkdir -p "$state/mnt" "$state/forwards"
    mkdir -m 711 "$state/images"
    unfinished=yes # for the trap in ./bed

    # systemd needs a cgroup2 tree of its own. On the top level: the only place where no controller has to be delegated.
    parent=$(findmnt -n -l -o TARGET -t cgroup2 | head -n 1)
    [ -n "$parent" ] || die "no cgroup2 is mounted"
    echo "$parent/vm-security-testbed-$(key_of "$beds")-$bed" >"$state/cgroup"
    mkdir -p "$(<"$state/cgroup")"/{root,keeper}

    local debs=''; [ "$version" = 287 ] || debs=$cockpit_dir
    BED=$bed STATE=$state LOWER=$root_dir GUEST=$guest_dir DEBS=$debs STAGE=$stage HERE=$here \
        setsid bash -c '
            # the cached root must stay as it is while the bed is up
            exec {LOCK}<"$LOWER.lock" && flock -s "$LOCK" && export LOCK
            echo $$ >"$(<"$STATE/cgroup")/root/cgroup.procs" && echo $$ >"$STATE/pid" &&
            exec unshare -m -p -n -u -i -C --propagation private --fork --kill-child "$HERE/lib/inside.sh"' \
        >"$state/boot.log" 2>&1 </dev/null {bed_lock}>&- &
    local keeper=$!
    disown "$keeper" # ours to end, but no news to the shell
    process_name "$keeper" >"$state/keeper" || boot_failed "$bed did not start"
    wait_until 20 has_init || boot_failed "$bed did not start"
    process_name "$init_pid" >"$state/init" || boot_failed "$bed did not start"
    cut -d ' ' -f 1 "$state/keeper" >"$(<"$state/cgroup")/keeper/cgroup.procs"
    : >"$state/go"

    { wait_until 60 booting && [ -e "$state/booting" ]; } || boot_failed "$bed was not made in 60 s"
    { wait_until 90 booted && is_alive "$state/init"; } || boot_failed "$bed did not boot"
    progress "$bed: systemd is up"
    { wait_until 60 cockpit_answers && is_alive "$state/init"; } || boot_failed "no answer from Cockpit in $bed"
    progress "$bed: Cockpit $version answers on port 9090 of its own network"
    enter bash /opt/testbed/machines.sh || boot_failed "the machines did not start"
    progress "$bed: the machines are there"
    unfinished=''
}

cgroup_is_empty() { ! grep -qs '^populated 1' "$1/cgroup.events"; }

# Everything that a bed can have left, each part only if it is there and only if it is ours
remove_remains() {
    local forward cgroup
    [ -d "$state" ] || return 0
    for forward in "$state"/forwards/*; do
        [ ! -e "$forward" ] || stop_process "$forward" || say "$forward does not end"
    done
    # Killing the keeper kills the bed's PID 1 (--kill-child), and the kernel then kills everything in that PID namespace.
    stop_process "$state/keeper" || die "the keeper of $bed does not end"
    stop_process "$state/init" || die "PID 1 of $bed does not end"
    if { cgroup=$(<"$state/cgroup"); } 2>/dev/null && [ -d "$cgroup" ]; then
        # for the case that we were killed before the keeper was written down
        [ ! -e "$cgroup/cgroup.kill" ] || echo 1 >"$cgroup/cgroup.kill"
        wait_until 20 cgroup_is_empty "$cgroup" || die "processes are left in $cgroup"
        find "$cgroup" -depth -type d -exec rmdir {} +
    fi
    rm -rf --one-file-system "$state"
}

down() {
    set_bed "$1"
    mkdir -p "$beds"
    exec {bed_lock}>"$beds/$bed.lock"
    flock -w 30 "$bed_lock" || die "another command is bringing $bed up or down"
    remove_remains
    progress "$bed is down"
}

# forward NAME PORT: until it is ended, or the bed is
forward() {
    set_bed "$1"; need_up
    local pid _ network
    read -r pid _ <"$state/init"
    exec {network}<"/proc/$pid/ns/net" # pins that very namespace: a number alone could come to mean another process
    process_name $$ >"$state/forwards/$$"
    exec socat "TCP-LISTEN:$2,bind=127.0.0.1,fork,reuseaddr" \
        "EXEC:nsenter --net=/proc/self/fd/$network socat - TCP\\:127.0.0.1\\:9090"
}
