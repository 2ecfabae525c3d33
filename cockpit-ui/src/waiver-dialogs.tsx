/* SPDX-License-Identifier: LGPL-2.1-or-later */

import { useEffect, useId, useState } from "react";
import type { ReactNode } from "react";

import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import { Form, FormGroup, FormHelperText } from "@patternfly/react-core/dist/esm/components/Form";
import { HelperText, HelperTextItem } from "@patternfly/react-core/dist/esm/components/HelperText";
import { Modal, ModalBody, ModalFooter, ModalHeader } from "@patternfly/react-core/dist/esm/components/Modal";
import { TextArea } from "@patternfly/react-core/dist/esm/components/TextArea";
import { TextInput } from "@patternfly/react-core/dist/esm/components/TextInput";
import cockpit from "cockpit";

import { BridgeError } from "./bridge";
import type { Problem } from "./bridge";
import { SeverityMark, VerdictMark } from "./labels";
import { Notice } from "./notice";
import { Prose } from "./prose";
import type { Finding } from "./report";
import { say } from "./say";
import { problemText } from "./texts";
import { WaiverFacts } from "./waiver-facts";
import type { Case } from "./waivers";

const _ = cockpit.gettext;

/** The program's own limit, in characters. */
const REASON_LIMIT = 1000;

function useUser(): string {
    const [name, setName] = useState("");
    useEffect(() => {
        let wanted = true;
        cockpit.user().then(user => { if (wanted) setName(user.name) }, () => {});
        return () => { wanted = false };
    }, []);
    return name;
}

/** Runs what may be refused, and remembers why it was. */
function useAttempt(action: () => Promise<void>) {
    const [busy, setBusy] = useState(false);
    const [problem, setProblem] = useState<Problem | null>(null);
    const attempt = () => {
        setBusy(true);
        setProblem(null);
        action().catch((error: unknown) => {
            setProblem(error instanceof BridgeError ? error.problem : { code: "internal-error", message: String(error) });
            setBusy(false);
        });
    };
    return { busy, problem, attempt };
}

function Refused({ title, problem }: { title: string, problem: Problem | null }) {
    return (
        // live: it is read out when it comes
        <div aria-live="assertive">
            {problem &&
                <Notice isInline variant="danger" title={title} data-problem={problem.code}>
                    <p className="vms-words">{problem.message ? say(problem.message) : problemText(problem)}</p>
                </Notice>}
        </div>
    );
}

function About({ about: { subject, title }, finding }: { about: Case, finding: Finding }) {
    return (
        <div className="vms-case">
            <div className="vms-subtle">
                {subject.vm ? _("Virtual machine") : _("Host")} <bdi>{subject.name}</bdi>
            </div>
            <div className="vms-title">{say(title)}</div>
            <div><VerdictMark verdict={finding.verdict} /> · <SeverityMark severity={finding.severity} /></div>
            <div className="vms-message"><Prose text={say(finding.message)} /></div>
        </div>
    );
}

/** The dialog's button with the cross is PatternFly's, which has no property for its name. Runs once that is there. */
function NamedClose({ dialog }: { dialog: string }) {
    useEffect(() => {
        document.querySelector(`#${dialog} .pf-v6-c-modal-box__close button`)?.setAttribute("aria-label", _("Close"));
    }, [dialog]);
    return null;
}

function Dialog({ id, title, close, children, actions }: {
    id: string, title: string, close: () => void, children: ReactNode, actions: ReactNode,
}) {
    const label = useId();
    return (
        <Modal isOpen id={id} variant="medium" onClose={close} aria-labelledby={label}>
            <ModalHeader title={title} labelId={label} />
            <ModalBody>{children}</ModalBody>
            <NamedClose dialog={id} />
            <ModalFooter>{actions}<Button variant="link" onClick={close}>{_("Cancel")}</Button></ModalFooter>
        </Modal>
    );
}

