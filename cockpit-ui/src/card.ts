/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What the card in cockpit-machines says, and the node that it is. Loaded when there is a place for it, not before. */

import cockpit from "cockpit";

import { Audit } from "./bridge";
import { countSeverities, countVerdicts, isBad, worst } from "./findings";
import { languageTag, loadLanguage } from "./language";
import { securityPath, OVERVIEW_PATH } from "./paths";
import { NOT_GOOD, SEVERITIES } from "./report";
import type { Findings, Judged, Vm } from "./report";
import { say } from "./say";
import { meetsText, problemText, severityText, verdictText } from "./texts";
import { storedProfile } from "./profile";

const _ = cockpit.gettext;

// whoever imports this may use it at once
await loadLanguage();

const MARK = "data-vm-security-card";

/** The VM whose details are shown, or null for the list of all. */
export type Target = { name: string, connection: string } | null;

export interface Summary {
    title: string;
    rows: [term: string, text: string][];
    link: string;
    path: string;
}

function countsText(findings: Findings): string {
    const severities = countSeverities(findings.values());
    const unknown = countVerdicts(findings.values()).get("unknown") ?? 0;
    const parts = SEVERITIES.filter(s => severities.has(s))
            .map(s => cockpit.format("$0 $1", severities.get(s) ?? 0, severityText(s)));
    if (unknown > 0)
        parts.push(cockpit.format("$0 $1", unknown, verdictText("unknown")));
    return parts.join(", ") || _("Nothing found");
}

function standing({ meets, proven }: Judged): string {
    const text = meetsText(meets);
    return proven ? text : cockpit.format(_("$0, not proven"), text);
}

function vmSummary(vm: Vm, host: Judged): Summary["rows"] {
    const found = worst(vm.findings);
    const rows: Summary["rows"] = [
        [_("Meets profile"), standing(vm)],
        // no VM is safer than what it runs on
        [_("Its host meets"), standing(host)],
        [_("Findings"), countsText(vm.findings)],
    ];
    if (found) {
        const { severity, message } = found.finding;
        rows.push([_("Worst finding"), cockpit.format(_("$0: $1"), severityText(severity), say(message))]);
    }
    return rows;
}

function listSummary(vms: Vm[]): Summary["rows"] {
    const severe = vms.filter(vm => [...vm.findings.values()].some(f =>
        isBad(f) && (f.severity === "critical" || f.severity === "high"))).length;
    const text = cockpit.ngettext("$0 of $1 virtual machine has critical or high findings",
                                  "$0 of $1 virtual machines have critical or high findings", severe);
    return [[_("Findings"), cockpit.format(text, severe, vms.length)]];
}

/** Calls back with what to show, now and whenever it changes, until the returned function is called. */
export function watchSummary(target: Target, changed: (summary: Summary) => void): () => void {
    const update = () => {
        const { report, problem } = audit.state;
        const vm = target && report?.vms.find(v => v.name === target.name);
        let rows: Summary["rows"];
        if (report && target && vm)
            rows = vmSummary(vm, report.host);
        else if (report && !target && report.libvirt.state === "connected" && report.vms.length > 0)
            rows = listSummary(report.vms);
        else if (problem && target)
            rows = [[_("Problem"), problemText(problem)]];
        else
            return; // nothing to say (yet)
        changed(target
            ? { title: _("Security"), rows, link: _("View findings"), path: securityPath(target.name, target.connection) }
            : { title: _("VM security"), rows, link: _("View all findings"), path: OVERVIEW_PATH });
    };

    const audit = new Audit({
        connection: target?.connection ?? "system", profile: storedProfile(), verdicts: NOT_GOOD, ...target && { vm: target.name },
    }, update);
    return () => audit.close();
}

/*
 * THE NODE
 */

function element(doc: Document, tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
    const node = doc.createElement(tag);
    node.className = className;
    node.append(...children);
    return node;
}

/** The shell only lets the current frame jump; a hidden one goes the way of the browser's own Back button. */
function jump(shell: Window, path: string): void {
    shell.history.pushState(null, "", path);
    shell.dispatchEvent(new PopStateEvent("popstate", { state: null }));
}

/** Our node, in the classes of the page that it is for. */
export function drawCard(
    doc: Document, shell: Window, host: string, prefix: string, target: Target, summary: Summary
): Element {
    const c = (name: string) => prefix + name;
    const rows = summary.rows.map(([term, text]) => element(doc, "div", c("description-list__group"),
        element(doc, "dt", c("description-list__term"), element(doc, "span", c("description-list__text"), term)),
        element(doc, "dd", c("description-list__description"), element(doc, "div", c("description-list__text"), text))));
    const link = element(doc, "a", `${c("button")} pf-m-link pf-m-inline`, summary.link) as HTMLAnchorElement;
    // Cockpit may live below a path of a web server
    const root = shell.document.querySelector<HTMLMetaElement>("meta[name='url-root']")?.content ?? "";
    link.href = root.replace(/^\/*(.+?)\/*$/, "/$1") + host + summary.path;
    link.target = "_parent";
    link.addEventListener("click", event => {
        if (!event.ctrlKey && !event.metaKey && !event.shiftKey) {
            event.preventDefault();
            jump(shell, link.getAttribute("href") ?? "");
        }
    });
    const title = element(doc, "div", c("card__title"), element(doc, "h2", c("card__title-text"), summary.title));
    const style = doc.createElement("link");
    style.rel = "stylesheet";
    style.href = new URL("card.css", window.location.href).href;
    // Inside the body: PatternFly gives the card's first and last child its padding.
    const card = element(doc, "div", `${c("card")} vm-security-card`,
                         element(doc, "div", c("card__header"), element(doc, "div", c("card__header-main"), title)),
                         element(doc, "div", c("card__body"),
                                 element(doc, "dl", `${c("description-list")} pf-m-horizontal`, ...rows), style),
                         element(doc, "div", c("card__footer"), link));
    card.id = target ? `vm-${target.name}-security` : "vm-security-list-summary";
    card.lang = languageTag();
    card.setAttribute(MARK, target ? target.name : "");
    return card;
}
