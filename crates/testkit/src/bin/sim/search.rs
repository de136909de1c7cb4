//! The first seed of a range that breaks something: what shows that a mutant is noticed. Threads take seeds in turn;
//! the answer is the lowest one, whatever their number.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use orchd_core::mutant::Mutant;
use orchd_testkit::world::{Options, Outcome, run};

/// Looks for it, and says in one line what it broke. Whether there is one.
pub(crate) fn first(range: Range<u64>, threads: NonZeroUsize) -> bool {
    let seeds = range.end.saturating_sub(range.start);
    match find(range, threads) {
        Some(outcome) => {
            let sentence = outcome.violations.first().map(ToString::to_string).unwrap_or_default();
            println!("seed {}: {sentence}", outcome.seed);
            true
        }
        None => {
            println!("none of {seeds} seeds breaks anything");
            false
        }
    }
}

fn find(range: Range<u64>, threads: NonZeroUsize) -> Option<Outcome> {
    let next = AtomicU64::new(range.start);
    let end = AtomicU64::new(range.end);
    let found: Mutex<Option<Outcome>> = Mutex::new(None);
    let look = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end.load(Ordering::Relaxed) {
                return;
            }
            let outcome = run(&Options::seed(seed));
            if outcome.violations.is_empty() {
                continue;
            }
            // Seeds below it may still be under way in another thread; none above it is begun any more.
            end.fetch_min(seed, Ordering::Relaxed);
            let mut found = found.lock().unwrap_or_else(PoisonError::into_inner);
            if found.as_ref().is_none_or(|other| seed < other.seed) {
                *found = Some(outcome);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            scope.spawn(look);
        }
    });
    found.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Prints the names of all mutants, one in a line.
pub(crate) fn mutants() {
    for mutant in Mutant::ALL {
        println!("{}", mutant.name());
    }
}
