/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Words in the picture. SVG breaks no lines, and other languages have longer words: they are wrapped, then shrunk. */

import { Fragment, useEffect, useState } from "react";

import { fitted } from "./picture-layout";

let context: CanvasRenderingContext2D | null | undefined;

/** Of bold text, in the picture's units: what is not bold has a little more room. */
function widthOf(text: string, size: number): number {
    context ??= document.createElement("canvas").getContext("2d");
    if (!context)
        return 0;
    const style = getComputedStyle(document.documentElement);
    const token = (name: string) => style.getPropertyValue(`--pf-t--global--font--${name}`);
    context.font = `${token("weight--body--bold")} ${size}px ${token("family--body")}`;
    return context.measureText(text).width;
}

/** True once the page's fonts are there, so that what was measured before is measured again. */
function useFonts(): boolean {
    const [ready, setReady] = useState(document.fonts.status === "loaded");
    useEffect(() => {
        let wanted = true;
        void document.fonts.ready.then(() => { if (wanted) setReady(true) });
        return () => { wanted = false };
    }, []);
    return ready;
}

export interface Words {
    text: string;
    className?: string;
}

/**
 * Lines below each other: those of `words` one after the other, all within `room`. `y` is the baseline of the first
 * text's last line ("up": its other lines are above), of the first line ("down"), or of the middle of all ("middle").
 */
export function PictureText({ x, y, room, size, grow, anchor, className = "", words }: {
    x: number, y: number, room: number, size: number, grow: "up" | "down" | "middle",
    anchor: "start" | "middle" | "end", className?: string, words: Words[],
}) {
    useFonts();
    const height = Math.round(size * 1.2);
    const texts = words.map(word => fitted(word.text, room, text => widthOf(text, size)));
    const count = texts.flat().length;
    const above = grow === "up" ? (texts[0]?.length ?? 1) - 1 : grow === "middle" ? (count - 1) / 2 : 0;
    const lines = texts.flatMap((lines, i) => lines.map(line => ({ ...line, className: words[i]?.className })));
    return (
        <text className={`vms-upright ${className}`} x={x} y={y - above * height} textAnchor={anchor}>
            {lines.map(({ text, scale, className }, i) => (
                <Fragment key={i}>
                    {/* two lines are two words, for whoever reads them without seeing them */}
                    {i > 0 && " "}
                    <tspan x={x} {...i > 0 && { dy: height }} {...scale < 1 && { fontSize: size * scale }}
                           {...className && { className }}>
                        {text}
                    </tspan>
                </Fragment>
            ))}
        </text>
    );
}
