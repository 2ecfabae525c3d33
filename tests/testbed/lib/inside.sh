#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# Runs as PID 1 of a bed's new namespaces (started by up.sh): builds the bed's root, then becomes systemd.
# From the environment: BED (its name), STATE (its directory on the host), LOWER, GUEST, DEBS and STAGE (may be empty),
# HERE (tests/testbed), LOCK (a file descriptor that only the parent is to keep).
# All mounts are private to this mount namespace and end with it. Root in here is the host's root: this keeps the host
# out of the way, it does not keep an attacker in.
set -euo pipefail
# Never by hand: everything below would happen to the host.
[ $$ = 1 ] && [ -n "${STATE:?}" ] && [ -n "${LOWER:?}" ] || exit 1

# A tmpfs holds whatever the bed writes; relative paths, because mount options cannot hold every path. $STATE/mnt is
# a directory outside of LOWER: an upper directory below the lower one would be refused.
mount -t tmpfs -o mode=755 tmpfs "$STATE/mnt"
cd "$STATE/mnt"
mkdir lower upper work root
mount --bind "$LOWER" lower
mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work root
cd root
inside() { chroot . /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"; }

# --- kernel file systems. /proc/sys is read-only except for the bed's own network: systemd-sysctl must not set the host's.
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount --bind proc/sys/net proc/sys/net
mount -o remount,bind,ro proc/sys
[ ! -e proc/sysrq-trigger ] || mount --bind /dev/null proc/sysrq-trigger
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup

# --- an own /dev, without disks and without kvm: libvirt asks QEMU about a /dev/kvm that does not work at each call, for minutes
mount -t tmpfs -o mode=755 tmpfs dev
for device in null zero full random urandom tty net/tun; do
    [ -c "/dev/$device" ] || continue
    mkdir -p "dev/$(dirname "$device")"
    : >"dev/$device.new" && mv "dev/$device.new" "dev/$device"
    mount --bind "/dev/$device" "dev/$device"
done
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin; ln -s fd/1 dev/stdout; ln -s fd/2 dev/stderr

mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=1777 tmpfs tmp
# Disk images lie on the host's disk: a qcow2 with cache=none needs O_DIRECT, which tmpfs may not have.
mount --bind "$STATE/images" var/lib/libvirt/images

# --- the newer Cockpit. virtinst only serves its "Create VM" and is not in the root.
if [ -n "$DEBS" ]; then
    printf '#!/bin/sh\nexit 101\n' >usr/sbin/policy-rc.d
    chmod 755 usr/sbin/policy-rc.d
    mkdir tmp/debs
    cp "$DEBS"/*.deb tmp/debs/
    inside sh -c 'dpkg -i --force-confnew --ignore-depends=virt-install,virtinst /tmp/debs/*.deb'
    rm -r usr/sbin/policy-rc.d tmp/debs
fi

# --- people: an administrator and a limited user
add_user() {
    inside useradd --create-home --shell /bin/bash "${@:2}" "$1"
    echo "$1:tb-Passw0rd" | inside chpasswd
}
add_user tbadmin --groups sudo,libvirt
add_user tbuser

# --- the installation under test: the tree that `make install DESTDIR=` wrote
if [ -n "$STAGE" ]; then
    tar -C "$STAGE" --owner=0 --group=0 -c . | inside tar -x -C / --no-same-owner --no-overwrite-dir --keep-directory-symlink
    # Cockpit's ${libexecdir} is the directory of its own cockpit-askpass, and that is where Debian's Cockpit looks.
    for libexec in usr/libexec usr/lib/cockpit; do
        [ -e $libexec/cockpit-askpass ] || continue
        if [ ! -e $libexec/cockpit-vm-security ] && [ -e usr/libexec/cockpit-vm-security ]; then
            ln -s /usr/libexec/cockpit-vm-security $libexec/cockpit-vm-security
        fi
    done
fi

# --- identity, and Cockpit over plain http: it is reached through a forwarded loopback port
mkdir -p etc/cockpit
printf '[WebService]\nAllowUnencrypted=true\nLoginTo=false\n' >etc/cockpit/cockpit.conf
hostname "tb-$BED"
echo "tb-$BED" >etc/hostname
echo "127.0.0.1 localhost tb-$BED" >etc/hosts
tr -d - </proc/sys/kernel/random/uuid >etc/machine-id

# --- what boots: this and nothing else
cat >etc/systemd/system/testbed.target <<'TARGET'
[Unit]
Description=Test bed
Requires=sysinit.target
Wants=dbus.socket systemd-logind.service systemd-user-sessions.service
Wants=libvirtd.socket libvirtd-ro.socket libvirtd-admin.socket virtlogd.socket virtlockd.socket cockpit.socket
After=sysinit.target dbus.socket systemd-user-sessions.service libvirtd.socket virtlogd.socket cockpit.socket
AllowIsolate=yes
TARGET
for unit in systemd-timesyncd.service systemd-networkd.service systemd-resolved.service libvirt-guests.service \
    sys-kernel-debug.mount sys-kernel-tracing.mount; do
    ln -sf /dev/null etc/systemd/system/$unit
done
mkdir -p opt/testbed
cp -r "$HERE/domains" "$HERE/lib/machines.sh" opt/testbed/
cp "$GUEST"/* var/lib/libvirt/images/
ip link set lo up

# up.sh moves our parent out of the cgroup that is our root, else systemd could not enable controllers in it
for _ in {1..200}; do [ ! -e "$STATE/go" ] || break; sleep 0.05; done
[ -e "$STATE/go" ]
: >"$STATE/booting"
exec {LOCK}>&-
pivot_root . .
umount -l .
cd /
exec setpriv --bounding-set=-sys_module,-sys_time env -i container=vm-security-testbed LANG=C.UTF-8 \
    PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --unit=testbed.target
