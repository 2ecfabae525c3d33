#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Copies what was built to where it runs. `make install`, the RPM and the test
# bed all go through here. From the environment:
#   DESTDIR             staging directory, put before every path
#   PREFIX              /usr
#   LIBEXECDIR          where the program goes: PREFIX/libexec
#   COCKPIT_LIBEXECDIR  what Cockpit's ${libexecdir} stands for: the directory of its
#                       cockpit-askpass, /usr/lib/cockpit on Debian, else /usr/libexec
#   PROGRAM             the built program: target/release/cockpit-vm-security
set -eu
cd "$(dirname "$0")/.."

PREFIX=${PREFIX:-/usr}
LIBEXECDIR=${LIBEXECDIR:-$PREFIX/libexec}
PROGRAM=${PROGRAM:-${CARGO_TARGET_DIR:-target}/release/cockpit-vm-security}
if [ -z "${COCKPIT_LIBEXECDIR:-}" ]; then
    COCKPIT_LIBEXECDIR=/usr/libexec
    if [ -e "${DESTDIR:-}/usr/lib/cockpit/cockpit-askpass" ] || [ -e /usr/lib/cockpit/cockpit-askpass ]; then
        COCKPIT_LIBEXECDIR=/usr/lib/cockpit
    fi
fi

for built in "$PROGRAM" cockpit-ui/dist/manifest.json; do
    if [ ! -e "$built" ]; then
        echo "install.sh: $built is missing: run \`make\` first" >&2
        exit 1
    fi
done

# The shortest relative link survives a move of the whole tree (DESTDIR).
link() { # TARGET LINK, both absolute
    mkdir -p "${DESTDIR:-}$(dirname "$2")"
    ln -sfn "$(realpath -ms --relative-to="$(dirname "$2")" "$1")" "${DESTDIR:-}$2"
}

program=$LIBEXECDIR/cockpit-vm-security
page=$PREFIX/share/cockpit/vm-security

install -D -m 0755 "$PROGRAM" "${DESTDIR:-}$program"
link "$program" "$PREFIX/bin/vm-security"
# A file that an earlier version installed must not stay behind in the page.
rm -rf "${DESTDIR:-}$page"
(cd cockpit-ui/dist && find . -type f ! -name '*.map') | while read -r file; do
    install -D -m 0644 "cockpit-ui/dist/$file" "${DESTDIR:-}$page/${file#./}"
done

# The manifest says ${libexecdir}, which is Cockpit's. Where ours is another one,
# Cockpit's gets a link, or, outside PREFIX, the manifest the path itself.
case $COCKPIT_LIBEXECDIR in
    "$LIBEXECDIR") ;;
    "$PREFIX"/*) link "$program" "$COCKPIT_LIBEXECDIR/cockpit-vm-security" ;;
    *) sed -i "s|\${libexecdir}/cockpit-vm-security|$program|" "${DESTDIR:-}$page/manifest.json" ;;
esac

install -D -m 0644 -t "${DESTDIR:-}$PREFIX/share/metainfo" packaging/io.github.cockpit_vm_security.metainfo.xml
install -D -m 0644 -t "${DESTDIR:-}$PREFIX/share/man/man1" packaging/vm-security.1
