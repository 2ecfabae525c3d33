/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* React's view of the bridge and of the frame that the page lives in. */

import { useCallback, useEffect, useRef, useState } from "react";

import cockpit from "cockpit";

import { Audit, fetchCatalogue } from "./bridge";
import type { AuditOptions, AuditState, Catalogue } from "./bridge";
import { PROFILE_KEY, storedProfile } from "./profile";
import type { Profile } from "./report";
import { isShown, watchShown } from "./shown";

const NOTHING: AuditState = { report: null, problem: null, retrying: false };

/** Whether anybody can see the page: its frame is the shell's current one, and the browser shows it. */
function useVisible(): boolean {
    const [visible, setVisible] = useState(isShown);
    useEffect(() => watchShown(() => setVisible(isShown())), []);
    return visible;
}

/**
 * The watched report. Nothing is watched while nobody sees it, or while not `enabled`; the last report stays, also
 * while another profile is asked for, so that the page never goes blank in between.
 */
export function useAudit(
    connection: string, profile: Profile, part: Pick<AuditOptions, "vm" | "verdicts">, enabled = true
): AuditState & { retry: () => void } {
    const { vm, verdicts } = part;
    const [state, setState] = useState(NOTHING);
    const current = useRef<Audit | null>(null);
    const active = useVisible() && enabled;

    useEffect(() => {
        if (!active)
            return;
        const options = { connection, profile, ...vm !== undefined && { vm }, ...verdicts && { verdicts } };
        const audit = new Audit(options, () => {
            setState(old => ({ ...audit.state, report: audit.state.report ?? old.report }));
        });
        current.current = audit;
        return () => audit.close();
    }, [connection, profile, vm, verdicts, active]);

    const retry = useCallback(() => {
        setState(old => ({ ...old, problem: null, retrying: false }));
        current.current?.restart();
    }, []);
    return { ...state, retry };
}

let catalogueOnce: Promise<Catalogue> | null = null;

const NO_CATALOGUE: Catalogue = { checks: new Map(), vectors: [] };

/**
 * The texts of the checks and the table of the ways of attack; empty until known. Read once for each page, at the same
 * time as the first report, so that both are there together; tried again when a report proves that it can be read.
 */
export function useCatalogue(ready: boolean): Catalogue {
    const [catalogue, setCatalogue] = useState(NO_CATALOGUE);
    useEffect(() => {
        let wanted = true;
        catalogueOnce ??= fetchCatalogue();
        catalogueOnce.then(
            result => { if (wanted) setCatalogue(result) },
            (error: unknown) => {
                catalogueOnce = null; // next time again; until then findings are shown without these texts
                console.warn("vm-security: cannot read the list of checks:", error);
            });
        return () => { wanted = false };
    }, [ready]);
    return catalogue;
}

/** The chosen profile, also when it is chosen on the other page. */
export function useProfile(): [Profile, (profile: Profile) => void] {
    const [profile, setProfile] = useState(storedProfile);
    useEffect(() => {
        const update = (event: StorageEvent) => { if (event.key === PROFILE_KEY) setProfile(storedProfile()) };
        window.addEventListener("storage", update);
        return () => window.removeEventListener("storage", update);
    }, []);
    const choose = useCallback((choice: Profile) => {
        localStorage.setItem(PROFILE_KEY, choice);
        setProfile(choice);
    }, []);
    return [profile, choose];
}

export interface Place {
    path: string[];
    option: (name: string) => string | undefined;
}

export function usePlace(): Place {
    const [, setCount] = useState(0);
    useEffect(() => {
        const update = () => setCount(n => n + 1);
        cockpit.addEventListener("locationchanged", update);
        return () => cockpit.removeEventListener("locationchanged", update);
    }, []);
    const { path, options } = cockpit.location;
    return {
        path,
        option: name => {
            const value = options[name];
            return Array.isArray(value) ? value[0] : value;
        }
    };
}

/** True once `delay` milliseconds have passed: what is quick shall not flicker. */
export function useMoment(delay: number): boolean {
    const [passed, setPassed] = useState(false);
    useEffect(() => {
        const timer = window.setTimeout(() => setPassed(true), delay);
        return () => window.clearTimeout(timer);
    }, [delay]);
    return passed;
}
