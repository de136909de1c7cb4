//! The runner: threads take parts of the range, what they saw is added up in the order of the seeds. One seed in
//! fifty is run a second time with the part that follows, as a rule by another thread, and must be the same run.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};

use orchd_testkit::Rng;
use orchd_testkit::world::{Options, Outcome, run};

use crate::figures::Figures;
use crate::speed::Speed;

/// Seeds of a part.
const PART: u64 = 50;
/// One seed in so many is run twice.
const TWICE: u64 = 50;

/// What a thread saw of a part.
struct Part {
    number: u64,
    speed: Speed,
    figures: Figures,
    /// Seeds that broke something.
    broken: Vec<u64>,
    /// What the seeds were that the next part runs again.
    first: Vec<Print>,
    /// What the seeds of the part before were the second time.
    second: Vec<Print>,
}

/// A seed and all that two runs of it must have in common.
type Print = (u64, u64);

/// Runs a range of seeds. `broken` is told the seeds that broke something, in order; `progress` how far it is.
pub(crate) fn all(
    range: Range<u64>,
    threads: NonZeroUsize,
    broken: impl Fn(u64),
    progress: impl Fn(&Figures, u64),
) -> (Figures, Speed) {
    let of = range.end - range.start;
    // One part more than there are seeds for: it runs the last part's seeds again.
    let parts = of.div_ceil(PART) + 1;
    let next = AtomicU64::new(0);
    let (to, from) = channel();
    std::thread::scope(|scope| {
        for _ in 0..threads.get() {
            let (range, next, to) = (&range, &next, to.clone());
            scope.spawn(move || work(range, parts, next, &to));
        }
        drop(to);
        let (mut seen, mut speed) = (Figures::default(), Speed::default());
        let mut before = Vec::new();
        in_order(&from, |part| {
            let unlike = before.iter().zip(&part.second).filter(|(one, two)| one != two);
            seen.unlike.extend(unlike.map(|((seed, _), _)| *seed));
            seen.twice += part.second.len() as u64;
            before = part.first;
            seen.merge(part.figures);
            speed.add(part.speed);
            part.broken.iter().for_each(|seed| broken(*seed));
            progress(&seen, of);
        });
        (seen, speed)
    })
}

/// Takes parts until there is none left.
fn work(range: &Range<u64>, parts: u64, next: &AtomicU64, to: &Sender<Part>) {
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= parts || to.send(part(range, number)).is_err() {
            return;
        }
    }
}

fn part(range: &Range<u64>, number: u64) -> Part {
    let (speed, part) = Speed::measured(|| {
        let part = run_part(range, number);
        (part.figures.seeds + part.second.len() as u64, part)
    });
    Part { speed, ..part }
}

fn run_part(range: &Range<u64>, number: u64) -> Part {
    let mut part = Part {
        number,
        speed: Speed::default(),
        figures: Figures::default(),
        broken: Vec::new(),
        first: Vec::new(),
        second: Vec::new(),
    };
    for seed in seeds(range, number) {
        let outcome = run(&Options::seed(seed));
        part.figures.absorb(&outcome);
        part.broken.extend((!outcome.violations.is_empty()).then_some(seed));
        part.first.extend(runs_twice(seed).then(|| print(&outcome)));
    }
    let before = number.checked_sub(1).map(|before| seeds(range, before));
    for seed in before.into_iter().flatten().filter(|seed| runs_twice(*seed)) {
        part.second.push(print(&run(&Options::seed(seed))));
    }
    part
}

fn seeds(range: &Range<u64>, part: u64) -> Range<u64> {
    let start = range.start.saturating_add(part * PART).min(range.end);
    start..start.saturating_add(PART).min(range.end)
}

/// Drawn from the seed, so that it is the same ones whatever the range.
const fn runs_twice(seed: u64) -> bool {
    Rng::new(seed ^ 0x7e57).one_in(TWICE)
}

const fn print(outcome: &Outcome) -> Print {
    (outcome.seed, outcome.hash)
}

/// Hands the parts on in their order.
fn in_order(from: &Receiver<Part>, mut take: impl FnMut(Part)) {
    let mut early = BTreeMap::new();
    let mut next = 0;
    for part in from {
        early.insert(part.number, part);
        while let Some(part) = early.remove(&next) {
            next += 1;
            take(part);
        }
    }
}
