#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Times the audit beside the floor (floor.rs), run by run in turn, so that a machine whose speed drifts does not matter.

bench.py machines COUNT DIR    writes COUNT definitions, and a node description for libvirt's test driver, into DIR
bench.py compare NAME PROGRAM FLOOR URI RUNS
bench.py start PROGRAM RUNS    time from spawn to the bridge's `init`
"""
import os
import statistics
import subprocess
import sys
import time

MACHINE = """<domain type='{kind}'>
  <name>vm{number:04}</name>
  <uuid>00000000-0000-4000-8000-{number:012}</uuid>
  <title>Machine {number}</title>
  <metadata>
    <libosinfo:libosinfo xmlns:libosinfo="http://libosinfo.org/xmlns/libvirt/domain/1.0">
      <libosinfo:os id="http://redhat.com/rhel/9.4"/>
    </libosinfo:libosinfo>
  </metadata>
  <memory unit='MiB'>64</memory>
  <vcpu>2</vcpu>
  <os><type arch='x86_64' machine='{machine}'>hvm</type><boot dev='hd'/></os>
  <features><acpi/><apic/></features>
  <clock offset='utc'><timer name='rtc' tickpolicy='catchup'/><timer name='hpet' present='no'/></clock>
  <on_poweroff>destroy</on_poweroff><on_reboot>restart</on_reboot><on_crash>destroy</on_crash>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='qcow2' discard='unmap'/><source file='/var/lib/libvirt/images/vm{number:04}.qcow2'/>
      <target dev='vda' bus='virtio'/>
    </disk>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/><source file='/var/lib/libvirt/images/vm{number:04}-data.raw'/><target dev='vdb' bus='virtio'/>
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/><readonly/></disk>
    <controller type='usb' model='qemu-xhci' ports='15'/>
    <interface type='network'><mac address='52:54:00:00:{high:02x}:{low:02x}'/><source network='default'/><model type='virtio'/></interface>
    <serial type='pty'/><console type='pty'/>
    <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>
    <input type='tablet' bus='usb'/>
    <graphics type='vnc' port='-1' autoport='yes' listen='127.0.0.1'/>
    <video><model type='virtio'/></video>
    <memballoon model='virtio'/>
    <rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>
  </devices>
</domain>
"""


def machines(count, directory):
    definitions = []
    for number in range(count):
        values = {"number": number, "high": number // 256, "low": number % 256}
        with open(f"{directory}/vm{number:04}.xml", "w", encoding="utf-8") as file:
            file.write(MACHINE.format(kind="qemu", machine="q35", **values))
        definition = MACHINE.format(kind="test", machine="pc", **values)
        # 5: shut off. Without it the test driver starts what it reads.
        definition = definition.replace("<domain ", "<domain xmlns:test='http://libvirt.org/schemas/domain/test/1.0' ", 1)
        definitions.append(definition.replace("</domain>", "<test:runstate>5</test:runstate></domain>"))
    with open(f"{directory}/node.xml", "w", encoding="utf-8") as file:
        file.write("<node>" + "".join(definitions) + "</node>")


def run(command):
    """Wall seconds and peak memory in MiB of one process, how many bytes it wrote, and the first of them."""
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL, bufsize=0)
    length, output = 0, b""
    # Not kept: the kernel counts the memory of whoever starts a process as that process's own until it runs its program.
    while part := process.stdout.read(1 << 20):
        output = output or part[:200]
        length += len(part)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{command}: exit status {process.returncode}")
    return wall, usage.ru_maxrss / 1024, length, output


def compare(name, program, floor, uri, runs):
    audit_command = [program, "audit", "--connect", uri, "--format", "json"]
    floor_command = [floor, uri]
    print(f"{name}: {run(floor_command)[3].decode().strip()}, report of {run(audit_command)[2]} bytes")
    pairs = [(run(audit_command), run(floor_command)) for _ in range(runs)]
    for title, index, unit, scale in (("wall", 0, "ms", 1000), ("peak memory", 1, "MiB", 1)):
        for what, column in (("audit", 0), ("floor", 1)):
            values = sorted(pair[column][index] * scale for pair in pairs)
            print(f"  {title:12} {what}  {statistics.median(values):8.1f} {unit}  ({values[0]:.1f} to {values[-1]:.1f}, {runs} runs)")
    ratios = sorted(audit[0] / base[0] for audit, base in pairs)
    print(f"  {'ratio':12} {statistics.median(ratios):.2f} ({ratios[0]:.2f} to {ratios[-1]:.2f})")


def start_time(program, runs):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        with subprocess.Popen([program, "bridge"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            os.read(process.stdout.fileno(), 4096)
            times.append((time.perf_counter() - start) * 1000)
            process.stdin.close()
    times.sort()
    print(f"spawn to init  {statistics.median(times):.1f} ms  ({times[0]:.1f} to {times[-1]:.1f}, {runs} runs)")


match sys.argv[1:]:
    case ["machines", count, directory]:
        machines(int(count), directory)
    case ["compare", name, program, floor, uri, runs]:
        compare(name, program, floor, uri, int(runs))
    case ["start", program, runs]:
        start_time(program, int(runs))
    case _:
        sys.exit(__doc__)
