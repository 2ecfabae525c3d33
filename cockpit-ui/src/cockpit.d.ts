/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The part of Cockpit's page library (../base1/cockpit.js, a global at run time) that this page uses.
 * build.js maps `import cockpit from "cockpit"` to that global. Counterpart: the Cockpit developer guide.
 */

declare module "cockpit" {
    export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

    export interface ChannelOptions {
        payload: string;
        superuser?: "try" | "require";
        binary?: boolean;
        err?: "out" | "ignore" | "message";
        spawn?: string[];
        environ?: string[];
        [option: string]: Json | undefined;
    }

    export interface CloseOptions {
        problem?: string | null;
        message?: string;
    }

    export interface Channel {
        readonly valid: boolean;
        send(data: string | Uint8Array): void;
        close(problem?: string): void;
        addEventListener(type: "ready", listener: () => void): void;
        addEventListener(type: "message", listener: (event: Event, data: string | Uint8Array) => void): void;
        addEventListener(type: "close", listener: (event: Event, options: CloseOptions) => void): void;
    }

    export interface DBusProxy {
        readonly valid: boolean;
        readonly Current?: string;
        wait(callback: () => void): void;
        addEventListener(type: "changed", listener: () => void): void;
    }

    export interface DBusClient {
        proxy(iface: string, path: string): DBusProxy;
    }

    /** The mark at a page's entry in the menu. Counterpart: pkg/lib/notifications.ts. */
    export interface PageStatus {
        type: "info" | "warning" | "error";
        title: string;
    }

    export interface Location {
        readonly path: string[];
        readonly options: Record<string, string | string[] | undefined>;
        /** These do nothing when the page has gone elsewhere since this object was taken. */
        go(path: string[], options?: Record<string, string>): void;
        replace(path: string[], options?: Record<string, string>): void;
        encode(path: string[], options?: Record<string, string>): string;
    }

    /** What a po.js holds, without its header: the plural's msgid or null, and the translations. */
    export type Locale = Record<string, (string | null)[]>;

    export interface Cockpit {
        locale(texts: Locale): void;
        gettext: (text: string) => string;
        ngettext(singular: string, plural: string, n: number): string;
        format(template: string, ...args: (string | number)[]): string;
        translate(): void;
        readonly language: string;
        readonly language_direction?: string;
        readonly location: Location;
        readonly hidden: boolean;
        channel(options: ChannelOptions): Channel;
        dbus(name: null, options: { bus: "internal" }): DBusClient;
        jump(location: string, host?: string): void;
        user(): Promise<{ readonly name: string, readonly full_name: string }>;
        readonly transport: {
            readonly host: string;
            /** Calls back once `host` is known. */
            wait(callback: () => void): void;
            control(command: "notify", options: { page_status: PageStatus | null }): void;
        };
        addEventListener(type: "locationchanged" | "visibilitychange", listener: () => void): void;
        removeEventListener(type: "locationchanged" | "visibilitychange", listener: () => void): void;
    }

    const cockpit: Cockpit;
    export default cockpit;
}
