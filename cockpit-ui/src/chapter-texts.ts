/* SPDX-License-Identifier: LGPL-2.1-or-later */

import cockpit from "cockpit";

const _ = cockpit.gettext;

/** The title of a section of Red Hat's chapter; what is newer than this page is shown by its slug. */
export function sectionText(slug: string): string {
    const texts: Record<string, string> = {
        "best-practices-for-securing-virtual-machines": _("Best practices for securing virtual machines"),
        "creating-a-secureboot-virtual-machine": _("Creating a SecureBoot virtual machine"),
        "limiting-what-actions-are-available-to-virtual-machine-users":
            _("Limiting what actions are available to virtual machine users"),
        "automatic-features-for-virtual-machine-security": _("Automatic features for virtual machine security"),
        "virtualization-booleans-in-rhel": _("SELinux booleans for virtualization"),
        "setting-up-ibm-secure-execution-on-ibm-z": _("Setting up IBM Secure Execution on IBM Z"),
        "attaching-cryptographic-coprocessors-to-virtual-machines-on-ibm-z":
            _("Attaching cryptographic coprocessors to virtual machines on IBM Z"),
        "enabling-standard-hardware-security-on-windows-virtual-machines":
            _("Enabling standard hardware security on Windows virtual machines"),
        "enabling-enhanced-hardware-security-on-windows-virtual-machines":
            _("Enabling enhanced hardware security on Windows virtual machines"),
    };
    return Object.hasOwn(texts, slug) ? texts[slug] ?? slug : slug;
}
