#!/bin/bash
# SPDX-License-Identifier: LGPL-2.1-or-later
# The real fuzzer: tests/fuzz/run.sh TARGET|all SECONDS [OPTIONS OF LIBFUZZER]
#
# libFuzzer with the coverage that cargo-fuzz asks for, by flags that a stable compiler takes. What it finds interesting is kept in
# tests/fuzz/found/TARGET, a failure in tests/fuzz/artifacts; both stay out of git. A failure's input belongs to tests/fuzz/corpus/TARGET.
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?usage: tests/fuzz/run.sh TARGET|all SECONDS}
seconds=${2:-60}
shift 2 || shift

host=$(rustc -vV | sed -n 's/^host: //p')
flags='--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4'
for kind in inline-8bit-counters pc-table trace-compares; do
    flags="$flags -Cllvm-args=-sanitizer-coverage-$kind"
done
# With --target, so that build scripts and macros are not instrumented.
RUSTFLAGS=$flags cargo build --quiet --release --locked --manifest-path tests/fuzz/Cargo.toml --target "$host" --target-dir target/fuzz

targets=$target
[ "$target" != all ] || targets=$(ls tests/fuzz/corpus)
for target in $targets; do
    mkdir -p "tests/fuzz/found/$target" tests/fuzz/artifacts
    # No input takes 10 seconds or 1 GiB.
    "target/fuzz/$host/release/$target" "tests/fuzz/found/$target" "tests/fuzz/corpus/$target" -artifact_prefix="tests/fuzz/artifacts/$target-" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -max_len=65536 -print_final_stats=1 "$@"
done
