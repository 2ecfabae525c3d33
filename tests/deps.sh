#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Install what this project needs on the host, and only what is missing.
#
#   tests/deps.sh [build|test|package|all]     default: all
#
# Debian 12 or newer (apt) and Fedora or RHEL 9 or newer (dnf). The dnf half is written with care but has not been run.
# A need is a command, a file or a pkg-config module. Where it is met, by whatever source (nodesource, rustup, a
# backport), nothing is installed; where everything is met, no package manager runs at all. No daemon is started.
set -euo pipefail
export LC_ALL=C.UTF-8 PATH="$PATH:/usr/sbin:/sbin"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# GROUP  NEED  DEBIAN-PACKAGE  FEDORA-PACKAGE       NEED: a command, a /file, or pc:MODULE
needs='
build    make                 make                    make
build    gcc                  gcc                     gcc
build    /usr/include/stdio.h libc6-dev               glibc-devel
build    pkg-config           pkg-config              pkgconf-pkg-config
build    pc:libvirt           libvirt-dev             libvirt-devel
build    node                 nodejs                  nodejs
build    npm                  npm                     nodejs-npm
build    msgfmt               gettext                 gettext
test     mmdebstrap           mmdebstrap              mmdebstrap
test     shellcheck           shellcheck              ShellCheck
test     /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring debian-keyring
test     unshare              util-linux              util-linux
test     mount                mount                   util-linux
test     ip                   iproute2                iproute
test     ps                   procps                  procps-ng
test     curl                 curl                    curl
test     /etc/ssl/certs/ca-certificates.crt ca-certificates ca-certificates
test     socat                socat                   socat
test     python3              python3                 python3
test     openssl              openssl                 openssl
test     ssh                  openssh-client          openssh-clients
test     ssh-keygen           openssh-client          openssh
test     mkfs.ext4            e2fsprogs               e2fsprogs
test     cpio                 cpio                    cpio
test     xz                   xz-utils                xz
test     zstd                 zstd                    zstd
test     setpriv              util-linux              util-linux
test     chromium             chromium                chromium
package  rpm                  rpm                     rpm
package  rpmbuild             rpm                     rpm-build
package  rpm2cpio             rpm2cpio                rpm
package  cpio                 cpio                    cpio
package  rpmlint              rpmlint                 rpmlint
package  appstreamcli         appstream               appstream
package  appstream-util       appstream-util          libappstream-glib
package  man                  man-db                  man-db
package  dpkg-deb             dpkg                    dpkg
package  msgfmt               gettext                 gettext
'

say() { printf 'deps: %s\n' "$*"; }
die() { printf 'deps: %s\n' "$*" >&2; exit 1; }

met() {
    case $1 in
        pc:*) command -v pkg-config >/dev/null && pkg-config --exists "${1#pc:}" ;;
        /*) [ -e "$1" ] ;;
        chromium) command -v chromium >/dev/null || command -v chromium-browser >/dev/null ;;
        *) command -v "$1" >/dev/null ;;
    esac
}

# The distributions' Rust is often older than the crate allows, and which source to take is the user's choice.
check_cargo() {
    local wanted have
    wanted=$(sed -n 's/^rust-version *= *"\([0-9.]*\)".*/\1/p' "$here/../Cargo.toml" 2>/dev/null | head -n 1)
    command -v cargo >/dev/null || [ ! -x "$HOME/.cargo/bin/cargo" ] ||
        die "cargo is in $HOME/.cargo/bin, which is not on PATH: . \"$HOME/.cargo/env\""
    if command -v cargo >/dev/null; then
        have=$(cargo --version 2>/dev/null | awk '{print $2}')
        [ -n "$have" ] || die "cargo is there, but has no toolchain: rustup default stable"
        [ -z "$wanted" ] || [ "$(printf '%s\n%s\n' "$wanted" "$have" | sort -V | head -n 1)" = "$wanted" ] ||
            die "cargo $have is too old, $wanted is needed: rustup update stable"
        return
    fi
    die "cargo is missing${wanted:+ (Rust $wanted or newer is needed)}. Get it
  with rustup:      https://rustup.rs   (Debian 13+: apt install rustup; Fedora: dnf install rustup; then: rustup default stable)
  or as a package:  dnf install cargo   (Fedora, RHEL 9.6+; Debian 12's cargo is too old)"
}

# packages GROUP COLUMN: one line per package that some unmet need of GROUP asks for
packages() {
    local group need deb rpm
    while read -r group need deb rpm; do
        [ -n "$group" ] || continue
        if [ "$1" != all ] && [ "$1" != "$group" ]; then continue; fi
        met "$need" || if [ "$2" = deb ]; then echo "$deb"; else echo "$rpm"; fi
    done <<<"$needs" | sort -u
}

# Packages must not start their services here. policy-rc.d is Debian's own switch for that; a present one is respected.
policy=/usr/sbin/policy-rc.d
install_apt() {
    if [ ! -e $policy ]; then
        trap '"${as_root[@]}" rm -f $policy' EXIT
        printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee $policy >/dev/null
        "${as_root[@]}" chmod 755 $policy
    fi
    local apt=("${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -q -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0)
    "${apt[@]}" update
    "${apt[@]}" install -y --no-install-recommends --no-upgrade \
        -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"
}

# RPM packages do not start services at installation; weak dependencies are left out.
install_dnf() {
    "${as_root[@]}" dnf install -y --setopt=install_weak_deps=False "$@" && return
    . /etc/os-release
    [ "${ID:-}" = fedora ] || say "on RHEL and its kin, libvirt-devel is in the repository crb, and chromium, rpmlint and mmdebstrap are in EPEL"
    exit 1
}

group=${1:-all}
case $group in
    build | test | package | all) ;;
    *) die "usage: deps.sh [build|test|package|all]" ;;
esac
if [ "$group" = build ] || [ "$group" = all ]; then check_cargo; fi

if command -v apt-get >/dev/null; then kind=deb
elif command -v dnf >/dev/null; then kind=rpm
else kind=; fi
mapfile -t missing < <(packages "$group" "${kind:-deb}")
if [ ${#missing[@]} = 0 ]; then say "$group: nothing is missing"; exit 0; fi
[ -n "$kind" ] || die "neither apt-get nor dnf is here; install by hand (Debian's names): ${missing[*]}"

as_root=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "not root, and there is no sudo; as root: ${missing[*]}"
    as_root=(sudo)
fi
say "$group: installing ${missing[*]}"
if [ $kind = deb ]; then install_apt "${missing[@]}"; else install_dnf "${missing[@]}"; fi
hash -r
mapfile -t missing < <(packages "$group" $kind)
[ ${#missing[@]} = 0 ] || die "still missing after the installation: ${missing[*]}"
