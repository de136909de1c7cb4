//! `cargo xtask ci` and `cargo xtask nightly`: every part runs, also behind a failed one, so that one log tells
//! everything. Ends with a table of times; CI's last line is the test runner's own summary.

#![expect(
    clippy::disallowed_methods,
    reason = "times the parts of a run for its reader; nothing is decided by it"
)]

use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant, SystemTime};

use anyhow::Result;

use crate::{bans, cargo, check, dist, mutants, programs, shell, suite};

/// What breaks 3 of 100,000 worlds is seen with 95 %, and the coverage can be judged; the nightly run has more.
const SEEDS: u64 = 100_000;
/// Workloads with a crash at each of their commit points.
const SWEEPS: u64 = 100;
/// Seconds over all targets.
const FUZZ_SECS: u64 = 60;

/// The same parts when nobody waits for them.
const NIGHTLY_SEEDS: u64 = 2_000_000;
const NIGHTLY_SWEEPS: u64 = 5000;
const NIGHTLY_FUZZ_SECS: u64 = 1800;
const NIGHTLY_KILLS: u32 = 1000;
const NIGHTLY_STOPS: u32 = 10;

struct Part {
    name: &'static str,
    took: Duration,
    failure: Option<String>,
}

/// The parts that have run so far.
#[derive(Default)]
struct Parts(Vec<Part>);

impl Parts {
    fn run(&mut self, name: &'static str, work: impl FnOnce() -> Result<()>) {
        self.0.push(timed(name, work));
    }

    /// Prints the table.
    fn end(&self) -> ExitCode {
        println!("\n{}", table(&self.0));
        if self.0.iter().all(|part| part.failure.is_none()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

/// Runs all parts. The bench is not one of them: a noisy neighbour must not decide whether a change may land.
/// The table says which failed, so that the summary stays the last line.
pub(crate) fn run(root: &Path) -> ExitCode {
    let mut summary = String::from("the tests did not run to a summary");
    let mut parts = Parts::default();
    parts.run("lock", || lock(root));
    parts.run("check", || check::run(root));
    parts.run("deny", || bans::run(root));
    parts.run("test", || {
        let ran = suite::run(root, &suite::Args::default());
        summary = ran.as_ref().map_or_else(ToString::to_string, Clone::clone);
        ran.map(drop)
    });
    parts.run("sim", || programs::sim(root, &programs::SimArgs::seeds(SEEDS)));
    parts.run("sweep", || programs::sim(root, &programs::SimArgs::sweep(SWEEPS)));
    parts.run("fuzz", || programs::fuzz(root, &programs::FuzzArgs::secs(FUZZ_SECS)));
    parts.run("chaos", || programs::chaos(root, &programs::ChaosArgs::default()));
    parts.run("dist", || dist::run(root, &dist::Args::default()));
    parts.run("mutants", || mutants::incidents(root, &[]));
    parts.run("designs", || mutants::designs(root));
    let code = parts.end();
    println!("{summary}");
    code
}

/// What is too long for every change. Says when it ran last on this checkout; the seeds are other ones each day.
pub(crate) fn nightly(root: &Path) -> ExitCode {
    let day =
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400);
    let note = match cargo::target_directory(root) {
        Ok(target) => target.join("nightly"),
        Err(error) => {
            eprintln!("error: {error:#}");
            return ExitCode::FAILURE;
        }
    };
    match std::fs::read_to_string(&note) {
        Ok(last) => println!("last run: {}", last.trim()),
        Err(_) => println!("last run: none on this checkout"),
    }
    let mut parts = Parts::default();
    let seeds =
        programs::SimArgs { first: Some(day * NIGHTLY_SEEDS), ..programs::SimArgs::seeds(NIGHTLY_SEEDS) };
    parts.run("sim", || programs::sim(root, &seeds));
    parts.run("sweep", || programs::sim(root, &programs::SimArgs::sweep(NIGHTLY_SWEEPS)));
    let fuzz = programs::FuzzArgs { seed: Some(day), ..programs::FuzzArgs::secs(NIGHTLY_FUZZ_SECS) };
    parts.run("fuzz", || programs::fuzz(root, &fuzz));
    let chaos = programs::ChaosArgs { kills: NIGHTLY_KILLS, seed: day, stops: NIGHTLY_STOPS };
    parts.run("chaos", || programs::chaos(root, &chaos));
    parts.run("mutants", || mutants::incidents(root, &[]));
    parts.run("designs", || mutants::designs(root));
    let code = parts.end();
    let failed: Vec<&str> =
        parts.0.iter().filter(|part| part.failure.is_some()).map(|part| part.name).collect();
    let outcome =
        if failed.is_empty() { "all parts ok".to_owned() } else { format!("failed: {}", failed.join(", ")) };
    let date = shell::output(&mut Command::new("date")).unwrap_or_else(|_| format!("day {day}"));
    let line = format!("{}, {outcome}", date.trim());
    println!("this run: {line}");
    if let Err(error) = std::fs::write(&note, line) {
        eprintln!("{}: {error}", note.display());
    }
    code
}

/// The lock file is committed, and what is built here is what it says.
fn lock(root: &Path) -> Result<()> {
    let asked = shell::output(&mut shell::cargo(root, ["metadata", "--locked", "--format-version", "1"]));
    asked
        .map(drop)
        .map_err(|error| error.context("Cargo.lock does not fit the manifests: build once and commit it"))
}

fn timed(name: &'static str, work: impl FnOnce() -> Result<()>) -> Part {
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
