//! The simulation as tests: a thousand seeds without a violation, the same seed twice is the same run, every
//! invariant can be broken, and a mutant of the design is noticed; and leases between two processes.

#![expect(clippy::unwrap_used, reason = "test code: a failure is the test's failure")]

mod broken;
mod broken_mechanism;
mod broken_order;
mod broken_provider;
mod coverage;
mod leases;
mod mutants;
mod scenarios;
mod seeds;
mod sweeps;
