# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by ./bed: the cache. Three entries, each a directory KIND-KEY that is complete or absent:
#   root-KEY     the clean Debian root, read-only from then on
#   cockpit-KEY  the .deb files of the newer Cockpit
#   guest-KEY    vmlinuz and initrd.gz of the machine `insecure`
# KEY is a hash of everything that went into the entry, so a changed package list makes a new one. An entry is built
# beside its place and renamed; KIND-KEY.lock is held exclusively while building and shared while a bed uses it.
# shellcheck shell=bash

# URIs of the host's own Debian mirror, so that a local mirror is used here too: "MAIN SECURITY", empty where unknown.
host_mirrors() {
    local id=; id=$(. /etc/os-release 2>/dev/null && echo "${ID:-}")
    [ "$id" = debian ] || return 0
    local uri main='' security=''
    while read -r uri; do
        case $uri in mirror+file://*) uri=$(awk 'NF && !/^#/ {print $1; exit}' "${uri#mirror+file://}" 2>/dev/null) ;; esac
        if [[ $uri =~ /debian(/[0-9TZ]+)?/?$ ]]; then : "${main:=${uri%/}}"; fi
        if [[ $uri =~ /debian-security(/[0-9TZ]+)?/?$ ]]; then : "${security:=${uri%/}}"; fi
    done < <(
        cat /etc/apt/sources.list.d/*.sources 2>/dev/null | awk '/^URIs:/ {for (i = 2; i <= NF; i++) print $i}'
        cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null |
            sed -nE 's/^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([^[:space:]]+).*/\2/p'
    )
    echo "$main $security"
}

key_of() { printf '%s\n' "$@" | sha256sum | cut -c 1-12; }

set_keys() {
    # The recipes are part of the key: functions print as their own source text.
    root_dir=$cache/root-$(key_of "$suite" "${root_packages[@]}" "$(declare -f build_root)")
    cockpit_dir=$cache/cockpit-$(key_of "${root_dir##*/}" "${newer_cockpit_packages[@]}" "$(declare -f build_cockpit)")
    guest_dir=$cache/guest-$(key_of "${root_dir##*/}" "$(declare -f build_guest)" "$(<"$here/guest-init")")
}

# entry KIND DIR BUILDER: make sure that DIR is there
entry() {
    local kind=$1 dir=$2 builder=$3 lock
    mkdir -p "$cache"
    exec {lock}>"$dir.lock"
    flock -s "$lock"
    if [ ! -d "$dir" ]; then
        flock -n "$lock" || { progress "waiting for another command that builds the $kind"; flock "$lock"; }
        if [ ! -d "$dir" ]; then # else that command has built it
            progress "building the cached $kind"
            building=$dir.new
            rm -rf --one-file-system "$building"
            mkdir -m 755 "$building"
            build_in_background "$builder" "$dir.log"
            wait "$builder_pid" || { tail -n 30 "$dir.log" >&2; die "building the $kind failed, see $dir.log"; }
            builder_pid=
            rm -f "$dir.log"
            mv -T "$building" "$dir"
            building=
            progress "built the $kind ($(du -sh "$dir" | cut -f 1))"
        fi
    fi
    exec {lock}>&-
    touch "$dir.lock"
}

# A process group of its own (set -m), waited for: so that a signal to us takes effect at once and ends all of the build.
build_in_background() {
    set -m
    (set -e; trap - EXIT INT TERM HUP; "$1" "$building") >"$2" 2>&1 </dev/null &
    builder_pid=$!
    set +m
}

# An interrupted build leaves nothing half-made
drop_unfinished() {
    if [ -n "${builder_pid:-}" ]; then
        kill -TERM -- "-$builder_pid" 2>/dev/null || true
        wait "$builder_pid" || true
    fi
    [ -z "${building:-}" ] || rm -rf --one-file-system "$building"
}

# Entries that nothing used for two weeks and nothing uses now
prune_cache() {
    local old lock
    while read -r -d '' old; do
        exec {lock}>>"$old"
        if flock -n "$lock"; then rm -rf --one-file-system "${old%.lock}"; fi # the lock file stays: others may be waiting on it
        exec {lock}>&-
    done < <(find "$cache" -maxdepth 1 -name '*-*.lock' -mtime +14 -print0)
}

