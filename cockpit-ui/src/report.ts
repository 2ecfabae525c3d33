/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The report and the list of checks as the bridge sends them (version 1), and the importers that let nothing else in:
 * what crosses the wire is checked here once, so that the rest of the page can rely on its types. An error names the
 * place, e.g. `vms.4dea22b3.findings["vm.tpm"].verdict: not one of pass, info, …`.
 */

import { arrayOf, boolean, get, object, oneOf, orNull, string, versioned, type Importer } from "./importers";
import type { Json } from "./merge-patch";
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

export interface Finding {
    verdict: Verdict;
    severity: Severity;
    message: string;
    evidence: Evidence[];
    basis: string[];
    apply: string;
    /** "admin": unknown only because it was read without administrative access. */
    needs?: string;
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
    why: string;
    fix: string;
    impact: string;
}

const evidence: Importer<Evidence> = (value, path) => {
    const obj = object(value, path);
    return { origin: get(obj, path, "origin", string), value: get(obj, path, "value", string) };
};

const finding: Importer<Finding> = (value, path) => {
    const obj = object(value, path);
    const needs = get(obj, path, "needs", orNull(string));
    return {
        verdict: get(obj, path, "verdict", oneOf(VERDICTS)),
        severity: get(obj, path, "severity", oneOf(SEVERITIES)),
        message: get(obj, path, "message", string),
        evidence: get(obj, path, "evidence", arrayOf(evidence)),
        basis: get(obj, path, "basis", arrayOf(string)),
        apply: get(obj, path, "apply", string),
        ...needs !== null && { needs },
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

const vms: Importer<Vm[]> = (value, path) =>
    Object.entries(object(value, path)).map(([uuid, vm]) => {
        const vmPath = `${path}.${uuid}`;
        const obj = object(vm, vmPath);
        return {
            ...judged(vm, vmPath),
            uuid,
            connection: get(obj, vmPath, "connection", string),
            state: get(obj, vmPath, "state", string),
            vectors: get(obj, vmPath, "vectors", standings),
        };
    });

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
        why: text("why"),
        fix: text("fix"),
        impact: text("impact"),
    };
};

/** The checks by id, in the program's reading order. */
export function importChecks(value: Json): Map<string, Check> {
    return new Map(get(versioned(value), "", "checks", arrayOf(check)).map(c => [c.id, c]));
}
