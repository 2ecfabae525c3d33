/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The report and the list of checks as the bridge sends them (version 1), and the importers that let nothing else in:
 * what crosses the wire is checked here once, so that the rest of the page can rely on its types. An error names the
 * place, e.g. `vms.4dea22b3.findings["vm.tpm"].verdict: not one of pass, info, …`.
 */

import { arrayOf, boolean, get, object, oneOf, orNull, string, versioned, type Importer } from "./importers";
import type { Json, JsonObject } from "./merge-patch";
import { standings } from "./vectors";
import type { Standing } from "./vectors";

export const VERDICTS = ["fail", "warn", "unknown", "info", "pass", "not-applicable"] as const;
export const SEVERITIES = ["critical", "high", "medium", "low", "info"] as const;
export const PROFILES = ["baseline", "server", "multi-tenant", "confidential"] as const;

/** What tables and counts of VMs are about. */
export const NOT_GOOD = ["fail", "warn", "unknown"] as const;

export type Verdict = typeof VERDICTS[number];
export type Severity = typeof SEVERITIES[number];
export type Profile = typeof PROFILES[number];

export interface Evidence {
    origin: string;
    value: string;
}

/** A person's decision to live with a finding. */
export interface Waiver {
    reason: string;
    by: string;
    /** A moment, RFC 3339. */
    since: string;
    /** The last day on which it counts, as 2026-12-31 (UTC); for ever when absent. */
    until?: string;
    /** It counts no more. */
    expired: boolean;
}

export interface Finding {
    verdict: Verdict;
    severity: Severity;
    message: string;
    evidence: Evidence[];
    basis: string[];
    apply: string;
    /** "admin": unknown only because it was read without administrative access. */
    needs?: string;
    waiver?: Waiver;
}

export type Findings = Map<string, Finding>;

export interface Judged {
    name: string;
    meets: Profile | null;
    proven: boolean;
    findings: Findings;
}

export interface Vm extends Judged {
    uuid: string;
    connection: string;
    state: string;
    /** How the ways of attack stand, by id; empty where only some findings were asked for. */
    vectors: Map<string, Standing>;
}

export interface Libvirt {
    state: "connected" | "unreachable" | "denied";
    uri: string;
    message?: string;
}

export interface Report {
    profile: Profile;
    privileged: boolean;
    libvirt: Libvirt;
    host: Judged;
    vms: Vm[];
}

export interface Check {
    id: string;
    title: string;
    area: string;
    /** The lowest that enforces it. */
    profile: Profile;
    why: string;
    fix: string;
    impact: string;
}

const evidence: Importer<Evidence> = (value, path) => {
    const obj = object(value, path);
    return { origin: get(obj, path, "origin", string), value: get(obj, path, "value", string) };
};

const waiver: Importer<Waiver> = (value, path) => {
    const obj = object(value, path);
    const until = get(obj, path, "until", orNull(string));
    return {
        reason: get(obj, path, "reason", string),
        by: get(obj, path, "by", string),
        since: get(obj, path, "since", string),
        ...until !== null && { until },
        expired: get(obj, path, "expired", boolean),
    };
};

const finding: Importer<Finding> = (value, path) => {
    const obj = object(value, path);
    const needs = get(obj, path, "needs", orNull(string));
    const accepted = get(obj, path, "waiver", orNull(waiver));
    return {
        verdict: get(obj, path, "verdict", oneOf(VERDICTS)),
        severity: get(obj, path, "severity", oneOf(SEVERITIES)),
        message: get(obj, path, "message", string),
        evidence: get(obj, path, "evidence", arrayOf(evidence)),
        basis: get(obj, path, "basis", arrayOf(string)),
        apply: get(obj, path, "apply", string),
        ...needs !== null && { needs },
        ...accepted !== null && { waiver: accepted },
    };
};

const findings: Importer<Findings> = (value, path) =>
    new Map(Object.entries(object(value, path)).map(([id, f]) => [id, finding(f, `${path}["${id}"]`)]));

const judged: Importer<Judged> = (value, path) => {
    const obj = object(value, path);
    return {
        name: get(obj, path, "name", string),
        meets: get(obj, path, "meets", orNull(oneOf(PROFILES))),
        proven: get(obj, path, "proven", boolean),
        findings: get(obj, path, "findings", findings),
    };
};

const libvirt: Importer<Libvirt> = (value, path) => {
    const obj = object(value, path);
    const message = get(obj, path, "message", orNull(string));
    return {
        state: get(obj, path, "state", oneOf(["connected", "unreachable", "denied"])),
        uri: get(obj, path, "uri", string),
        ...message !== null && { message },
    };
};

/** A change of one VM in a thousand costs one VM: what a merge patch leaves alone stays the same object. */
const known = new WeakMap<JsonObject, Vm>();

function vm(value: Json, path: string, uuid: string): Vm {
    const obj = object(value, path);
    let vm = known.get(obj);
    if (vm?.uuid !== uuid) {
        vm = {
            ...judged(obj, path),
            uuid,
            connection: get(obj, path, "connection", string),
            state: get(obj, path, "state", string),
            vectors: get(obj, path, "vectors", standings),
        };
        known.set(obj, vm);
    }
    return vm;
}

const vms: Importer<Vm[]> = (value, path) =>
    Object.entries(object(value, path)).map(([uuid, value]) => vm(value, `${path}.${uuid}`, uuid));

export function importReport(value: Json): Report {
    const obj = versioned(value);
    return {
        profile: get(obj, "", "profile", oneOf(PROFILES)),
        privileged: get(obj, "", "privileged", boolean),
        libvirt: get(obj, "", "libvirt", libvirt),
        host: get(obj, "", "host", judged),
        vms: get(obj, "", "vms", vms),
    };
}

const check: Importer<Check> = (value, path) => {
    const obj = object(value, path);
    const text = (key: string) => get(obj, path, key, string);
    return {
        id: text("id"),
        title: text("title"),
        area: text("area"),
        profile: get(obj, path, "profile", oneOf(PROFILES)),
        why: text("why"),
        fix: text("fix"),
        impact: text("impact"),
    };
};

/** The checks by id, in the program's reading order. */
export function importChecks(value: Json): Map<string, Check> {
    return new Map(get(versioned(value), "", "checks", arrayOf(check)).map(c => [c.id, c]));
}
