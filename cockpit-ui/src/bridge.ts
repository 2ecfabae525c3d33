/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The one file that talks to the program. There are two ways in, with one protocol:
 *
 * - Without administrative access: payload `vm-security1`, for which Cockpit starts the program (manifest.json).
 * - With it: Cockpit never gives such a payload to a privileged process, so the page starts the same program itself
 *   through a `stream` channel with `superuser`, and speaks Cockpit's framing with it. The command line is taken from
 *   the manifest that Cockpit has loaded: it has ${libexecdir} replaced (/usr/libexec, /usr/lib/cockpit), and an
 *   override for development counts for both ways alike.
 *
 * The session's libvirt belongs to the user, so it is never asked with administrative access.
 */

import cockpit from "cockpit";
import type { Channel, CloseOptions } from "cockpit";

import { encodeFrame, FrameDecoder } from "./frame";
import { applyMergePatch, isObject, type Json } from "./merge-patch";
import { store, stored } from "./page-status";
import { withReport } from "./remember";
import { importChecks, importReport } from "./report";
import type { Check, Profile, Report, Verdict } from "./report";
import { names } from "./say";
import { importVectors } from "./vectors";
import type { Vector } from "./vectors";

const PAYLOAD = "vm-security1";

/** Why there is no answer: a problem code of Cockpit, and the program's own words if it said some. */
export interface Problem {
    code: string;
    message?: string;
}

type Options = { view: string, [name: string]: Json };

interface Handlers {
    message(data: Json): void;
    /** Comes exactly once, and nothing comes after it; not after `close()`. */
    closed(problem: Problem | null): void;
}

interface Closable { close(): void }

/*
 * ADMINISTRATIVE ACCESS
 */

/** What Cockpit's superuser bridge is; null while not yet known or just changing. */
let admin: boolean | null = null;
const adminListeners = new Set<() => void>();
let adminStarted = false;

/** Calls back whenever administrative access comes or goes. */
function watchAdmin(listener: () => void): Closable {
    adminListeners.add(listener);
    if (!adminStarted) {
        adminStarted = true;
        const proxy = cockpit.dbus(null, { bus: "internal" }).proxy("cockpit.Superuser", "/superuser");
        const update = () => {
            const current = proxy.valid ? proxy.Current : "none";
            // "root": the whole session is root's, and so is the program that Cockpit starts for it
            const now = current === "init" || current === undefined ? null : current !== "none" && current !== "root";
            if (now === null || now === admin)
                return;
            admin = now;
            adminListeners.forEach(l => l());
        };
        proxy.addEventListener("changed", update);
        proxy.wait(update);
    }
    return { close: () => adminListeners.delete(listener) };
}

/*
 * CHANNELS
 */

function problemOf(options: CloseOptions): Problem | null {
    if (!options.problem)
        return null;
    return { code: options.problem, ...options.message && { message: options.message } };
}

/** Guards the promises of Handlers, and turns what cannot be read into a problem instead of an exception. */
class Guard {
    private over = false;

    constructor(private readonly handlers: Handlers) {}

    message(data: string): void {
        if (this.over)
            return;
        try {
            this.handlers.message(JSON.parse(data) as Json);
        } catch (error) {
            this.closed({ code: "protocol-error", message: String(error instanceof Error ? error.message : error) });
        }
    }

    closed(problem: Problem | null): void {
        if (this.over)
            return;
        this.over = true;
        this.handlers.closed(problem);
    }

    silence(): void {
        this.over = true;
    }

    get isOver(): boolean {
        return this.over;
    }
}

function openPeer(options: Options, handlers: Handlers): Closable {
    const guard = new Guard(handlers);
    const channel = cockpit.channel({ payload: PAYLOAD, ...options });
    channel.addEventListener("message", (_event, data) => {
        guard.message(String(data));
        if (guard.isOver)
            channel.close();
    });
    channel.addEventListener("close", (_event, close) => guard.closed(problemOf(close)));
    return {
        close() {
            guard.silence();
            channel.close();
        }
    };
}

interface Command { spawn: string[], environ: string[] }

