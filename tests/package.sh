#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Installs the RPM that `make rpm` built into an empty root, runs what it installed,
# and removes it again.
#
#   tests/package.sh [RPM]      default: the one below target/rpm/RPMS
#
# Needs rpm, node (for JSON) and root, or user namespaces.
# shellcheck disable=SC2016 # single quotes: what stands in them is JavaScript
set -euo pipefail

# rpm --root calls chroot(2).
if [ "$(id -u)" != 0 ]; then
    exec unshare --map-root-user "$0" "$@"
fi

here=$(cd "$(dirname "$0")/.." && pwd)
# rpm.sh empties that directory first: there is one.
rpm=${1:-$(find "$here/target/rpm/RPMS" -name 'cockpit-vm-security-[0-9]*.rpm' 2>/dev/null | head -n 1 || true)}
if [ ! -s "$rpm" ]; then
    echo "package.sh: no RPM: run \`make rpm\` first" >&2
    exit 2
fi
rpm=$(realpath "$rpm")

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir "$root"

passed=0
failed=0
# check WHAT COMMAND…: one line per check; the command's output only when it fails.
check() {
    local code
    # Not `if "$@"`: there bash ignores set -e in the whole function that is called.
    set +e
    (set -e; "${@:2}") >"$work/output" 2>&1
    code=$?
    set -e
    if [ "$code" = 0 ]; then
        passed=$((passed + 1))
        echo "ok      $1"
    else
        failed=$((failed + 1))
        echo "FAILED  $1"
        sed 's/^/        /' "$work/output"
    fi
}

# Without --dbpath Debian's rpm keeps a database in the caller's home directory.
query() { rpm --dbpath "$work/no-db" -qp "$@" "$rpm"; }
in_root() { rpm --root "$root" --dbpath /var/lib/rpm "$@"; }

version=$(query --queryformat '%{VERSION}')
program=$root/usr/libexec/cockpit-vm-security
page=$root/usr/share/cockpit/vm-security

# --- what the package says -------------------------------------------------------

equals() { diff <(printf '%s\n' "$1") <(printf '%s\n' "$2"); }
has_line() { grep -qxF -e "$1" <<<"$2" || { echo "not there: $1"; return 1; }; }

# Everything outside the page's own directory is known by name, but for the links that
# rpm itself adds on Fedora.
listed_files() {
    equals "$(query -l | grep -v '^/usr/lib/\.build-id' | sed -e 's/\.gz$//' -e "s/-$version//" | grep -v '^/usr/share/cockpit/vm-security/' | sort)" "\
/usr/bin/vm-security
/usr/libexec/cockpit-vm-security
/usr/share/cockpit/vm-security
/usr/share/licenses/cockpit-vm-security
/usr/share/licenses/cockpit-vm-security/LICENSE
/usr/share/licenses/cockpit-vm-security/LICENSE.dependencies
/usr/share/licenses/cockpit-vm-security/LICENSE.page
/usr/share/licenses/cockpit-vm-security/cargo-vendor.txt
/usr/share/man/man1/vm-security.1
/usr/share/metainfo/io.github.cockpit_vm_security.metainfo.xml"
}
modes() { # all of them root's; nothing writable for others, set-id or executable but the program
    local wrong
    wrong=$(query --queryformat '[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILENAMES}\n]' | grep -vE \
        -e '^-rwxr-xr-x root:root /usr/libexec/cockpit-vm-security$' \
        -e '^lrwxrwxrwx root:root /usr/bin/vm-security$' \
        -e '^drwxr-xr-x root:root /usr/share/(cockpit/vm-security|licenses/)' \
        -e '^-rw-r--r-- root:root /usr/share/' \
        -e '^[dl]rwx.* root:root /usr/lib/\.build-id' || true)
    equals "" "$wrong"
}
no_maps() { equals "" "$(query -l | grep -E '\.map(\.gz)?$' || true)"; }
requirements() {
    local requires
    requires=$(query --requires)
    has_line libvirt-libs "$requires"
    grep -q '^cockpit-bridge >= ' <<<"$requires"
    has_line 'libvirt.so.0()(64bit)' "$requires"
    has_line cockpit-machines "$(query --recommends)"
}
no_scripts() { equals "" "$(query --scripts; query --triggers)"; }
bundled() { query --provides | grep -E '^bundled\(npm\(@patternfly/react-core\)\) = [0-9]'; }

check "the package lists the files it should" listed_files
check "modes and owners" modes
check "no source maps" no_maps
check "dependencies" requirements
check "no scripts" no_scripts
check "bundled npm modules are provided" bundled
if command -v rpmlint >/dev/null; then
    check "rpmlint" env HOME="$work" rpmlint -c "$here/packaging/rpmlint.toml" "$rpm"
else
    echo "-       rpmlint: not installed"
fi

# --- installed into an empty root ------------------------------------------------

check "rpm -i into an empty root" in_root -i --nodeps "$rpm"
check "the package is in the database" in_root -q cockpit-vm-security
check "rpm -V finds nothing changed" in_root -V --nodeps cockpit-vm-security

