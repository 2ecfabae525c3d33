// SPDX-License-Identifier: LGPL-2.1-or-later
//! The short run, everywhere: each file of each corpus and some thousand changes of them, the same ones each time.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{TARGETS, known, run};

/// Of changed inputs for each target, where they are cheap; an audit costs some milliseconds.
const ROUNDS: usize = 2000;
const AUDITS: usize = 100;
/// A changed input grows no further.
const LIMIT: usize = 64 << 10;
/// Of one input, on a machine that is busy with other tests.
const PATIENCE: Duration = Duration::from_secs(20);

fn corpus(target: &str) -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&directory).unwrap_or_else(|error| panic!("{}: {error}", directory.display()));
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.iter().map(|path| std::fs::read(path).unwrap()).collect()
}

/// Marsaglia's xorshift: good enough to hit things with.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() >> 16).unwrap() % limit.max(1)
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        start..start + self.below((length - start).min(64) + 1)
    }

    /// One to four changes.
    fn change(&mut self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = seeds[self.below(seeds.len())].clone();
        for _ in 0..=self.below(4) {
            let (range, place) = (self.range(bytes.len()), self.below(bytes.len() + 1));
            match self.below(8) {
                0 => drop(bytes.drain(range)),
                1 => {
                    let piece = bytes[range].to_vec();
                    bytes.splice(place..place, piece.repeat(1 + self.below(3)));
                }
                2 => bytes.truncate(place),
                3 => {
                    let other = &seeds[self.below(seeds.len())];
                    let piece = other[self.range(other.len())].to_vec();
                    bytes.splice(range, piece);
                }
                4 => {
                    const PIECES: [&[u8]; 10] = [
                        b"\0",
                        b"\xff\xff\xff\xff",
                        b"\n",
                        b"]]>",
                        b"\xe2\x80\xae",
                        b"\x1b[31m",
                        b"<b>",
                        b"\"'&",
                        b"hunter2",
                        b"9999999999",
                    ];
                    bytes.splice(place..place, PIECES[self.below(PIECES.len())].iter().copied());
                }
                5 if !range.is_empty() => {
                    let value = [0, 1, 0x7f, 0x80, 0xff][self.below(5)];
                    bytes[range].fill(value);
                }
                _ if place < bytes.len() => bytes[place] ^= 1 << self.below(8),
                _ => {}
            }
        }
        bytes.truncate(LIMIT);
        bytes
    }
}

/// Which input it was: the file can be given to the target again.
fn hold(target: &str, input: &[u8]) {
    let start = Instant::now();
    let outcome = std::panic::catch_unwind(|| run(target, input));
    if outcome.is_err() || start.elapsed() > PATIENCE {
        let path = std::env::temp_dir().join(format!("vm-security-fuzz-{target}"));
        std::fs::write(&path, input).unwrap();
        let took = start.elapsed();
        panic!("the input of target {target} is in {} (it took {took:?}); add it to its corpus", path.display());
    }
}

fn short_run(target: &str, rounds: usize) {
    let seeds = corpus(target);
    assert!(!seeds.is_empty());
    for seed in &seeds {
        hold(target, seed);
    }
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for _ in 0..rounds {
        hold(target, &random.change(&seeds));
    }
}

#[test]
fn readers_hold_against_changed_inputs() {
    for (target, _) in TARGETS.iter().filter(|(name, _)| !matches!(*name, "domain" | "recording")) {
        short_run(target, ROUNDS);
    }
}

#[test]
fn verdicts_hold_against_changed_definitions() {
    short_run("domain", AUDITS);
}

#[test]
fn verdicts_hold_against_changed_recordings() {
    short_run("recording", AUDITS);
}

#[test]
fn every_target_has_its_fuzzer_and_corpus() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz");
    let names = |part: &str, end: &str| {
        let entries = std::fs::read_dir(directory.join(part)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names.into_iter().map(|name| name.trim_end_matches(end).to_owned()).collect::<Vec<_>>()
    };
    let targets: Vec<_> = TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names("fuzz_targets", ".rs"), targets);
    assert_eq!(names("corpus", ""), targets);
}

#[test]
fn much_is_known_of_the_host_that_definitions_are_judged_on() {
    let facts = known();
    assert!(facts.host.selinux.mode.value().is_some() && facts.vms.len() == 1);
}
