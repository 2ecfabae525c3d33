# SPDX-License-Identifier: LGPL-2.1-or-later
"""One program that is all mutants: each mutated function chooses among its bodies at run time.

A body with a mutant is the function's own in the file as cargo-mutants would write it, taken from its diff.
"""

import bisect
import collections
import re
import shutil

SWITCH = "crate::mutant"
# What is not code, with its line breaks, to be blanked.
NOT_CODE = re.compile(
    r"""//[^\n]*|/\*.*?\*/|b?r(?P<hashes>\#*)".*?"(?P=hashes)|[bc]?"(?:\\.|[^"\\])*"|b?'(?:\\u\{[^}]*\}|\\x..|\\.|[^'\\\n])'""",
    re.DOTALL)
CLOSURE = re.compile(r"\s*(?:\w+:\s*)?(?:move\s*)?\|[^|]*\|\s*")
PAIRS = {"(": ")", "[": "]", "{": "}"}


class Source:
    """One file: its text, the same with blanks for what is not code, and where its brackets are."""

    def __init__(self, path):
        self.text = path.read_text()
        self.code = NOT_CODE.sub(lambda match: re.sub(r"[^\n]", " ", match[0]), self.text)
        self.lines = [0] + [match.end() for match in re.finditer("\n", self.text)]
        self.closing = {}
        stack = []
        for match in re.finditer(r"[][(){}]", self.code):
            if match[0] in PAIRS:
                stack.append(match.start())
            else:
                opening = stack.pop()
                assert PAIRS[self.code[opening]] == match[0], f"{path}: brackets"
                self.closing[opening] = match.start()

    def offset(self, place):
        return self.lines[place["line"] - 1] + place["column"] - 1

    def body(self, mutant):
        """Where the body begins and ends that a mutant is in; None for a constant, which cannot be chosen at run time."""
        at = self.offset(mutant["span"]["start"])
        if mutant["function"]:
            start = self.offset(mutant["function"]["span"]["start"])
            opening = self.skip(start, "{")
            if re.search(r"\bconst\b", self.code[start:opening]):
                return None
            return opening, self.closing[opening] + 1
        # A closure of a static, from outside to inside.
        for opening in sorted(opening for opening, closing in self.closing.items() if opening < at < closing):
            start, end = opening + 1, self.closing[opening]
            while start <= at:
                closure = CLOSURE.match(self.code, start)
                comma = self.skip(closure.end() if closure else start, ",", end)
                if closure and closure.end() <= at < comma:
                    return closure.end(), comma
                start = comma + 1
        return None

    def skip(self, start, wanted, end=None):
        """The next of a character outside of brackets, or the end."""
        at, end = start, len(self.code) if end is None else end
        while at < end and self.code[at] != wanted:
            at = self.closing.get(at, at) + 1
        return min(at, end)

    def with_diff(self, diff):
        lines = self.text.splitlines(keepends=True)
        hunks = re.split(r"^@@ -(\d+),?\d* \+.* @@$\n", diff, flags=re.MULTILINE)[1:]
        shift = 0
        for first, hunk in zip(hunks[::2], hunks[1::2]):
            hunk = [line for line in hunk.splitlines(keepends=True) if not line.startswith("\\")]
            old = [line[1:] for line in hunk if line[0] in " -"]
            new = [line[1:] for line in hunk if line[0] in " +"]
            begin = int(first) - 1 + shift
            assert lines[begin:begin + len(old)] == old, "the diff is not this file's"
            lines[begin:begin + len(old)] = new
            shift += len(new) - len(old)
        return "".join(lines)


class Shadow:
    """The mutated copy of the source tree."""

    def __init__(self, root, directory, mutants):
        self.root, self.directory = root, directory
        self.sources = {file: Source(root / file) for file in {mutant["file"] for mutant in mutants}}
        self.functions = {}
        self.bodies = collections.defaultdict(list)
        for mutant in mutants:
            body = self.sources[mutant["file"]].body(mutant)
            if body:
                self.bodies[mutant["file"], body].append(mutant)
                mutant["place"] = self.functions.setdefault((mutant["file"], body), len(self.functions) + 1)

    def write(self, without):
        """Writes the tree with all mutants but those that do not compile. Returns whose the lines of a file are."""
        self.directory.mkdir(parents=True, exist_ok=True)
        for name in ("Cargo.lock", "tests", "packaging", "cockpit-ui"):
            link = self.directory / name
            link.unlink(missing_ok=True)
            link.symlink_to(self.root / name)
        shutil.copytree(self.root / "bridge", self.directory / "bridge", dirs_exist_ok=True)
        manifest = (self.root / "Cargo.toml").read_text()
        worker = '\n[[test]]\nname = "mutants"\npath = "tests/mutation/worker.rs"\nharness = false\n'
        self.file("Cargo.toml", manifest + worker)
        self.file("bridge/src/mutant.rs", (self.root / "tests/mutation/switch.rs").read_text())
        self.file("bridge/src/lib.rs", (self.root / "bridge/src/lib.rs").read_text() + "pub mod mutant;\n")
        audit = (self.root / "bridge/src/audit.rs").read_text()
        assert "in CHECKS {" in audit, "an audit's loops are not what they were"
        self.file("bridge/src/audit.rs", audit.replace("in CHECKS {", f"in {SWITCH}::under_test() {{"))
        owners = {}
        for file, source in self.sources.items():
            text, owners[file] = self.render(file, source, without)
            self.file(file, text)
        return owners

    def file(self, name, text):
        path = self.directory / name
        # An untouched file is not compiled again.
        if not path.exists() or path.read_text() != text:
            path.write_text(text)

    def render(self, file, source, without):
        bodies = {body: mutants for (of, body), mutants in self.bodies.items() if of == file}
        starts = sorted(bodies)

        def part(begin, end, own=None):
            """The text from begin to end, where bodies within, but not the own one, choose."""
            pieces, at = [], begin
            for body in starts[bisect.bisect_left(starts, (begin, 0)):]:
                if body[0] >= end:
                    break
                if body[0] >= at and body[1] <= end and body != own:
                    pieces += [(source.text[at:body[0]], None), *choice(body)]
                    at = body[1]
            return pieces + [(source.text[at:end], None)]

        def choice(body):
            mutants = [mutant for mutant in bodies[body] if mutant["number"] not in without]
            boxed = boxed_type(mutants)
            frame = (lambda text: f"let it: {boxed} = Box::new({text}); it") if boxed else (lambda text: text)
            before, after = frame("\0").split("\0")
            place = self.functions[file, body]
            yield f"{{ match {SWITCH}::at({place}) {{\n", None
            for mutant in mutants:
                mutated = source.with_diff(mutant["diff"])
                text = mutated[body[0]:len(mutated) - len(source.text) + body[1]]
                yield f"{mutant['number']} => {{ {before}{text}{after} }}\n", mutant["number"]
            yield f"_ => {{ {before}", None
            yield from part(*body, own=body)
            yield f"{after} }}\n}} }}", None

        text, owner = [], []
        line = 1
        for piece, number in part(0, len(source.text)):
            count = piece.count("\n")
            if number:
                owner.append((line, line + count, number))
            text.append(piece)
            line += count
        return "".join(text), owner


def boxed_type(mutants):
    """Bodies of different types behind an `impl Trait` are one type behind a `dyn Trait`."""
    function = mutants[0]["function"] if mutants else None
    match = function and re.fullmatch(r"-> impl (Iterator<.*>)(\s*\+\s*'\w+)?", function["return_type"])
    return f"Box<dyn {match[1]} + '_>" if match else None
