/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The test bed from inside the tests: commands in it, and the few things that the tests change there.
 * VM_SECURITY_BED names the bed (tests/testbed/bed); the tests themselves run in its network through `bed net`.
 */

import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const bed = fileURLToPath(new URL("../../testbed/bed", import.meta.url));

export const BED = process.env.VM_SECURITY_BED ?? "";
if (!BED)
    throw new Error("VM_SECURITY_BED must name a test bed that is up: see tests/in-bed.sh");

/** Runs a command inside the bed as root, and returns what it wrote to stdout. Fails when the command fails. */
export async function inBed(...command) {
    const { stdout } = await run(bed, ["enter", BED, ...command], { timeout: 180_000, maxBuffer: 64 << 20 });
    return stdout;
}

/** Runs a shell script inside the bed; `args` are its $1, $2, … */
export const shell = (script, ...args) => inBed("bash", "-euo", "pipefail", "-c", script, "bash", ...args);

/** Expressions for `redefine`: the machine's console listens on all addresses, on one of the network, on this host only. */
export const OPEN = "s/127\\.0\\.0\\.1/0.0.0.0/";
export const ELSEWHERE = "s/0\\.0\\.0\\.0/192.0.2.7/";
export const CLOSED = "s/0\\.0\\.0\\.0/127.0.0.1/; s/192\\.0\\.2\\.7/127.0.0.1/";

/**
 * Changes the stored definition of a machine by a sed expression. Returns the moment (milliseconds since 1970) just
 * before libvirt was asked, so that what is measured from it includes libvirt's own work.
 */
export async function redefine(machine, expression) {
    const out = await shell(`
        xml=$(mktemp)
        trap 'rm -f "$xml"' EXIT
        virsh -q dumpxml --inactive --security-info "$1" | sed "$2" >"$xml"
        date +%s%3N
        virsh -q define "$xml" >/dev/null`, machine, expression);
    return Number(out.trim().split("\n")[0]);
}

/** Defines many machines at once: their names, each with its place in the list as the end of its UUID. */
export const defineMany = (names, xml) => shell(`
    dir=$(mktemp -d)
    trap 'rm -rf "$dir"' EXIT
    n=0
    for name in $1; do
        uuid=$(printf '77777777-7777-4777-8777-%012d' "$n")
        sed "s/NAME/$name/; s/UUID/$uuid/" <<<"$2" >"$dir/$name.xml"
        echo "define $dir/$name.xml"
        n=$((n + 1))
    done >"$dir/commands"
    virsh -q <"$dir/commands" >/dev/null`, names.join(" "), xml);
export const undefineMany = names => shell(`for name in $1; do echo "undefine $name"; done | virsh -q >/dev/null`, names.join(" "));

export const define = xml => shell('virsh -q define --validate /dev/stdin <<<"$1" >/dev/null', xml);
export const undefine = machine => inBed("virsh", "-q", "undefine", machine);

const LIBVIRT_UNITS = ["libvirtd.service", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket"];

export const stopLibvirt = () => inBed("systemctl", "stop", ...LIBVIRT_UNITS);
/** The sockets are enough: whoever connects starts the service. */
export const startLibvirt = () => inBed("systemctl", "start", ...LIBVIRT_UNITS.slice(1));

/** Our processes in the bed, each with the user that it runs as. */
export async function ourProcesses() {
    // the kernel keeps 15 letters of the name; pgrep's status 1 means that there is none
    const out = await shell("ps -C cockpit-vm-secu -o pid=,user:32=,args= || true");
    return out.split("\n").map(line => /^\s*(\d+)\s+(\S+)\s+(.*bridge)\s*$/.exec(line)).filter(Boolean)
            .map(([, pid, user]) => ({ pid: Number(pid), user }));
}

export const kill = pid => inBed("kill", "-KILL", String(pid));
