//! The deterministic simulation: replicas of the engine over the memory store, in a world of git, agents, people
//! and faults, with every invariant asked after every commit. One seed is one run, the same each time; nothing
//! here reads a clock or draws chance but from the seed.

mod coverage;
mod deliver;
mod fault;
mod faults;
mod git;
mod nature;
mod outside;
mod people;
mod replica;
mod roles;
mod scenario;
mod sched;
mod shape;
mod shrink;
mod sim;
mod spot;
mod store;
mod sweep;
mod twin;
mod version;
mod watch;
mod work;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Weak};

use orchd_core::audit::Violation;
use orchd_core::id::ProjectId;
use orchd_core::policy::Policy;

use crate::contract::Make;

pub use coverage::{Cells, Matrix, Unreachable};
pub use fault::{FAULTS, Fault};
pub use faults::{Edge, Planned};
pub use scenario::{BadScenario, Scenario};
pub use shape::Shape;
pub use shrink::{Shrunk, shrink};
pub use sweep::{Crashes, Swept, sweep};
pub use watch::Totals;

/// The policies of a run.
pub type Policies = BTreeMap<ProjectId, Arc<Policy>>;

/// What is run.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The seed.
    pub seed: u64,
    /// Keep a line for everything that happens.
    pub trace: bool,
    /// Numbers of faults that are left out: what a shrinker varies.
    pub skip: BTreeSet<u32>,
    /// Every look of the audit is at the whole world; without it most are at what changed since the last one.
    pub whole: bool,
    /// The faults and the shape of a scenario instead of the seed's.
    pub scenario: Option<Scenario>,
    /// Name the place of each fault that strikes: what a scenario is written from.
    pub places: bool,
    /// No faults but these: the process dies at these commit points, counted from 1.
    pub crashes: Option<Crashes>,
    /// Another store beside the memory's: it has every call too, and the engine works with its answers.
    pub beside: Option<Make>,
}

impl Options {
    /// One seed, as it comes.
    pub fn seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }
}

/// What came of a seed.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// The seed.
    pub seed: u64,
    /// Over (time, event, versions): the same for the same seed.
    pub hash: u64,
    /// What was counted.
    pub totals: Totals,
    /// The faults that struck, in order; a fault's number is its place among those that were drawn.
    pub struck: Vec<Fault>,
    /// The world that it was.
    pub shape: Shape,
    /// Which stages they touched.
    pub cells: Cells,
    /// The same by their places, where that was asked for.
    pub planned: Vec<Planned>,
    /// Commit points that were passed while faults could strike.
    pub points: u32,
    /// What was broken, of the first moment at which something was.
    pub violations: Vec<Violation>,
    /// Where the store beside the memory's answered differently.
    pub parted: Option<String>,
    /// What happened, oldest first, if it was traced.
    pub trace: Vec<String>,
    /// The store at the end.
    pub rest: Rest,
}

/// The rows at the end, for tests that look closer.
#[derive(Clone)]
pub struct Rest {
    /// All rows.
    pub state: crate::memory::State,
    /// What really happened.
    pub truth: orchd_core::audit::Truth,
    /// The policies.
    pub policies: Policies,
    /// The time.
    pub now: orchd_core::time::Timestamp,
}

impl std::fmt::Debug for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rest({} tasks at {:?})", self.state.tasks.len(), self.now)
    }
}

impl Rest {
    /// Asks an auditor about these rows as they are now.
    pub fn ask(&self, auditor: &mut orchd_core::audit::Auditor) -> Vec<Violation> {
        auditor.check(&watch::world(&self.state, &self.policies, &self.truth, self.now))
    }

    /// Asks every invariant about these rows, from the first event on, and those of a world at rest.
    pub fn audit(&self) -> Vec<Violation> {
        let world = watch::world(&self.state, &self.policies, &self.truth, self.now);
        let mut found = orchd_core::audit::audit(&world);
        found.extend(orchd_core::audit::at_rest(&world));
        found
    }
}

/// Runs one seed to its end, or to the first violation.
pub fn run(options: &Options) -> Outcome {
    run_in(options).0
}

/// The outcome, and the world that it came of: nothing holds that any more.
fn run_in(options: &Options) -> (Outcome, Weak<sim::Sim>) {
    let sim = sim::Sim::new(options);
    let mut schedule = sched::Schedule::new(options.seed);
    shape::furnish(&sim);
    watch::drive(&sim, &mut schedule, options.whole);
    let outcome = watch::outcome(&sim, options.seed);
    sim.let_go();
    (outcome, Arc::downgrade(&sim))
}

#[cfg(test)]
mod tests;
