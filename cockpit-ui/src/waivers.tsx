/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Accepting findings, and taking that back. The dialogs belong to the page, not to the finding: what somebody types
 * stays there while the report goes on changing below.
 */

import { createContext, useCallback, useContext, useMemo, useState } from "react";
import type { ReactNode } from "react";

import { changeWaiver, hasAdmin } from "./bridge";
import type { Finding, Report, Vm } from "./report";
import { AcceptDialog, WithdrawDialog } from "./waiver-dialogs";

/** Whose finding it is. */
export interface Subject {
    name: string;
    /** Missing for the host. */
    vm?: { uuid: string, connection: string };
}

export const subjectOfVm = ({ name, uuid, connection }: Vm): Subject => ({ name, vm: { uuid, connection } });

/** One finding, as it was when somebody decided to do something about it. */
export interface Case {
    subject: Subject;
    id: string;
    title: string;
    finding: Finding;
}

interface Waivers {
    /** Whether what is accepted about this one can be changed; if not, administrative access is needed. */
    may: (subject: Subject) => boolean;
    accept: (about: Case) => void;
    withdraw: (about: Case) => void;
}

const WaiversContext = createContext<Waivers>({ may: () => false, accept: () => {}, withdraw: () => {} });

export const useWaivers = (): Waivers => useContext(WaiversContext);

/** Whom the findings below are about. */
export const SubjectContext = createContext<Subject | null>(null);

function lookUp(reports: readonly (Report | null)[], { subject: { vm }, id }: Case): Finding | undefined {
    if (!vm)
        return reports[0]?.host.findings.get(id);
    return reports.flatMap(report => report?.vms ?? [])
            .find(({ uuid, connection }) => uuid === vm.uuid && connection === vm.connection)?.findings.get(id);
}

/** `reports`: all that is shown below, the one with the host first. `hostChanged`: to look at the host again. */
export function WaiverProvider({ reports, hostChanged, children }: {
    reports: readonly (Report | null)[], hostChanged: () => void, children: ReactNode,
}) {
    const [open, setOpen] = useState<{ what: "accept" | "withdraw", about: Case } | null>(null);
    const close = useCallback(() => setOpen(null), []);
    const privileged = reports.some(report => report?.privileged) || hasAdmin();

    const waivers = useMemo<Waivers>(() => ({
        // the session's libvirt is the user's own
        may: ({ vm }) => privileged || vm?.connection === "session",
        accept: about => setOpen({ what: "accept", about }),
        withdraw: about => setOpen({ what: "withdraw", about }),
    }), [privileged]);

    const change = async (about: Case, more: { view: "waive" | "unwaive", reason?: string, until?: string, seen?: string }) => {
        const { vm } = about.subject;
        await changeWaiver({
            ...more, connection: vm?.connection ?? "system", check: about.id, ...vm && { vm: vm.uuid },
        });
        close();
        // libvirt tells of a change to a VM by itself
        if (!vm)
            hostChanged();
    };

    return (
        <WaiversContext.Provider value={waivers}>
            {children}
            {open?.what === "accept" &&
                <AcceptDialog about={open.about} now={lookUp(reports, open.about)} close={close}
                              accept={answer => change(open.about, { view: "waive", ...answer })} />}
            {open?.what === "withdraw" &&
                <WithdrawDialog about={open.about} close={close}
                                withdraw={() => change(open.about, { view: "unwaive" })} />}
        </WaiversContext.Provider>
    );
}
