//! What is kept of seeds once they have run: sums and spreads, never an outcome. Figures of two parts of a range
//! add up to those of the whole, in the order of the seeds.

use std::collections::BTreeMap;

use orchd_testkit::world::{Matrix, Outcome, Totals};

/// What was seen of a number of seeds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    /// Seeds that were run, the second runs not counted.
    pub(crate) seeds: u64,
    /// Seeds that broke an invariant.
    pub(crate) broken: u64,
    /// Seeds that were run a second time.
    pub(crate) twice: u64,
    /// Seeds whose second run was another one.
    pub(crate) unlike: Vec<u64>,
    /// Over the hashes of all seeds in their order.
    pub(crate) hash: u64,
    /// The sum of what was counted.
    pub(crate) totals: Totals,
    /// Which kinds of faults struck which stages.
    pub(crate) matrix: Matrix,
    /// How many seeds had so many commits.
    pub(crate) commits: Spread,
    /// How many seeds had so many faults.
    pub(crate) faults: Spread,
}

impl Figures {
    /// Counts one more seed.
    pub(crate) fn absorb(&mut self, outcome: &Outcome) {
        self.seeds += 1;
        self.broken += u64::from(!outcome.violations.is_empty());
        self.hash = mixed(self.hash, outcome.hash);
        self.totals.add(&outcome.totals);
        self.matrix.add(&outcome.cells);
        self.commits.count(outcome.totals.commits);
        self.faults.count(outcome.totals.faults);
    }

    /// Adds the figures of the seeds that follow.
    pub(crate) fn merge(&mut self, next: Self) {
        self.seeds += next.seeds;
        self.broken += next.broken;
        self.twice += next.twice;
        self.unlike.extend(next.unlike);
        self.hash = mixed(self.hash, next.hash);
        self.totals.add(&next.totals);
        self.matrix.merge(&next.matrix);
        self.commits.merge(next.commits);
        self.faults.merge(next.faults);
    }

    /// Nothing was broken, and every seed that was run twice was the same both times.
    pub(crate) const fn holds(&self) -> bool {
        self.broken == 0 && self.unlike.is_empty()
    }
}

const fn mixed(hash: u64, word: u64) -> u64 {
    (hash.rotate_left(5) ^ word).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// How often each value was seen.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Spread(BTreeMap<u64, u64>);

impl Spread {
    fn count(&mut self, value: u64) {
        *self.0.entry(value).or_default() += 1;
    }

    fn merge(&mut self, other: Self) {
        for (value, times) in other.0 {
            *self.0.entry(value).or_default() += times;
        }
    }

    /// The value in the middle of all; 0 of none.
    pub(crate) fn median(&self) -> u64 {
        let mut before = self.0.values().sum::<u64>() / 2;
        for (value, times) in &self.0 {
            if before < *times {
                return *value;
            }
            before -= times;
        }
        0
    }

    /// The least value; 0 of none.
    pub(crate) fn least(&self) -> u64 {
        self.0.keys().next().copied().unwrap_or(0)
    }
}
