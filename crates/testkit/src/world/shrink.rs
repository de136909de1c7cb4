//! Shrinking: of a seed that breaks something, the fewest faults that still break it, by leaving out halves, quarters
//! and so on (delta debugging); then the same as a scenario that names each fault by its place.

use std::collections::BTreeSet;

use super::scenario::Scenario;
use super::{Options, Outcome, run};

/// What shrinking found.
#[derive(Debug, Clone)]
pub struct Shrunk {
    /// The numbers of the faults that are needed.
    pub needed: BTreeSet<u32>,
    /// The number of the invariant that they break.
    pub number: u8,
    /// Runs it took.
    pub runs: u32,
    /// The run with these alone.
    pub outcome: Outcome,
    /// The same, as a scenario.
    pub scenario: Scenario,
    /// The scenario breaks the same invariant, too.
    pub replays: bool,
}

/// The masks under trial.
struct Trial {
    seed: u64,
    all: BTreeSet<u32>,
    number: u8,
    runs: u32,
}

impl Trial {
    fn options(&self, keep: &BTreeSet<u32>) -> Options {
        Options { skip: self.all.difference(keep).copied().collect(), ..Options::seed(self.seed) }
    }

    /// Whether these faults alone still break it. What comes after the last known number is left out as well: with
    /// fewer faults a run goes on longer and draws others.
    fn breaks(&mut self, keep: &BTreeSet<u32>) -> bool {
        self.runs += 1;
        run(&self.options(keep)).violations.iter().any(|violation| violation.number == self.number)
    }
}

/// How far beyond the faults that struck a mask reaches: a run with fewer goes on longer.
const BEYOND: u32 = 4096;

/// Shrinks a seed; `None` where it breaks nothing.
pub fn shrink(seed: u64) -> Option<Shrunk> {
    let first = run(&Options::seed(seed));
    let number = first.violations.first()?.number;
    let drawn = u32::try_from(first.struck.len()).unwrap_or(u32::MAX);
    let mut trial = Trial { seed, all: (1..=drawn + BEYOND).collect(), number, runs: 1 };
    let mut needed: BTreeSet<u32> = (1..=drawn).collect();
    let mut parts = 2;
    while !needed.is_empty() {
        let smaller = parts_of(&needed, parts).into_iter().find_map(|part| {
            let rest: BTreeSet<u32> = needed.difference(&part).copied().collect();
            trial.breaks(&rest).then_some(rest)
        });
        match smaller {
            Some(rest) => {
                needed = rest;
                parts = (parts - 1).max(2);
            }
            None if parts >= needed.len() => break,
            None => parts = (parts * 2).min(needed.len()),
        }
    }
    Some(written(&trial, needed))
}

fn parts_of(all: &BTreeSet<u32>, parts: usize) -> Vec<BTreeSet<u32>> {
    let list: Vec<u32> = all.iter().copied().collect();
    list.chunks(list.len().div_ceil(parts).max(1)).map(|part| part.iter().copied().collect()).collect()
}

fn written(trial: &Trial, needed: BTreeSet<u32>) -> Shrunk {
    let (seed, number) = (trial.seed, trial.number);
    let outcome = run(&Options { places: true, ..trial.options(&needed) });
    let about = outcome.violations.first().map_or_else(String::new, ToString::to_string);
    let shape = outcome.shape.clone();
    let scenario = Scenario { about, chance: seed, shape, faults: outcome.planned.clone() };
    let replayed = scenario.play(false);
    let replays = replayed.violations.iter().any(|violation| violation.number == number);
    Shrunk { needed, number, runs: trial.runs, outcome, scenario, replays }
}
