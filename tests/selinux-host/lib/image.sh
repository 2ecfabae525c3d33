# SPDX-License-Identifier: LGPL-2.1-or-later
# Sourced by ../check.sh, after the test bed's settings.sh and prepare.sh, whose cache this shares. Two entries:
#   root-KEY       a Debian trixie tree (built as the test bed's own root, from another list of packages)
#   hostimage-KEY  made of it: host.img (a labelled root file system), vmlinux, initrd.cpio, id_ed25519
# shellcheck shell=bash disable=SC2034,SC2154 # variables of the files that ../check.sh sources

suite=trixie
# No swtpm: its process runs under its VM's own label, and nothing that is tested here looks at it; the test bed has one.
# No policycoreutils-dbus: the program reads SELinux's files, and asks nobody.
root_packages=(
    systemd systemd-sysv libpam-systemd libnss-systemd dbus polkitd udev kmod sudo procps iproute2 util-linux
    ca-certificates nftables openssh-server linux-image-cloud-amd64 busybox-static zstd xz-utils python3 python3-gi
    libvirt-daemon-system libvirt-clients libvirt-dbus libvirt-daemon-lock libvirt-daemon-plugin-lockd
    libvirt-daemon-driver-interface dnsmasq-base dmidecode virtinst
    qemu-system-x86 qemu-utils ovmf
    cockpit-ws cockpit-bridge cockpit-system cockpit-machines
    selinux-policy-default selinux-utils policycoreutils policycoreutils-python-utils auditd
    firewalld systemd-container
)

set_image_keys() {
    [ "$(uname -m)" = x86_64 ] || die "the host under SELinux is an x86-64 machine"
    root_dir=$cache/root-$(key_of "$suite" "${root_packages[@]}" "$(declare -f build_root)")
    image_dir=$cache/hostimage-$(key_of "${root_dir##*/}" "$(declare -f build_image configure_host confine_host build_kernel)" \
        "$(<"$here/policy.cil")" "$(<"$here/initrd-init")")
}

# Needs root: the files of other users go into it.
prepare_image() {
    set_image_keys
    entry "Debian trixie root" "$root_dir" build_root
    entry "SELinux host's disk image" "$image_dir" build_image
    # ssh wants the key to be its user's own
    [ -z "${SUDO_UID:-}" ] || chown "$SUDO_UID" "$image_dir/id_ed25519"
}

# Both stay as they are while we run: QEMU itself comes out of the tree.
hold_image() {
    set_image_keys
    exec {root_lock}<"$root_dir.lock" {image_lock}<"$image_dir.lock"
    flock -s "$root_lock"
    flock -s "$image_lock"
    [ -r "$image_dir/id_ed25519" ] || die "$image_dir is not there, or another user's"
}

# build_image DIR: needs neither SELinux nor a VM on the machine that builds.
build_image() {
    local out=$1 tree=$1/tree
    cp -a "$root_dir" "$tree"
    ssh-keygen -q -t ed25519 -N '' -C selinux-host -f "$out/id_ed25519"
    configure_host "$tree" "$out/id_ed25519.pub"
    confine_host "$tree"
    build_kernel "$tree" "$out"
    # mkfs copies the labels with the files. No journal: the image is never written, only its snapshots are.
    truncate -s 4G "$out/host.img"
    mkfs.ext4 -q -F -O ^has_journal -m 0 -E lazy_itable_init=1 -d "$tree" "$out/host.img"
    rm -rf --one-file-system "$tree"
}

