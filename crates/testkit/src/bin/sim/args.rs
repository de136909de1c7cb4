//! What the program is asked for.

use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::PathBuf;

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
    /// Instead, sweep so many workloads: one run per commit point with a crash before it, and one after it
    #[arg(long, conflicts_with_all = ["seeds", "seed"])]
    sweep: Option<u64>,
    /// Pairs of crashes that are sampled of each workload of a sweep
    #[arg(long, default_value_t = 40, requires = "sweep")]
    pub(crate) pairs: u32,
    /// Find the fewest faults that still break this seed, and write them down as a scenario
    #[arg(long, requires = "seed", conflicts_with = "trace")]
    pub(crate) shrink: bool,
    /// Where the scenario is written to; shown where nothing is said
    #[arg(long, requires = "shrink")]
    pub(crate) out: Option<PathBuf>,
    /// Play a scenario with its trace
    #[arg(long, conflicts_with_all = ["seeds", "seed", "sweep"])]
    pub(crate) play: Option<PathBuf>,
    /// Stop at the first seed that breaks something, and say in one line what
    #[arg(long, conflicts_with_all = ["seed", "sweep", "play"])]
    pub(crate) until_broken: bool,
    /// Print the names of the mutants that a build with the feature `mutants` can switch on
    #[arg(long)]
    pub(crate) mutants: bool,
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

    /// The workloads of a sweep.
    pub(crate) fn workloads(&self) -> Option<Range<u64>> {
        self.sweep.map(|many| self.first..self.first.saturating_add(many))
    }

    /// How many threads run them.
    pub(crate) fn threads(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(cores)
    }
}