/** How Cockpit starts the program. Read again each time: it is one small local request for each channel. */
async function command(): Promise<Command> {
    // next to our own directory in every Cockpit, for this host
    const manifests = await (await fetch("../manifests.json")).json() as Json;
    const strings = (value: Json | undefined): string[] =>
        Array.isArray(value) ? value.filter(item => typeof item === "string") : [];
    const ours = isObject(manifests) ? manifests["vm-security"] : null;
    const bridges = isObject(ours) && Array.isArray(ours["bridges"]) ? ours["bridges"] : [];
    for (const bridge of bridges) {
        if (isObject(bridge) && strings(bridge["spawn"]).length > 0)
            return { spawn: strings(bridge["spawn"]), environ: strings(bridge["environ"]) };
    }
    throw new Error("no command in Cockpit's manifest of vm-security");
}

/** The program's protocol through a stream channel: its `init`, ours, one channel. */
function openPrivileged(options: Options, handlers: Handlers): Closable {
    const guard = new Guard(handlers);
    const decoder = new FrameDecoder();
    const id = "1";
    let stream: Channel | null = null;
    let greeted = false;

    const control = (message: Json) => stream?.send(encodeFrame("", JSON.stringify(message)));

    function handleControl(text: string): void {
        const message = JSON.parse(text) as Json;
        if (!isObject(message))
            throw new Error("control message is not an object");
        if (message["command"] === "init" && !greeted) {
            if (message["version"] !== 1)
                throw new Error("unknown version of the protocol");
            greeted = true;
            control({ command: "init", version: 1, host: "localhost" });
            control({ command: "open", channel: id, payload: PAYLOAD, ...options });
        } else if (message["command"] === "ping" && message["channel"] === id) {
            control({ ...message, command: "pong" });
        } else if (message["command"] === "close" && message["channel"] === id) {
            const text = (key: string) => typeof message[key] === "string" ? message[key] : undefined;
            const [problem, words] = [text("problem"), text("message")];
            guard.closed(problem ? { code: problem, ...words && { message: words } } : null);
        }
    }

    function start({ spawn, environ }: Command): void {
        stream = cockpit.channel({
            payload: "stream", spawn, environ, superuser: "require", binary: true, err: "message"
        });
        stream.addEventListener("message", (_event, data) => {
            try {
                for (const frame of decoder.push(data as Uint8Array)) {
                    if (frame.channel === "")
                        handleControl(frame.payload);
                    else if (frame.channel === id)
                        guard.message(frame.payload);
                }
            } catch (error) {
                guard.closed({ code: "protocol-error", message: String(error instanceof Error ? error.message : error) });
            }
            if (guard.isOver)
                stream?.close();
        });
        // an exit of the program before our channel's close is its death, whatever its exit status
        stream.addEventListener("close", (_event, close) =>
            guard.closed(problemOf(close) ?? { code: "terminated", ...close.message && { message: close.message } }));
    }

    command().then(c => { if (!guard.isOver) start(c) })
        .catch((error: unknown) => guard.closed({ code: "not-found", message: String(error) }));

    return {
        close() {
            guard.silence();
            // Cockpit closes the program's stdin and ends it
            stream?.close();
        }
    };
}

/*
 * VIEWS
 */

export interface AuditOptions {
    connection: string;
    profile?: Profile;
    /** Only this VM, if there is one of that name. */
    vm?: string;
    /** Of the VMs only these findings; all when absent. */
    verdicts?: readonly Verdict[];
}

export interface AuditState {
    /** The last good report; stays while the connection is made anew. */
    report: Report | null;
    /** Why there is nothing newer; null while all is well or a first answer is awaited. */
    problem: Problem | null;
    /** The problem may pass and is tried again without being asked. */
    retrying: boolean;
}

const LASTING = ["access-denied", "not-supported", "not-found", "no-cockpit", "protocol-error"];

/** Whether it is of use to try again by itself; if not, somebody has to change something first. */
export const mayPass = ({ code }: Problem): boolean => !LASTING.includes(code);

const FIRST_DELAY = 1000;
const LAST_DELAY = 30000;

/** A watched report, over whichever way in is right at the moment, until closed. */
export class Audit {
    state: AuditState = { report: null, problem: null, retrying: false };

    private readonly adminWatch: Closable;
    private channel: Closable | null = null;
    private timer: number | undefined;
    private delay = FIRST_DELAY;
    private closed = false;

