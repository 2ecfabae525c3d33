#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs inside a bed once it has booted: defines the three machines and starts two of them.
set -euo pipefail
cd /opt/testbed/domains
images=/var/lib/libvirt/images
qemu-img create -q -f raw $images/insecure.raw 16M
qemu-img create -q -f qcow2 $images/hardened.qcow2 64M
qemu-img create -q -f qcow2 $images/stopped.qcow2 64M
for machine in insecure hardened stopped; do virsh -q define --validate $machine.xml; done
for machine in insecure hardened; do virsh -q start $machine; done
