/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses inside Cockpit, as its shell takes them. */

function withVm(path: string, name: string, connection: string): string {
    return `${path}?name=${encodeURIComponent(name)}&connection=${encodeURIComponent(connection)}`;
}

export const securityPath = (name: string, connection: string) => withVm("/vm-security#/vm", name, connection);
export const machinePath = (name: string, connection: string) => withVm("/machines#/vm", name, connection);
/** Names one VM in an address, among others. */
export interface VmName { name: string, connection: string }

export const vmOption = (option: (key: string) => string | undefined, side: "left" | "right"): VmName | null => {
    const name = option(side);
    return name ? { name, connection: option(`${side}-connection`) ?? "system" } : null;
};

export function comparePath(left: VmName, right: VmName): string {
    const side = (side: string, { name, connection }: VmName) =>
        `${side}=${encodeURIComponent(name)}&${side}-connection=${encodeURIComponent(connection)}`;
    return `/vm-security/overview#/compare?${side("left", left)}&${side("right", right)}`;
}

export const MACHINES_PATH = "/machines#/vms";
export const OVERVIEW_PATH = "/vm-security/overview#/";
