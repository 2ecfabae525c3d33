#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Writes bridge/src/fuzzing/known.json: what all examples of tests/checks say about the host and the VM, the last of two counts.

A definition is judged with it while it is fuzzed, so that few checks stop at a fact that they miss.
"""

import json
import pathlib
import re

ROOT = pathlib.Path(__file__).parents[2]


def merge(target, patch):
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    if "missing" in patch and "value" in target:
        return target
    if "value" in patch:
        target.pop("missing", None)
    for key, value in patch.items():
        if value is not None or key == "value":
            target[key] = merge(target.get(key), value)
    return target


def main():
    known = {"facts": {}, "vm": {}}
    for path in sorted(ROOT.glob("tests/checks/*/*.md")):
        for kind, text in re.findall(r"```(facts|vm)\n(.*?)\n```", path.read_text(), re.S):
            merge(known[kind], json.loads(text))
    facts, vm = known["facts"], known["vm"]
    facts |= {"version": 1, "recorded": "2026-07-01T12:00:00Z", "vms": [vm | {"uuid": "1", "name": "x"}]}
    # A line for each part of the host, so that a change shows.
    host = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in sorted(facts.pop("host").items()))
    rest = json.dumps(facts, sort_keys=True)
    (ROOT / "bridge/src/fuzzing/known.json").write_text(f'{rest[:-1]},\n"host": {{\n{host}\n}}}}\n')


main()
