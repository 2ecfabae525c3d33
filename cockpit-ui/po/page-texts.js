/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The page's own texts: _("…"), ngettext("…", "…", n), NC_("context", "…"), translate attributes, the menu. */

import ts from "typescript";

const CALLS = { _: 1, N_: 1, gettext: 1, ngettext: 2, NC_: 2, C_: 2 };

/** The text of a literal, or of several added up. */
function literal(node) {
    if (ts.isStringLiteral(node) || ts.isNoSubstitutionTemplateLiteral(node))
        return node.text;
    if (ts.isParenthesizedExpression(node))
        return literal(node.expression);
    if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.PlusToken) {
        const parts = [literal(node.left), literal(node.right)];
        return parts.includes(undefined) ? undefined : parts.join("");
    }
    return undefined;
}

export function pageTexts(file, source) {
    const found = [];
    const visit = node => {
        if (ts.isCallExpression(node)) {
            const callee = node.expression;
            const name = ts.isPropertyAccessExpression(callee) ? callee.name.text : callee.text;
            const texts = node.arguments.slice(0, CALLS[name] ?? 0).map(literal);
            if (texts.length > 0 && !texts.includes(undefined)) {
                const [first, second] = texts;
                const isContext = /C_$/.test(name);
                found.push(isContext ? { id: second, context: first } : { id: first, plural: second });
            }
        }
        ts.forEachChild(node, visit);
    };
    visit(ts.createSourceFile(file, source, ts.ScriptTarget.Latest, true));
    return found;
}

/** The content of elements with the attribute translate. */
export function htmlTexts(source) {
    return [...source.matchAll(/<\w+[^>]*\btranslate(?:="yes")?[^>]*>([^<]+)</g)]
            .map(match => ({ id: match[1].trim() }));
}

/** Of AppStream's metainfo: what a software centre shows. Texts that are translated already are left out. */
export function metainfoTexts(source) {
    return [...source.matchAll(/<(name|summary|p|li)>([^<]+)</g)]
            .map(([, element, text]) => ({ id: text.replace(/\s+/g, " ").trim(), what: `metainfo: ${element}` }));
}

export function manifestTexts(manifest) {
    const found = [];
    for (const section of ["menu", "tools", "dashboard"]) {
        for (const item of Object.values(manifest[section] ?? {})) {
            if (item.label)
                found.push({ id: item.label });
            for (const keyword of (item.keywords ?? []).flatMap(({ matches }) => matches))
                found.push({ id: keyword, what: "a word by which the page is found in Cockpit's search, in small letters" });
        }
    }
    return found;
}
