//! `cargo xtask ci`: every part runs, also behind a failed one, so that one log tells everything. Ends with a table of
//! times and, as its last line, the test runner's own summary.

#![expect(
    clippy::disallowed_methods,
    reason = "times the parts of a run for its reader; nothing is decided by it"
)]

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Result;

use crate::{bans, check, mutants, programs, shell, suite};

/// More than the ordinary tests run, few enough for every change.
const SEEDS: u64 = 5000;
/// A look at every target; the nightly run looks longer.
const FUZZ_SECS: u64 = 30;

struct Part {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// Runs all parts. The bench is not one of them: a noisy neighbour must not decide whether a change may land.
/// The table says which failed, so that the summary stays the last line.
pub(crate) fn run(root: &Path) -> ExitCode {
    let mut summary = String::from("the tests did not run to a summary");
    let mut parts = Vec::new();
    let mut part = |name, work: &mut dyn FnMut() -> Result<()>| parts.push(timed(name, work));

    part("lock", &mut || lock(root));
    part("check", &mut || check::run(root));
    part("deny", &mut || bans::run(root));
    part("test", &mut || {
        let ran = suite::run(root, &suite::Args::default());
        summary = ran.as_ref().map_or_else(ToString::to_string, Clone::clone);
        ran.map(drop)
    });
    part("sim", &mut || programs::sim(root, &programs::SimArgs::seeds(SEEDS)));
    part("fuzz", &mut || programs::fuzz(root, &programs::FuzzArgs::secs(FUZZ_SECS)));
    part("mutants", &mut || mutants::incidents(root, &[]));

    println!("\n{}", table(&parts));
    println!("{summary}");
    if parts.iter().all(|part| part.failure.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The lock file is committed, and what is built here is what it says.
fn lock(root: &Path) -> Result<()> {
    let asked = shell::output(&mut shell::cargo(root, ["metadata", "--locked", "--format-version", "1"]));
    asked
        .map(drop)
        .map_err(|error| error.context("Cargo.lock does not fit the manifests: build once and commit it"))
}

fn timed(name: &'static str, work: &mut dyn FnMut() -> Result<()>) -> Part {
    println!("\n== {name}");
    let start = Instant::now();
    let failure = work().err().map(|error| format!("{error:#}"));
    if let Some(failure) = &failure {
        println!("{name} failed: {failure}");
    }
    Part { name, took: start.elapsed(), failure }
}

fn table(parts: &[Part]) -> String {
    let row = |part: &Part| {
        let result = if part.failure.is_some() { "FAILED" } else { "ok" };
        format!("{:<8}  {result:<6}  {:>8.1} s\n", part.name, part.took.as_secs_f64())
    };
    let total: Duration = parts.iter().map(|part| part.took).sum();
    let rows: String = parts.iter().map(row).collect();
    format!("part      result       time\n{rows}total             {:>8.1} s\n", total.as_secs_f64())
}

#[cfg(test)]
mod tests;