/** `now`: the finding as it stands. The decision is about the one in `about`, until the program says otherwise. */
export function AcceptDialog({ about, now, accept, close }: {
    about: Case,
    now: Finding | undefined,
    accept: (answer: { reason: string, until?: string, seen: string }) => Promise<void>,
    close: () => void,
}) {
    const user = useUser();
    const [reason, setReason] = useState("");
    const [until, setUntil] = useState("");
    const [seen, setSeen] = useState(about.finding);
    const { busy, problem, attempt } = useAttempt(() =>
        accept({ reason, ...until && { until }, seen: seen.message }));
    // who was told that it has changed decides on what it is now
    if (problem?.code === "change-conflict" && now && now.message !== seen.message)
        setSeen(now);

    // code points, as the program counts
    const length = Array.from(reason).length;
    const fits = length <= REASON_LIMIT;
    const today = new Date().toISOString().slice(0, 10);
    const isOver = until !== "" && until < today;
    const ready = reason.trim() !== "" && fits && !isOver && !busy;

    return (
        <Dialog id="accept-dialog" title={_("Accept this finding")} close={close} actions={
            <Button id="accept-confirm" isDisabled={!ready} isLoading={busy} onClick={attempt}>{_("Accept")}</Button>}>
            <Refused title={_("The finding was not accepted")} problem={problem} />
            <About about={about} finding={seen} />
            <Form className="vms-form" onSubmit={event => {
                event.preventDefault();
                if (ready)
                    attempt();
            }}>
                <FormGroup label={_("Reason")} isRequired fieldId="accept-reason">
                    <TextArea id="accept-reason" value={reason} isRequired resizeOrientation="vertical" rows={4} dir="auto"
                              validated={fits ? "default" : "error"} aria-describedby="accept-reason-help"
                              onChange={(_event, text) => setReason(text)} />
                    <FormHelperText id="accept-reason-help">
                        <HelperText>
                            <HelperTextItem variant={fits ? "default" : "error"} screenReaderText={_("Problem:")}>
                                {length > REASON_LIMIT * 0.8
                                    ? cockpit.format(_("$0 of $1 characters"), length, REASON_LIMIT)
                                    : _("Why this is all right here, for whoever reads it later.")}
                            </HelperTextItem>
                        </HelperText>
                    </FormHelperText>
                </FormGroup>
                <FormGroup label={_("Accepted until")} fieldId="accept-until">
                    <TextInput id="accept-until" type="date" className="vms-date" value={until} min={today}
                               validated={isOver ? "error" : "default"} aria-describedby="accept-until-help"
                               onChange={(_event, text) => setUntil(text)} />
                    <FormHelperText id="accept-until-help">
                        <HelperText>
                            <HelperTextItem variant={isOver ? "error" : "default"} screenReaderText={_("Problem:")}>
                                {isOver ? _("This day is over.") : _("The last day. After it the finding counts again; without one it never does by itself.")}
                            </HelperTextItem>
                        </HelperText>
                    </FormHelperText>
                </FormGroup>
            </Form>
            <p className="vms-subtle">
                {about.subject.vm
                    ? cockpit.format(_("The finding stays visible, and counts no more. The reason, the date and the name $0 are kept in the metadata of the virtual machine, and move with it."), user)
                    : cockpit.format(_("The finding stays visible, and counts no more. The reason, the date and the name $0 are kept in a file on the host."), user)}
            </p>
        </Dialog>
    );
}

export function WithdrawDialog({ about, withdraw, close }: {
    about: Case, withdraw: () => Promise<void>, close: () => void,
}) {
    const { busy, problem, attempt } = useAttempt(withdraw);
    return (
        <Dialog id="withdraw-dialog" title={_("Withdraw the acceptance")} close={close} actions={
            <Button id="withdraw-confirm" isDisabled={busy} isLoading={busy} onClick={attempt}>{_("Withdraw")}</Button>}>
            <Refused title={_("The acceptance was not withdrawn")} problem={problem} />
            <About about={about} finding={about.finding} />
            {about.finding.waiver && <WaiverFacts waiver={about.finding.waiver} />}
            <p>{_("The finding then counts again, and the reason is forgotten.")}</p>
        </Dialog>
    );
}