# configure_host TREE PUBLIC-KEY: names, network, people, and the units of a host with VMs
configure_host() {
    local tree=$1 home user
    echo selinux-host >"$tree/etc/hostname"
    printf '127.0.0.1 localhost selinux-host\n::1 localhost\n' >"$tree/etc/hosts"
    echo '/dev/vda / ext4 defaults,noatime 0 0' >"$tree/etc/fstab"
    echo 5e11405e11405e11405e11405e11405e >"$tree/etc/machine-id"
    touch "$tree/etc/.updated" "$tree/var/.updated" # no update jobs at the first boot
    mkdir -p "$tree/etc/systemd/network" "$tree/etc/firewalld/zones" "$tree/lost+found"
    printf '[Match]\nName=e*\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n' >"$tree/etc/systemd/network/10-dhcp.network"
    cat >"$tree/etc/firewalld/zones/public.xml" <<'ZONE'
<?xml version="1.0" encoding="utf-8"?>
<zone><short>Public</short><service name="ssh"/><service name="cockpit"/></zone>
ZONE
    # Plain http: Cockpit is reached through one forwarded loopback port only.
    mkdir -p "$tree/etc/cockpit"
    printf '[WebService]\nAllowUnencrypted=true\nLoginTo=false\n' >"$tree/etc/cockpit/cockpit.conf"
    # Stay up when idle: under emulation each start of libvirtd costs seconds.
    mkdir -p "$tree/etc/default"
    echo 'LIBVIRTD_ARGS=""' >"$tree/etc/default/libvirtd"

    chroot "$tree" systemctl -q enable systemd-networkd auditd firewalld ssh cockpit.socket libvirtd.socket
    chroot "$tree" systemctl -q disable libvirt-guests.service
    # what only costs time on a host that lives for minutes
    chroot "$tree" systemctl -q mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer e2scrub_reap.service \
        fstrim.timer dpkg-db-backup.timer logrotate.timer systemd-networkd-wait-online.service systemd-firstboot.service \
        systemd-pcrmachine.service systemd-network-generator.service getty@tty1.service

    chroot "$tree" useradd --create-home --shell /bin/bash --groups sudo,libvirt admin
    chroot "$tree" useradd --create-home --shell /bin/bash viewer
    printf 'admin:tb-Passw0rd\nviewer:tb-Passw0rd\n' | chroot "$tree" chpasswd
    for user in root viewer; do
        home=$tree$(chroot "$tree" getent passwd $user | cut -d : -f 6)
        install -d -m 700 "$home/.ssh"
        install -m 600 "$2" "$home/.ssh/authorized_keys"
        chroot "$tree" chown -R $user: "${home#"$tree"}/.ssh"
    done
}

# confine_host TREE: SELinux enforcing, our policy module, and a label on each file. Where the building kernel has no
# SELinux, a file's label is a plain attribute to it.
confine_host() {
    local tree=$1
    sed -i 's/^SELINUX=.*/SELINUX=enforcing/' "$tree/etc/selinux/config"
    # the newest policy format that Debian's kernel reads
    grep -q '^policy-version' "$tree/etc/selinux/semanage.conf" || echo 'policy-version = 33' >>"$tree/etc/selinux/semanage.conf"
    # what `setsebool -P virt_use_nfs off` leaves behind
    echo 'virt_use_nfs=0' >"$tree/var/lib/selinux/default/active/booleans.local"
    cp "$here/policy.cil" "$tree/root/vm_security_host.cil"
    chroot "$tree" semodule --noreload --install /root/vm_security_host.cil
    rm -f "$tree/root/vm_security_host.cil" "$tree/etc/selinux/default/policy/policy.34" "$tree/.autorelabel"
    chroot "$tree" setfiles -F -q /etc/selinux/default/contexts/files/file_contexts /
}

# build_kernel TREE OUT: the kernel uncompressed, because QEMU starts that at once, and the least initrd
build_kernel() {
    local tree=$1 out=$2 kernel version initrd=$2/initrd
    kernel=$(echo "$tree"/boot/vmlinuz-*)
    version=${kernel##*/vmlinuz-}
    mkdir -p "$initrd"/{bin,dev,new}
    cp "$tree/usr/bin/busybox" "$initrd/bin/busybox"
    xz -dc "$(find "$tree/usr/lib/modules/$version" -name 'virtio_blk.ko.xz')" >"$initrd/virtio_blk.ko"
    install -m 755 "$here/initrd-init" "$initrd/init"
    (cd "$initrd" && find . | sort | cpio -o -H newc --quiet -R 0:0) >"$out/initrd.cpio"
    rm -r "$initrd"
    # A bzImage holds the kernel as one zstd frame, with other things before and after it: zstd complains about those.
    python3 - "$kernel" <<'EXTRACT' | zstd -qdc >"$out/vmlinux" 2>/dev/null || true
import sys
image = open(sys.argv[1], "rb").read()
sys.stdout.buffer.write(image[image.index(b"\x28\xb5\x2f\xfd"):])
EXTRACT
    [ "$(head -c 4 "$out/vmlinux")" = $'\x7fELF' ]
}
