#!/bin/sh
# SPDX-License-Identifier: LGPL-2.1-or-later
# Builds the source archive of HEAD and from it the source and binary RPMs, below
# target/rpm. `make rpm` calls it after the page was built. The archive is the same,
# byte for byte, for the same commit and the same cockpit-ui/dist.
set -eu
cd "$(dirname "$0")/.."

if [ ! -s cockpit-ui/dist/manifest.json ]; then
    echo "rpm.sh: cockpit-ui/dist has no page: run \`make ui\` first" >&2
    exit 1
fi
if ! git rev-parse --verify -q HEAD >/dev/null; then
    echo "rpm.sh: the source archive is made of HEAD, and this is no git working tree" >&2
    exit 1
fi
if ! git diff --quiet HEAD; then
    echo "rpm.sh: note: changes that are not committed are not in the package" >&2
fi

name=cockpit-vm-security
manifest() { # KEY: a string of Cargo.toml's [package]
    git show HEAD:Cargo.toml | awk -F'"' -v key="$1 = " '/^\[/ { here = $0 == "[package]" } here && $1 == key { print $2 }'
}
version=$(manifest version)
SOURCE_DATE_EPOCH=$(git log -1 --format=%ct)
export SOURCE_DATE_EPOCH
# Reused between runs; rpmbuild's own BUILD directory is not.
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/target/rpm/cargo}"

top=$PWD/target/rpm
tree=$top/$name-$version
rm -rf "$tree" "$top/BUILD" "$top/BUILDROOT" "$top/RPMS" "$top/SRPMS"
mkdir -p "$tree" "$top/SOURCES" "$top/SPECS"

echo "rpm.sh: source archive of $(git log -1 --format=%h)" >&2
git archive HEAD | tar -x -C "$tree"
mkdir -p "$tree/cockpit-ui"
cp -R cockpit-ui/dist "$tree/cockpit-ui/dist"
sh packaging/npm-modules.sh > "$top/npm-modules.txt"
cp "$top/npm-modules.txt" "$tree/cockpit-ui/runtime-npm-modules.txt"
(cd "$tree" && cargo vendor --quiet --locked vendor >/dev/null)

sed 's/^\([^ ]*\) \([^ ]*\)$/Provides:       bundled(npm(\1)) = \2/' "$top/npm-modules.txt" > "$top/npm-provides.txt"
sed -e "s/@VERSION@/$version/" -e "s/@RUST@/$(manifest rust-version)/" \
    -e "s/@DATE@/$(LC_ALL=C date -u -d "@$SOURCE_DATE_EPOCH" '+%a %b %d %Y')/" -e "s/@COMMIT@/$(git rev-parse --short=12 HEAD)/" \
    -e "/^@NPM_PROVIDES@$/{r $top/npm-provides.txt
        d}" packaging/$name.spec.in > "$top/SPECS/$name.spec"

archive=$top/SOURCES/$name-$version.tar.gz
tar -C "$top" --sort=name --format=gnu --mtime="@$SOURCE_DATE_EPOCH" --owner=0 --group=0 --numeric-owner \
    --mode=go=rX,u+rw -cf - "$name-$version" | gzip -n > "$archive"
rm -rf "$tree"

# Debian's rpm knows nothing of what dpkg installed: every BuildRequires would fail.
# Its database, empty, would lie in the caller's home directory.
set --
if [ -e /etc/debian_version ]; then
    set -- --nodeps --define "_dbpath $top/rpmdb"
fi
echo "rpm.sh: rpmbuild (log: target/rpm/build.log)" >&2
if ! rpmbuild -ba "$@" --define "_topdir $top" --define "_buildhost localhost" "$top/SPECS/$name.spec" > "$top/build.log" 2>&1; then
    tail -n 40 "$top/build.log" >&2
    echo "rpm.sh: rpmbuild failed" >&2
    exit 1
fi
ls "$top"/SRPMS/*.src.rpm "$top"/RPMS/*/"$name-$version"-*.rpm
