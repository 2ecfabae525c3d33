// SPDX-License-Identifier: LGPL-2.1-or-later
//! Work on many things at once, whose results are taken in order.

use std::num::NonZero;
use std::sync::mpsc::{self, Receiver};

/// Results that may wait to be taken, so that a worker is neither held up nor far ahead: the whole need not be held at once.
const AHEAD: usize = 32;
/// Starting threads costs more than so few items are worth.
const FEW: usize = 8;

/// Does `work` for each item, on all processors, and gives the results to `take` in the items' order until it refuses one.
pub(crate) fn each<'i, T: Sync, R: Send, E>(
    items: &'i [T],
    work: impl Fn(&'i T) -> R + Sync,
    take: impl FnMut(R) -> Result<(), E>,
) -> Result<(), E> {
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    if items.len() < FEW || workers < 2 {
        return items.iter().map(work).try_for_each(take);
    }
    let work = &work;
    std::thread::scope(|scope| {
        // Each worker has every so manieth item, and they are taken from the workers in turn.
        let turns: Vec<Receiver<R>> = (0..workers)
            .map(|first| {
                let (sender, receiver) = mpsc::sync_channel(AHEAD);
                let items = items.iter().skip(first).step_by(workers);
                scope.spawn(move || {
                    for item in items {
                        // Nobody listens any more once a result was refused.
                        if sender.send(work(item)).is_err() {
                            break;
                        }
                    }
                });
                receiver
            })
            .collect();
        // One that has ended early has panicked, which the scope passes on.
        let mut results = items.iter().zip(turns.iter().cycle()).map_while(|(_, turn)| turn.recv().ok());
        results.try_for_each(take)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn squares(count: usize, last: usize) -> (Vec<usize>, Result<(), usize>) {
        let mut taken = Vec::new();
        let items: Vec<usize> = (0..count).collect();
        let result = each(
            &items,
            |item| item * item,
            |square| {
                if taken.len() == last {
                    return Err(square);
                }
                taken.push(square);
                Ok(())
            },
        );
        (taken, result)
    }

    #[test]
    fn results_come_in_order() {
        for count in [0, 1, FEW, 1000] {
            let expected: Vec<usize> = (0..count).map(|item| item * item).collect();
            assert_eq!(squares(count, usize::MAX), (expected, Ok(())));
        }
    }

    #[test]
    fn nothing_is_taken_after_one_was_refused() {
        for count in [4, 1000] {
            assert_eq!(squares(count, 3), (vec![0, 1, 4], Err(9)));
        }
    }
}
