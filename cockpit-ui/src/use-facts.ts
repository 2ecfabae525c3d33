/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useCallback, useEffect, useState } from "react";

import { BridgeError, fetchFacts, mayPass } from "./bridge";
import type { Problem } from "./bridge";
import { importFacts } from "./facts";
import type { Evidence } from "./facts";

export interface FactsState {
    /** The last good answer; stays while another one is awaited. */
    evidence: Evidence | null;
    /** Why there is nothing newer; null while all is well or a first answer is awaited. */
    problem: Problem | null;
    /** Reads them anew. */
    read: () => void;
}

const NOTHING = { evidence: null, problem: null };

const RETRY_DELAY = 3000;

/**
 * The facts behind the findings, as long as they are `readable`. Read when somebody looks, and again whenever the
 * `report` changes or after what may pass.
 */
export function useFacts(connection: string, uuid: string | null, report: object, readable: boolean): FactsState {
    const [state, setState] = useState<Omit<FactsState, "read">>(NOTHING);
    const [turn, setTurn] = useState(0);
    const read = useCallback(() => setTurn(n => n + 1), []);

    useEffect(() => {
        if (!readable)
            return;
        let wanted = true;
        let timer = 0;
        fetchFacts(connection, uuid).then(answer => importFacts(answer, uuid)).then(
            evidence => { if (wanted) setState({ evidence, problem: null }) },
            (error: unknown) => {
                const problem = error instanceof BridgeError ? error.problem : { code: "protocol-error", message: String(error) };
                if (!wanted)
                    return;
                setState(old => ({ ...old, problem }));
                if (mayPass(problem))
                    timer = window.setTimeout(read, RETRY_DELAY);
            });
        return () => {
            wanted = false;
            window.clearTimeout(timer);
        };
    }, [connection, uuid, report, readable, turn, read]);

    return { ...state, read };
}
