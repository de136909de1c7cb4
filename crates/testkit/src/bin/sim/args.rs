//! What the program is asked for.

use std::num::NonZeroUsize;
use std::ops::Range;

/// Runs seeds of the simulation
#[derive(clap::Parser)]
#[command(name = "sim")]
pub(crate) struct Args {
    /// How many seeds to run
    #[arg(long, default_value_t = 1000)]
    seeds: u64,
    /// The first seed of the range
    #[arg(long, default_value_t = 0)]
    first: u64,
    /// Run this one seed only
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    pub(crate) seed: Option<u64>,
    /// Print every step of the run
    #[arg(long, requires = "seed")]
    pub(crate) trace: bool,
    /// Threads that run seeds; as many as there are cores unless told
    #[arg(long)]
    threads: Option<NonZeroUsize>,
}

impl Args {
    /// The seeds to run.
    pub(crate) fn range(&self) -> Range<u64> {
        match self.seed {
            Some(seed) => seed..seed.saturating_add(1),
            None => self.first..self.first.saturating_add(self.seeds),
        }
    }

    /// How many threads run them.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(cores)
    }
}
