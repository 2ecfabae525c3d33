/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the pages show when they have no findings to show, and the notices above findings. */

import type { ComponentType, ReactElement, ReactNode } from "react";

import { AlertActionLink } from "@patternfly/react-core/dist/esm/components/Alert";
import { Button } from "@patternfly/react-core/dist/esm/components/Button";
import {
    EmptyState, EmptyStateActions, EmptyStateBody, EmptyStateFooter
} from "@patternfly/react-core/dist/esm/components/EmptyState";
import { Popover } from "@patternfly/react-core/dist/esm/components/Popover";
import { Spinner } from "@patternfly/react-core/dist/esm/components/Spinner";
import { DisconnectedIcon } from "@patternfly/react-icons/dist/esm/icons/disconnected-icon";
import { ExclamationCircleIcon } from "@patternfly/react-icons/dist/esm/icons/exclamation-circle-icon";
import { LockIcon } from "@patternfly/react-icons/dist/esm/icons/lock-icon";
import { SearchIcon } from "@patternfly/react-icons/dist/esm/icons/search-icon";
import cockpit from "cockpit";

import type { AuditState, Problem } from "./bridge";
import { Notice } from "./notice";
import type { Libvirt } from "./report";
import { say } from "./say";
import { problemText } from "./texts";
import { useMoment } from "./use-audit";

const _ = cockpit.gettext;

type Status = "danger" | "warning";

function StateBox({ state, title, icon, status, children, actions }: {
    state: string, title: string, icon?: ComponentType, status?: Status, children?: ReactNode, actions?: ReactNode,
}) {
    return (
        <EmptyState data-state={state} headingLevel="h2" titleText={title} {...icon && { icon }} {...status && { status }}>
            {children && <EmptyStateBody>{children}</EmptyStateBody>}
            {actions && <EmptyStateFooter><EmptyStateActions>{actions}</EmptyStateActions></EmptyStateFooter>}
        </EmptyState>
    );
}

export function Loading() {
    const passed = useMoment(400);
    if (!passed)
        return <div data-state="loading" />;
    return <StateBox state="loading" title={_("Reading the security settings")} icon={Spinner} />;
}

export function ProblemState({ problem, retrying, retry }: { problem: Problem, retrying: boolean, retry: () => void }) {
    const denied = problem.code === "access-denied";
    return (
        <StateBox state="error" title={problemText(problem)}
                  icon={denied ? LockIcon : ExclamationCircleIcon} status={denied ? "warning" : "danger"}
                  actions={<>
                      <Button onClick={retry}>{_("Try again")}</Button>
                      {denied && <AdminHelp />}
                  </>}>
            {problem.message && <p className="vms-words">{say(problem.message)}</p>}
            {retrying && <p>{_("This will be tried again by itself.")}</p>}
        </StateBox>
    );
}

export function LibvirtState({ libvirt, privileged, children }: {
    libvirt: Libvirt,
    privileged: boolean,
    /** What will be there instead. */
    children?: string,
}) {
    const denied = libvirt.state === "denied";
    return (
        <StateBox state="no-libvirt" icon={denied ? LockIcon : DisconnectedIcon} status="warning"
                  title={denied ? _("Access to libvirt was refused") : _("libvirt is not running")}
                  actions={denied && !privileged && <AdminHelp />}>
            {libvirt.message && <p className="vms-words">{say(libvirt.message)}</p>}
            <p>{children ?? _("The virtual machines will appear here as soon as libvirt answers.")}</p>
        </StateBox>
    );
}

export function NoSuchVm({ name, actions }: { name: string, actions: ReactNode }) {
    return (
        <StateBox state="no-such-vm" icon={SearchIcon} title={cockpit.format(_("There is no virtual machine $0"), name)}
                  actions={actions}>
            {_("It may have been deleted or renamed, or belong to another connection.")}
        </StateBox>
    );
}

/** How to get administrative access: it is Cockpit's own switch, outside of this page. */
function AdminHelp() {
    return (
        <AdminPopover>
            <Button variant="link" isInline className="vms-admin-help">{_("How to get administrative access")}</Button>
        </AdminPopover>
    );
}

/** The same for a button that can do nothing without. */
export function AdminPopover({ need, children }: { need?: string, children: ReactElement }) {
    const how = _("Click \"Limited access\" in the bar at the top of Cockpit and enter your password. The findings are then completed here by themselves.");
    return (
        <Popover headerContent={_("Administrative access")} headerComponent="h2" position="bottom" closeBtnAriaLabel={_("Close")}
                 bodyContent={need ? <><p>{need}</p><p>{how}</p></> : how}>
            {children}
        </Popover>
    );
}

/** What is not as it should be, although there are findings. */
export function Notices({ audit, unprivileged }: {
    audit: AuditState & { retry: () => void },
    /** How many findings are unknown only for want of administrative access. */
    unprivileged: number,
}) {
    const { report, problem, retrying, retry } = audit;
    return (
        <>
            {problem &&
                <Notice isInline variant="warning" className="vms-stale"
                       title={_("These findings are not up to date")}
                       actionLinks={<AlertActionLink onClick={retry}>{_("Try again")}</AlertActionLink>}>
                    <p>{problemText(problem)} {retrying && _("This will be tried again by itself.")}</p>
                    {problem.message && <p className="vms-words">{say(problem.message)}</p>}
                </Notice>}
            {report && report.libvirt.state !== "connected" && report.vms.length > 0 &&
                <Notice isInline variant="warning" className="vms-libvirt"
                       title={report.libvirt.state === "denied"
                           ? _("Access to libvirt was refused")
                           : _("libvirt is not running")}>
                    {report.libvirt.message && <p className="vms-words">{say(report.libvirt.message)}</p>}
                </Notice>}
            {unprivileged > 0 && report && !report.privileged &&
                <Notice isInline variant="info" className="vms-needs-admin"
                       title={cockpit.format(cockpit.ngettext(
                           "$0 finding is unknown without administrative access",
                           "$0 findings are unknown without administrative access", unprivileged), unprivileged)}
                       actionLinks={<AdminHelp />} />}
        </>
    );
}
