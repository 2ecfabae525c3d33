#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Which mutants of the checks do their specifications not notice? run.py [FILE...]

The mutants are those of `cargo mutants`. Building each alone would take days; here all are one program (shadow.py), and each is tried
with the examples that reach its function, then with the unit tests of the checks and all specifications. Those of constants are built
one by one. Fails if a mutant is missed that equivalent.toml does not explain.
"""

import collections
import concurrent.futures
import json
import os
import pathlib
import queue
import subprocess
import sys
import threading
import time
import tomllib

import shadow

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target/mutation"
TREE = TARGET / "tree"
EQUIVALENT = ROOT / "tests/mutation/equivalent.toml"
WORKERS = 2
# Most take milliseconds; the examples that all reach a common function take some seconds.
TIMEOUT = 30
TESTS_TIMEOUT = 300
# A mutant may allocate without end.
MEMORY = 4 << 30


def listed(files):
    command = ["cargo", "mutants", "--list", "--json", "--diff"]
    for file in files or ["bridge/src/checks/**"]:
        command += ["--file", file]
    mutants = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    for number, mutant in enumerate(mutants, 1):
        mutant["number"] = number
    return mutants


def environment(**more):
    return os.environ | {"RUST_BACKTRACE": "0", "CARGO_TARGET_DIR": str(TARGET / "build"), "RUSTFLAGS": "--cap-lints=allow"} | more


def cargo(*arguments):
    return subprocess.run(["nice", "cargo", *arguments, "--message-format=json"], cwd=TREE, env=environment(), capture_output=True, text=True)


def messages(result):
    return [json.loads(line) for line in result.stdout.splitlines() if line.startswith("{")]


def compiled(shadow_tree):
    """Leaves out what does not compile, round by round: a later pass of the compiler finds what an earlier one hid."""
    unviable = {}
    while True:
        owners = shadow_tree.write(unviable)
        result = cargo("check", "--lib")
        if result.returncode == 0:
            return unviable
        found = {}
        for message in messages(result):
            if message["reason"] != "compiler-message" or message["message"]["level"] != "error" or not message["message"]["spans"]:
                continue
            error = message["message"]
            numbers = {number for span in error["spans"] if span["is_primary"]
                       for first, last, number in owners.get(span["file_name"], []) if first <= span["line_start"] <= last}
            if not numbers:
                sys.exit(f"not a mutant's error:\n{error['rendered']}")
            found |= dict.fromkeys(numbers, error["message"])
        if not found:
            sys.exit(result.stderr)
        print(f"  {len(found)} do not compile", file=sys.stderr)
        unviable |= found


def programs(built):
    return {message["target"]["name"]: message["executable"] for message in messages(built)
            if message["reason"] == "compiler-artifact" and message["executable"]}


def build():
    """The worker, and the test programs of the library and of the specifications."""
    built = cargo("test", "--no-run", "--lib", "--test", "specs", "--test", "mutants")
    if built.returncode:
        sys.exit(built.stderr + "".join(m["message"]["rendered"] for m in messages(built) if m["reason"] == "compiler-message"))
    return programs(built)


class Worker:
    """A process that judges one mutant after the other, started anew when one of them has killed or stopped it."""

    def __init__(self, program):
        self.program, self.process = program, None

    def start(self):
        limit = f"ulimit -v {MEMORY >> 10}; exec nice {self.program}"
        self.process = subprocess.Popen(["bash", "-c", limit], cwd=TREE, env=environment(), text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, args=(self.process, self.lines), daemon=True).start()
        ready = self.lines.get(timeout=TESTS_TIMEOUT)
        if not ready or not ready.startswith("ready"):
            sys.exit("the worker does not start")

    @staticmethod
    def read(process, lines):
        for line in process.stdout:
            lines.put(line.rstrip("\n"))
        lines.put(None)

    def judge(self, mutant):
        if self.process is None:
            self.start()
        self.process.stdin.write(f"{mutant['number']} {mutant['place']}\n")
        self.process.stdin.flush()
        try:
            line = self.lines.get(timeout=TIMEOUT)
        except queue.Empty:
            line = "timeout\t"
        if line is None or line.startswith("timeout"):
            self.stop()
        return (line or "caught\tit kills the process").split("\t", 1)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def judge_all(mutants, program):
    workers = queue.SimpleQueue()
    for _ in range(WORKERS):
        workers.put(Worker(program))

    def judge(mutant):
        worker = workers.get()
        mutant["outcome"], mutant["by"] = worker.judge(mutant)
        workers.put(worker)

    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        for done, _ in enumerate(pool.map(judge, mutants), 1):
            if done % 500 == 0:
                print(f"{done} tried", file=sys.stderr)
    for _ in range(WORKERS):
        workers.get().stop()


def try_tests(mutant, tests, names=("vm_security", "specs")):
    """What no example tells apart may fail a unit test, or a rule about all checks."""
    mutant.setdefault("outcome", "missed")
    for name in names:
        command = ["nice", tests[name], *(["checks::"] if name == "vm_security" else [])]
        try:
            failed = subprocess.run(command, cwd=TREE, env=environment(VM_SECURITY_MUTANT=str(mutant["number"])), capture_output=True,
                                    timeout=TESTS_TIMEOUT).returncode
        except subprocess.TimeoutExpired:
            mutant["outcome"] = "timeout"
            return
        if failed:
            mutant["outcome"], mutant["by"] = "caught", f"tests of {name}"
            return


def build_alone(mutants, every, tree):
    """A constant cannot be switched: each of its mutants is built for the specifications, without any other."""
    tree.write({mutant["number"] for mutant in every})
    for mutant in mutants:
        source = tree.sources[mutant["file"]]
        tree.file(mutant["file"], source.with_diff(mutant["diff"]))
        built = cargo("test", "--no-run", "--test", "specs")
        if built.returncode:
            mutant["outcome"], mutant["by"] = "unviable", "its build fails"
        else:
            try_tests(mutant, programs(built), ["specs"])
        tree.file(mutant["file"], source.text)


def explained(mutants, whole):
    """Marks the equivalent ones. An explanation that explains nothing is out of date."""
    stale = []
    for entry in tomllib.loads(EQUIVALENT.read_text()).get("equivalent", []):
        found = [mutant for mutant in mutants if mutant["file"] == entry["file"] and mutant["name"].endswith(entry["mutant"])
                 and entry["line"] in line_of(mutant)]
        for mutant in found:
            if mutant["outcome"] in ("missed", "unreached", "timeout"):
                mutant["outcome"] = "equivalent"
            else:
                stale.append(f"{mutant['name']} is {mutant['outcome']}, not equivalent")
        if whole and len(found) != 1:
            stale.append(f"{entry['file']}: {entry['mutant']} is that of {len(found)} mutants")
    return stale


def line_of(mutant):
    return (ROOT / mutant["file"]).read_text().splitlines()[mutant["span"]["start"]["line"] - 1]


def keep(mutants):
    """To be read while it goes on, too."""
    (TARGET / "outcomes.json").write_text(json.dumps(mutants, indent=1))


def main():
    start = time.monotonic()
    mutants = listed(sys.argv[1:])
    tree = shadow.Shadow(ROOT, TREE, mutants)
    print(f"{len(mutants)} mutants in {len(tree.functions)} functions", file=sys.stderr)
    unviable = compiled(tree)
    tests = build()
    print(f"built after {time.monotonic() - start:.0f} s", file=sys.stderr)
    for mutant in mutants:
        if mutant["number"] in unviable:
            mutant["outcome"], mutant["by"] = "unviable", unviable[mutant["number"]]
    judge_all([mutant for mutant in mutants if "place" in mutant and "outcome" not in mutant], tests["mutants"])
    survivors = [mutant for mutant in mutants if mutant.get("outcome") in ("missed", "unreached")]
    print(f"{len(survivors)} survive the examples after {time.monotonic() - start:.0f} s", file=sys.stderr)
    keep(mutants)
    with concurrent.futures.ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(lambda mutant: try_tests(mutant, tests), survivors))
    keep(mutants)
    build_alone([mutant for mutant in mutants if "outcome" not in mutant], mutants, tree)
    stale = explained(mutants, not sys.argv[1:])
    keep(mutants)
    for mutant in mutants:
        if mutant["outcome"] in ("missed", "unreached", "timeout"):
            print(f"{mutant['outcome']:9} {mutant['name']}\n          {line_of(mutant).strip()}")
    counts = collections.Counter(mutant["outcome"] for mutant in mutants)
    judged = sum(counts.values()) - counts["unviable"] - counts["equivalent"]
    detected = counts["caught"] + counts["timeout"]
    print(", ".join(f"{count} {word}" for word, count in sorted(counts.items())), f"in {time.monotonic() - start:.0f} s")
    print(f"score: {detected} of {judged} ({100 * detected / max(judged, 1):.1f} %)")
    for line in stale:
        print(line)
    sys.exit(1 if stale or detected < judged else 0)


if __name__ == "__main__":
    main()
