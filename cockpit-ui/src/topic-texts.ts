/* SPDX-License-Identifier: LGPL-2.1-or-later */

import cockpit from "cockpit";

const _ = cockpit.gettext;

/** What one branch of the program's tree of facts is about; one that is newer than this page has its own name. */
export function topicText(topic: string): string {
    const texts: Record<string, string> = {
        selinux: _("SELinux"),
        apparmor: _("AppArmor"),
        kernel: _("Kernel"),
        cpu: _("Processor"),
        systemd: _("Services and sockets"),
        firewall: _("Firewall"),
        polkit: _("polkit"),
        dbus: _("D-Bus"),
        config: _("Configuration of libvirt"),
        groups: _("Groups"),
        users: _("Users"),
        qemu_processes: _("QEMU processes"),
        mount_namespace: _("Mount namespace"),
        listeners: _("Listening sockets"),
        waivers: _("Accepted findings"),
        libvirt: _("libvirt"),
        state: _("State"),
        stored: _("Stored definition"),
        live: _("Running definition"),
        labels: _("Security labels"),
        taints: _("Taints"),
        graphics_passwords: _("Passwords of consoles"),
        process: _("Running process"),
        storage: _("Storage"),
        networks: _("Networks"),
        pools: _("Storage pools"),
        guest: _("Inside the guest"),
        files: _("Files"),
    };
    return Object.hasOwn(texts, topic) ? texts[topic] ?? topic : topic.replaceAll("_", " ");
}
