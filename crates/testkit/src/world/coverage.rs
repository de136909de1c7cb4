//! Coverage: which kind of fault struck which stage, summed over seeds, as a table and as a gate. A stage is struck when
//! the fault befalls a call, job or delivery of a task that is in it; what befalls everybody strikes the stage of every
//! live task. `deploy-staging` has no column: no job works there, a task passes it within one commit.

use std::fmt;

use serde::Deserialize;

use super::fault::{FAULTS, Fault};
use super::spot::Stages;

/// The columns: the stages a task rests in, and after its end.
pub(super) const COLUMNS: [&str; 8] =
    ["created", "analysis", "architecture", "development", "review", "testing", "deploy", "ended"];

/// Bits of [`Stages`] that make up each column.
const BITS: [Stages; COLUMNS.len()] =
    [1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 7, 1 << 8 | 1 << 9];

/// Hits that every reachable cell needs in so many seeds.
const NEEDED: (u64, u64) = (50, 100_000);
/// Fewer seeds than these say nothing about a cell.
const JUDGED_FROM: u64 = 20_000;

/// What the faults of one run touched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cells([[u16; COLUMNS.len()]; FAULTS.len()]);

impl Default for Cells {
    fn default() -> Self {
        Self([[0; COLUMNS.len()]; FAULTS.len()])
    }
}

impl Cells {
    pub(super) fn add(&mut self, fault: Fault, stages: Stages) {
        let Some(row) = self.0.get_mut(fault.index()) else { return };
        for (cell, bits) in row.iter_mut().zip(BITS) {
            *cell += u16::from(stages & bits != 0);
        }
    }
}

/// The sum over many seeds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Matrix {
    seeds: u64,
    hits: Vec<[u64; COLUMNS.len()]>,
}

impl Default for Matrix {
    fn default() -> Self {
        Self { seeds: 0, hits: vec![[0; COLUMNS.len()]; FAULTS.len()] }
    }
}

/// Cells that no seed can reach, each with its reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unreachable {
    cell: Vec<Reasoned>,
}

/// Some cells of one reason.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Reasoned {
    faults: Vec<String>,
    stages: Vec<String>,
    why: String,
}

impl Unreachable {
    /// Reads the table.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = toml::from_str(text).map_err(|e| e.to_string())?;
        for one in &read.cell {
            if let Some(name) = one.faults.iter().find(|name| Fault::named(name).is_none()) {
                return Err(format!("there is no fault {name}"));
            }
            if let Some(name) = one.stages.iter().find(|name| !COLUMNS.contains(&name.as_str())) {
                return Err(format!("there is no column {name}"));
            }
            if one.why.trim().is_empty() {
                return Err(format!("{:?} has no reason", one.faults));
            }
        }
        let cells = FAULTS.len() * COLUMNS.len();
        let (named, all) = (read.count(), cells / 4);
        if named > all {
            return Err(format!("{named} of {cells} cells are called unreachable, at most {all} may be"));
        }
        Ok(read)
    }

    /// The table that belongs to this version of the world.
    pub fn of_this_world() -> Result<Self, String> {
        Self::parse(include_str!("../../unreachable.toml"))
    }

    fn names(&self, fault: Fault, column: &str) -> bool {
        let of = |names: &[String], name: &str| names.iter().any(|n| n == name);
        self.cell.iter().any(|one| of(&one.faults, fault.name()) && of(&one.stages, column))
    }

    fn count(&self) -> usize {
        let named = |fault: Fault| COLUMNS.iter().filter(move |column| self.names(fault, column)).count();
        FAULTS.into_iter().map(named).sum()
    }
}

impl Matrix {
    /// Adds what one seed touched.
    pub fn add(&mut self, cells: &Cells) {
        self.seeds += 1;
        for (sums, row) in self.hits.iter_mut().zip(&cells.0) {
            for (sum, hit) in sums.iter_mut().zip(row) {
                *sum += u64::from(*hit);
            }
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (sums, row) in self.hits.iter_mut().zip(&other.hits) {
            for (sum, hits) in sums.iter_mut().zip(row) {
                *sum += hits;
            }
        }
    }

    /// What the gate finds missing: cells that were hit too seldom, and cells that are called unreachable and were hit.
    /// Of too few seeds it says only the latter.
    pub fn missing(&self, unreachable: &Unreachable) -> Vec<String> {
        let (hits, of) = NEEDED;
        let needed = if self.seeds < JUDGED_FROM { 0 } else { (hits * self.seeds).div_ceil(of) };
        let mut missing = Vec::new();
        for (fault, row) in FAULTS.into_iter().zip(&self.hits) {
            for (column, found) in COLUMNS.into_iter().zip(row) {
                let said = unreachable.names(fault, column);
                if said && *found > 0 {
                    missing
                        .push(format!("{} x {column}: {found}, and it is called unreachable", fault.name()));
                } else if !said && *found < needed {
                    missing.push(format!("{} x {column}: {found} of {needed}", fault.name()));
                }
            }
        }
        missing
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<26}", "faults by stage")?;
        for column in COLUMNS {
            write!(f, " {column:>12}")?;
        }
        for (fault, row) in FAULTS.into_iter().zip(&self.hits) {
            write!(f, "\n{:<26}", fault.name())?;
            for hits in row {
                write!(f, " {hits:>12}")?;
            }
        }
        Ok(())
    }
}
