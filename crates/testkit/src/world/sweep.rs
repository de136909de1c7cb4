//! The crash sweep: a workload is a seed without faults; it is run once per commit point with the process dying before
//! it, and once after it. What a random seed finds with some chance, this finds for certain. Pairs of crashes are
//! sampled.

use orchd_core::audit::Violation;

use super::faults::Edge;
use super::{Options, run};
use crate::rng::Rng;

/// Where a process dies: commit points, counted from 1.
pub type Crashes = Vec<(u32, Edge)>;

/// What a workload's sweep found.
#[derive(Debug, Clone, Default)]
pub struct Swept {
    /// Commit points of the workload.
    pub points: u32,
    /// Runs.
    pub runs: u64,
    /// Where it died, and what that broke.
    pub broken: Vec<(Crashes, Vec<Violation>)>,
}

/// Sweeps one workload, and samples this many pairs.
pub fn sweep(seed: u64, pairs: u32) -> Swept {
    let mut swept = Swept::default();
    let whole = crashing(seed, &mut swept, Vec::new());
    swept.points = whole;
    for point in 1..=whole {
        for edge in [Edge::Before, Edge::After] {
            crashing(seed, &mut swept, vec![(point, edge)]);
        }
    }
    let mut rng = Rng::new(seed ^ 0x0005_3ee9);
    for _ in 0..pairs.min(whole * whole) {
        let mut one = || {
            let point = 1 + u32::try_from(rng.below(u64::from(whole))).unwrap_or(0);
            (point, if rng.one_in(2) { Edge::Before } else { Edge::After })
        };
        let (first, second) = (one(), one());
        crashing(seed, &mut swept, vec![first, second]);
    }
    swept
}

fn crashing(seed: u64, swept: &mut Swept, crashes: Crashes) -> u32 {
    let outcome = run(&Options { crashes: Some(crashes.clone()), ..Options::seed(seed) });
    swept.runs += 1;
    if !outcome.violations.is_empty() {
        swept.broken.push((crashes, outcome.violations));
    }
    outcome.points
}
