/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useCallback, useEffect, useState } from "react";

import { BridgeError, fetchFacts } from "./bridge";
import type { Problem } from "./bridge";
import { importFacts } from "./facts";
import type { Evidence } from "./facts";

export interface FactsState {
    /** The last good answer; stays while another one is awaited. */
    evidence: Evidence | null;
    problem: Problem | null;
    reading: boolean;
    /** Reads them anew. */
    read: () => void;
}

const NOTHING = { evidence: null, problem: null, reading: true };

/** The facts behind the findings. Read when somebody looks, and again whenever the `report` changes. */
export function useFacts(connection: string, uuid: string | null, report: object): FactsState {
    const [state, setState] = useState<Omit<FactsState, "read">>(NOTHING);
    const [turn, setTurn] = useState(0);

    useEffect(() => {
        let wanted = true;
        setState(old => ({ ...old, reading: true }));
        fetchFacts(connection, uuid).then(answer => importFacts(answer, uuid)).then(
            evidence => { if (wanted) setState({ evidence, problem: null, reading: false }) },
            (error: unknown) => {
                const problem = error instanceof BridgeError ? error.problem : { code: "protocol-error", message: String(error) };
                if (wanted)
                    setState(old => ({ ...old, problem, reading: false }));
            });
        return () => { wanted = false };
    }, [connection, uuid, report, turn]);

    const read = useCallback(() => setTurn(n => n + 1), []);
    return { ...state, read };
}
