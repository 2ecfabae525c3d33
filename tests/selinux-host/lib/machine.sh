# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by ../check.sh: the booted host. What belongs to it is in a temporary directory $run, and ends with stop_machine:
#   ssh_config   `ssh -F $run/ssh_config host` is root there, `viewer` the limited user
#   serial.log, qemu.log   what the kernel and QEMU said
# and Cockpit is at http://127.0.0.1:$cockpit_port.
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the files that ../check.sh sources

machine_pid=''
run=''

# Two loopback ports that are free now. QEMU refuses to start if one of them is taken by then.
free_ports() {
    python3 -c '
import socket
both = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]
print(*(one.getsockname()[1] for one in both))'
}

# QEMU is the tree's own: an older one of the host may not emulate nested virtualization well enough for libvirt in there
# to find KVM. All writes go to a temporary snapshot that ends with QEMU.
start_machine() { # 1|0: SELinux enforcing from the boot on, or permissive
    local ssh_port tree_lib=$root_dir/usr/lib/x86_64-linux-gnu
    run=$(mktemp -d "${TMPDIR:-/tmp}/vm-security-host.XXXXXX") # short: it holds a socket
    read -r ssh_port cockpit_port < <(free_ports)
    cat >"$run/ssh_config" <<CONFIG
Host host viewer
    HostName 127.0.0.1
    Port $ssh_port
    IdentityFile "$image_dir/id_ed25519"
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
    LogLevel ERROR
    ConnectTimeout 20
    ControlPath "$run/%n"
    ControlMaster auto
    ControlPersist yes
Host host
    User root
Host viewer
    User viewer
CONFIG
    # setpriv: it ends with this shell, whatever ends that
    QEMU_MODULE_DIR=$tree_lib/qemu setpriv --pdeathsig KILL "$root_dir/lib64/ld-linux-x86-64.so.2" --library-path "$tree_lib" \
        "$root_dir/usr/bin/qemu-system-x86_64" -L "$root_dir/usr/share/qemu" -L "$root_dir/usr/share/seabios" \
        -no-user-config -nodefaults -display none -machine q35 -accel tcg,thread=multi,tb-size=1024 -cpu max -smp 2 -m 2048 \
        -kernel "$image_dir/vmlinux" -initrd "$image_dir/initrd.cpio" \
        -append "root=/dev/vda rw security=selinux selinux=1 enforcing=$1 console=ttyS0 quiet mitigations=off" \
        -drive "file=$image_dir/host.img,format=raw,if=none,id=disk,cache=unsafe,snapshot=on" -device virtio-blk-pci,drive=disk \
        -netdev "user,id=net,hostfwd=tcp:127.0.0.1:$ssh_port-:22,hostfwd=tcp:127.0.0.1:$cockpit_port-:9090" \
        -device virtio-net-pci,netdev=net,romfile= -device virtio-rng-pci -serial "file:$run/serial.log" \
        >"$run/qemu.log" 2>&1 </dev/null &
    machine_pid=$!
}

machine_runs() { kill -0 "$machine_pid" 2>/dev/null; }
machine_answers() { ! machine_runs || on_host true 2>/dev/null; }

# on_host COMMAND…: as root in there. Under emulation a connection costs a second, so that all commands share one.
on_host() { ssh -F "$run/ssh_config" host "$@"; }

wait_for_machine() {
    if ! wait_until "$1" machine_answers || ! machine_runs; then
        tail -n 30 "$run/qemu.log" "$run/serial.log" >&2
        die "the host does not answer"
    fi
    ssh -F "$run/ssh_config" viewer true # the other connection that is kept
}

# Exactly what start_machine and on_host left: QEMU is our own child, so its process id is still its own.
stop_machine() {
    local name
    [ -n "$run" ] || return 0
    for name in host viewer; do
        [ ! -S "$run/$name" ] || ssh -F "$run/ssh_config" -O exit "$name" 2>/dev/null || true
    done
    if [ -n "$machine_pid" ]; then
        kill -KILL "$machine_pid" 2>/dev/null || true
        wait "$machine_pid" 2>/dev/null || true
    fi
    rm -rf --one-file-system "$run"
    run='' machine_pid=''
}

# install_stage DIR: the program and the page, with the labels that the host's policy has for their places
install_stage() {
    tar -C "$1" --owner=0 --group=0 -c . | on_host 'tar -x -C / --no-same-owner --no-overwrite-dir --keep-directory-symlink'
    (cd "$1" && find . ! -type d | sed 's,^\.,,') | on_host 'restorecon -F -f -'
}

# Two VMs, each with a disk. Paused: libvirt, QEMU and SELinux do all their work, and no guest eats the emulated processor.
start_vms() {
    tar -C "$here/domains" -c . | on_host 'tar -x -C /tmp'
    on_host 'set -e; cd /var/lib/libvirt/images
        for vm in tenant-a tenant-b; do
            qemu-img create -q -f qcow2 "$vm.qcow2" 64M
            virsh -q define --validate "/tmp/$vm.xml"
            virsh -q start --paused "$vm"
        done'
}
