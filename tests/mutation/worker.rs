// SPDX-License-Identifier: LGPL-2.1-or-later
//! Judges the examples of tests/checks with one mutant after the other, see run.py.
//!
//! Each line of the input is a mutant's number and its function's; each line of the output begins with what became of it.

#[path = "../specs/example.rs"]
#[allow(dead_code)]
mod example;
#[path = "../specs/markdown.rs"]
mod markdown;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use example::Case;
use vm_security::mutant;

struct Timed {
    title: String,
    case: Case,
    reached: Vec<usize>,
    took: Duration,
}

fn holds(case: &Case) -> bool {
    mutant::test_only(case.check);
    case.judge().is_ok_and(|judged| judged.verdict_holds() && judged.evidence_holds())
}

/// All examples, the quickest first. Without a mutant each of them holds.
fn cases() -> Vec<Timed> {
    let mut cases = Vec::new();
    for section in markdown::sections().unwrap() {
        for example in &section.examples {
            let title = format!("{} {}", example.place, example.name);
            let case = Case::new(&section.id, example).unwrap_or_else(|error| panic!("{title}: {error}"));
            mutant::take_reached();
            let start = Instant::now();
            assert!(holds(&case), "{title}: does not hold without a mutant");
            let took = start.elapsed();
            cases.push(Timed { title, case, reached: mutant::take_reached(), took });
        }
    }
    cases.sort_by_key(|timed| timed.took);
    cases
}

fn main() {
    mutant::activate(None);
    let cases = cases();
    std::panic::set_hook(Box::new(|_| {}));
    println!("ready\t{}", cases.len());
    for line in std::io::stdin().lines() {
        let numbers: Vec<usize> = line.unwrap().split_whitespace().map(|number| number.parse().unwrap()).collect();
        let [number, function] = numbers[..] else { panic!("not a mutant's number and its function's") };
        mutant::activate(Some(number));
        let mut reaching = cases.iter().filter(|timed| timed.reached.contains(&function)).peekable();
        let word = if reaching.peek().is_some() { "missed\t" } else { "unreached\t" };
        // A mutant that panics is caught as well.
        let fails = |timed: &&Timed| !catch_unwind(AssertUnwindSafe(|| holds(&timed.case))).unwrap_or(false);
        match reaching.find(fails) {
            Some(timed) => println!("caught\t{}", timed.title),
            None => println!("{word}"),
        }
        mutant::activate(None);
    }
}