build_root() {
    local main security p='' sources=()
    read -r main security < <(host_mirrors) || true
    local signed="[signed-by=$keyring]"
    if [ -n "$main" ]; then
        sources=("deb $signed $main $suite main" "deb $signed $main $suite-updates main" "deb $signed $main $suite-backports main"
            "deb $signed ${security:-${main%/debian*}/debian-security} $suite-security main")
    else
        sources=("deb $signed http://deb.debian.org/debian $suite main" "deb $signed http://deb.debian.org/debian $suite-updates main"
            "deb $signed http://deb.debian.org/debian $suite-backports main"
            "deb $signed http://security.debian.org/debian-security $suite-security main")
    fi
    # mmdebstrap does not read the host's apt configuration; a proxy set there is needed here too
    local options=(--aptopt='Acquire::Languages "none"')
    eval "$(apt-config shell p Acquire::http::Proxy 2>/dev/null || true)"
    [ -z "$p" ] || options+=(--aptopt="Acquire::http::Proxy \"$p\"")
    mmdebstrap --mode=root --variant=minbase --skip=cleanup/reproducible "${options[@]}" \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --include="$(IFS=,; echo "${root_packages[*]}")" "$suite" "$1" "${sources[@]}"
}

# in_root DIR COMMAND…: run in a throw-away copy of the cached root, with DIR of the host as its /out and the host's network.
# Whatever else the command writes goes to a tmpfs that ends with it.
in_root() {
    LOWER=$root_dir OUT=$1 unshare -m -p -u -i --propagation private --fork --kill-child bash -euc '
        mount -t tmpfs tmpfs "$LOWER/mnt" && cd "$LOWER/mnt" && mkdir upper work merged
        mount -t overlay overlay -o lowerdir=../,upperdir=upper,workdir=work merged
        mount -t proc proc merged/proc
        for d in null zero random urandom; do : >"merged/dev/$d" 2>/dev/null || true; mount --bind "/dev/$d" "merged/dev/$d"; done
        mkdir merged/out && mount --bind "$OUT" merged/out
        rm -f merged/etc/resolv.conf && cat /etc/resolv.conf >merged/etc/resolv.conf
        exec chroot merged "$@"' in_root "${@:2}"
}

build_cockpit() {
    in_root "$1" bash -euc '
        export LC_ALL=C.UTF-8
        apt-get -q -o APT::Sandbox::User=root update
        cd /out && apt-get -q -o APT::Sandbox::User=root -t "$0" download "$@"' "$suite-backports" "${newer_cockpit_packages[@]}"
}

# Debian's kernel for clouds (it has the console and initrd support built in) and an initrd of busybox and one script
build_guest() {
    install -m 755 "$here/guest-init" "$1/init"
    in_root "$1" bash -euc '
        export LC_ALL=C.UTF-8
        apt-get -q -o APT::Sandbox::User=root update
        kernel=$(apt-cache depends linux-image-cloud-amd64 | sed -n "s/.*Depends: \(linux-image-[^ ]*\)$/\1/p" | head -n 1)
        mkdir /tmp/kernel /tmp/initrd && cd /tmp/kernel && apt-get -q -o APT::Sandbox::User=root download "$kernel"
        dpkg-deb --fsys-tarfile ./*.deb | tar -x --wildcards "./boot/vmlinuz-*"
        cp boot/vmlinuz-* /out/vmlinuz
        cd /tmp/initrd && mkdir bin dev proc sys && cp /bin/busybox bin/ && mv /out/init init
        find . | sort | cpio -o -H newc --quiet -R 0:0 | gzip -n >/out/initrd.gz
        chmod 644 /out/*'
}

# prepare 287|337|all
prepare() {
    [ "$(uname -m)" = x86_64 ] || die "the test bed's guests are x86-64 only, and so is the test bed"
    set_keys
    entry "Debian root" "$root_dir" build_root
    [ "$1" = 287 ] || entry "newer Cockpit" "$cockpit_dir" build_cockpit
    entry "guest" "$guest_dir" build_guest
    prune_cache
}