links_to_program() {
    equals "../libexec/cockpit-vm-security" "$(readlink "$root/usr/bin/vm-security")"
    [ "$root/usr/bin/vm-security" -ef "$program" ]
}
says_version() { grep -F -- "$version" <<<"$("$root/usr/bin/vm-security" --version)"; }
no_command() { # an unknown subcommand is refused with a line, not with success
    local code=0
    "$root/usr/bin/vm-security" no-such-command 2>"$work/stderr" || code=$?
    equals 2 "$code"
    [ -s "$work/stderr" ]
}
lists_checks() {
    "$root/usr/bin/vm-security" checks --format json | node -e '
        const { version, checks } = JSON.parse(require("fs").readFileSync(0, "utf8"));
        const ids = checks.map(check => check.id);
        if (version !== 1 || !ids.includes("vm.graphics-listen") || !ids.includes("host.selinux-enforcing"))
            throw new Error(`version ${version}, checks ${ids}`);'
}
# Cockpit's frames: the length of all that follows, then the channel, then the payload.
frame() { # CHANNEL PAYLOAD
    local LC_ALL=C
    printf '%d\n%s\n%s' $((${#1} + 1 + ${#2})) "$1" "$2"
}
speaks_cockpit() { # what Cockpit's bridge does: init, two channels, end of input
    : >"$work/frames"
    # shellcheck disable=SC2094 # the reader waits for what the other end of the pipe appends
    {
        frame "" '{"command":"init","version":1,"host":"localhost"}'
        frame "" '{"command":"open","channel":"c1","payload":"vm-security1","view":"checks"}'
        frame "" '{"command":"open","channel":"c2","payload":"no-such-payload"}'
        # The end of input would end the process: wait for both answers.
        for _ in {1..100}; do
            [ "$(grep -aoE '"command": *"close"' "$work/frames" | wc -l)" -lt 2 ] || break
            sleep 0.1
        done
    } | timeout 20 "$program" bridge >>"$work/frames"
    node -e '
        const assert = require("assert");
        let rest = require("fs").readFileSync(process.argv[1]);
        const seen = [];
        while (rest.length) {
            const head = rest.indexOf("\n"), length = Number(rest.subarray(0, head).toString());
            assert(length > 0 && head + 1 + length <= rest.length, "a broken frame");
            const body = rest.subarray(head + 1, head + 1 + length).toString();
            rest = rest.subarray(head + 1 + length);
            const cut = body.indexOf("\n"), message = JSON.parse(body.slice(cut + 1));
            seen.push(body.slice(0, cut) ? "data " + body.slice(0, cut)
                : [message.command, message.channel, message.problem].filter(x => x).join(" "));
        }
        const of = id => seen.filter(line => line.split(" ")[1] === id);
        assert.strictEqual(seen[0], "init");
        assert.deepStrictEqual(of("c1"), ["ready c1", "data c1", "done c1", "close c1"]);
        assert.deepStrictEqual(of("c2"), ["close c2 not-supported"]);
    ' "$work/frames"
}
manifest() { # the program that it spawns is the installed one, the pages that it names exist
    node -e '
        const assert = require("assert"), fs = require("fs");
        const [page, root] = process.argv.slice(1);
        const manifest = JSON.parse(fs.readFileSync(`${page}/manifest.json`, "utf8"));
        const bridge = manifest.bridges.find(bridge => bridge.match.payload === "vm-security1");
        assert.deepStrictEqual(bridge.spawn, ["${libexecdir}/cockpit-vm-security", "bridge"]);
        fs.accessSync(bridge.spawn[0].replace("${libexecdir}", `${root}/usr/libexec`), fs.constants.X_OK);
        const pages = Object.entries(manifest.menu ?? {}).map(([name, { path }]) => path ?? `${name}.html`);
        for (const name of ["index.html", ...pages])
            assert(fs.existsSync(`${page}/${name}`) || fs.existsSync(`${page}/${name}.gz`), name);
    ' "$page" "$root"
}
local_references() { # every file that the pages load from their own directory is installed
    local html name count=0 missing=
    for html in "$page"/*.html; do
        while read -r name; do
            case $name in
                ../* | po.js) continue ;; # Cockpit's own: po.js is made for the reader's language
            esac
            count=$((count + 1))
            [ -e "$page/$name" ] || [ -e "$page/$name.gz" ] || missing+="$html: $name"$'\n'
        done < <(grep -oE '(src|href)="[^"#:]+"' "$html" | sed -E 's/^[a-z]+="(.*)"$/\1/')
    done
    equals "" "${missing%$'\n'}"
    [ "$count" -gt 0 ]
}

check "vm-security on the path is the program" links_to_program
check "vm-security --version" says_version
check "an unknown command exits with 2" no_command
check "vm-security checks --format json" lists_checks
check "the bridge speaks Cockpit's protocol" speaks_cockpit
check "the manifest is valid and names the installed program" manifest
check "what the pages load is installed" local_references

metainfo=$root/usr/share/metainfo/io.github.cockpit_vm_security.metainfo.xml
for validator in "appstreamcli validate --no-net" "appstream-util validate-relax --nonet"; do
    if command -v "${validator%% *}" >/dev/null; then
        # shellcheck disable=SC2086 # words on purpose
        check "$validator" $validator "$metainfo"
    fi
done
manual() { equals "" "$(LC_ALL=C.UTF-8 man --warnings -l "$(echo "$root"/usr/share/man/man1/vm-security.1*)" 2>&1 >/dev/null)"; }
if command -v man >/dev/null; then
    check "the manual page has no errors" manual
fi

# --- removed ---------------------------------------------------------------------

# Only what rpm itself keeps may stay: its database and the directories of others.
leftovers() { equals "" "$(cd "$root" && find . -path ./var/lib/rpm -prune -o ! -type d -print -o -path '*vm-security*' -print)"; }

check "rpm -V notices a changed file" bash -c "echo >> '$page/manifest.json'; ! rpm --root '$root' --dbpath /var/lib/rpm -V --nodeps cockpit-vm-security"
check "rpm -e" in_root -e --nodeps cockpit-vm-security
check "nothing stays behind" leftovers

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
