/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Addresses inside Cockpit, as its shell takes them. */

function withVm(path: string, name: string, connection: string): string {
    return `${path}?name=${encodeURIComponent(name)}&connection=${encodeURIComponent(connection)}`;
}

export const securityPath = (name: string, connection: string) => withVm("/vm-security#/vm", name, connection);
export const machinePath = (name: string, connection: string) => withVm("/machines#/vm", name, connection);
export const MACHINES_PATH = "/machines#/vms";
export const OVERVIEW_PATH = "/vm-security/overview#/";