    constructor(private readonly options: AuditOptions, private readonly changed: () => void) {
        this.adminWatch = watchAdmin(() => this.restart());
        this.restart();
    }

    /** Asks anew, now. */
    restart(): void {
        this.delay = FIRST_DELAY;
        this.open();
    }

    close(): void {
        this.closed = true;
        this.adminWatch.close();
        this.drop();
    }

    private drop(): void {
        window.clearTimeout(this.timer);
        this.channel?.close();
        this.channel = null;
    }

    private set(state: Partial<AuditState>): void {
        this.state = { ...this.state, ...state };
        this.changed();
    }

    private open(): void {
        this.drop();
        const ours = this.options.connection === "session";
        if (this.closed || (admin === null && !ours))
            return;

        let document: Json | undefined;
        const handlers: Handlers = {
            message: data => {
                document = document === undefined ? data : applyMergePatch(document, data);
                const report = importReport(document);
                [report.host, ...report.vms].forEach(({ name }) => names.add(name));
                this.delay = FIRST_DELAY;
                store(withReport(stored(), report, this.options, Date.now()));
                this.set({ report, problem: null, retrying: false });
            },
            closed: problem => {
                this.channel = null;
                problem ??= { code: "terminated" };
                const retrying = mayPass(problem);
                if (retrying) {
                    this.timer = window.setTimeout(() => this.open(), this.delay);
                    this.delay = Math.min(this.delay * 2, LAST_DELAY);
                }
                this.set({ problem, retrying });
            }
        };
        const { connection, profile, vm, verdicts } = this.options;
        const options = {
            view: "audit", connection, watch: true, ...profile && { profile },
            ...vm !== undefined && { "vm-name": vm }, ...verdicts && { "vm-verdicts": [...verdicts] },
        };
        this.channel = admin && !ours ? openPrivileged(options, handlers) : openPeer(options, handlers);
    }
}

/** One answer to one question, over whichever way in is right. */
function ask(options: Options, privileged: boolean): Promise<Json> {
    return new Promise((resolve, reject) => {
        let answer: Json | undefined;
        (privileged ? openPrivileged : openPeer)(options, {
            message: data => { answer = data },
            closed: problem =>
                answer !== undefined && !problem ? resolve(answer) : reject(new BridgeError(problem ?? { code: "terminated" }))
        });
    });
}

/** The session's libvirt belongs to the user, so that it is asked as the user. */
const isPrivileged = (connection: string): boolean => admin === true && connection !== "session";

/** A question that has no answer. */
export class BridgeError extends Error {
    constructor(readonly problem: Problem) {
        super(problem.message ?? problem.code);
    }
}

export interface Catalogue {
    checks: Map<string, Check>;
    vectors: Vector[];
}

/** What the program knows about each check and each way of attack. Needs no rights. */
export async function fetchCatalogue(): Promise<Catalogue> {
    const answer = await ask({ view: "checks" }, false);
    return { checks: importChecks(answer), vectors: importVectors(answer) };
}

/** What was read about the host and this VM, or about the host alone; see facts.ts. */
export function fetchFacts(connection: string, uuid: string | null): Promise<Json> {
    // no VM has an empty name
    const about = uuid === null ? { "vm-name": "" } : { vm: uuid };
    return ask({ view: "facts", connection, ...about }, isPrivileged(connection));
}

/** The whole report as it is now: as JSON, or as one HTML file to print. */
export async function exportReport(
    view: "audit" | "html", { connection, profile, vm }: AuditOptions
): Promise<string> {
    const answer = await ask({
        view, connection, ...profile && { profile }, ...vm !== undefined && { "vm-name": vm },
    }, isPrivileged(connection));
    return typeof answer === "string" ? answer : JSON.stringify(answer, null, 2);
}

/** Whether the page has administrative access, by Cockpit's switch. */
export const hasAdmin = (): boolean => admin === true;

/** Accepts a finding about a VM, or about the host when there is no `vm`, or takes that back. */
export async function changeWaiver(change: {
    view: "waive" | "unwaive", connection: string, vm?: string, check: string, reason?: string, until?: string, seen?: string,
}): Promise<void> {
    await ask(change, isPrivileged(change.connection));
}
