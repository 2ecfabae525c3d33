#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# check.sh [STAGE]: the audit inside a whole host under SELinux, which no namespace of another host can have: a Debian
# trixie with libvirt, firewalld, auditd and Cockpit, booted in QEMU without KVM. STAGE is a tree made by
# `make install DESTDIR=STAGE`, by default target/stage. Slow: minutes, and once some more to build the disk image.
# shellcheck source-path=SCRIPTDIR disable=SC2154
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
stage=$(cd "${1:-$top/target/stage}" && pwd)
if [ "$(id -u)" != 0 ]; then # other users' files in an image need root
    command -v sudo >/dev/null || { echo "selinux-host: needs root" >&2; exit 1; }
    exec sudo VM_SECURITY_CACHE="${VM_SECURITY_CACHE:-$HOME/.cache/cockpit-vm-security}" "$here/check.sh" "$stage"
fi
umask 022
export PATH="$PATH:/usr/sbin:/sbin"
. "$here/../testbed/lib/settings.sh"
. "$here/../testbed/lib/prepare.sh"
. "$here/lib/image.sh"
prepare_image
