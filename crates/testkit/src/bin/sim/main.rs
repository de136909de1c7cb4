//! `sim`: runs seeds of the simulation on all cores and says what it saw. `cargo xtask sim` builds it in release.
//! The last lines are the figures; a violation prints its seed, its sentence, the last events and how to see it
//! again. The same seeds give the same lines, whatever the number of threads; only the speed is the machine's.

mod args;
mod figures;
mod report;
mod run;
mod scenario;
mod search;
mod speed;
mod sweep;

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;
use orchd_testkit::world::{Options, run as run_seed};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let args = args::Args::parse();
    if args.mutants {
        search::mutants();
        return ExitCode::SUCCESS;
    }
    if args.until_broken {
        let found = search::first(args.range(), args.threads());
        return if found { ExitCode::FAILURE } else { ExitCode::SUCCESS };
    }
    if let Some(workloads) = args.workloads() {
        return sweep::all(workloads, args.pairs, args.threads());
    }
    if let Some(file) = &args.play {
        return scenario::play(file);
    }
    if let (Some(seed), true) = (args.seed, args.shrink) {
        return scenario::shrunk(seed, args.out.as_deref());
    }
    if let (Some(seed), true) = (args.seed, args.trace) {
        return trace(seed);
    }
    let start = speed::passing_time();
    let (seen, speed) = run::all(args.range(), args.threads(), report::broken, report::progress);
    report::clear_progress();
    report::figures(&seen);
    let covered = report::covered(&seen);
    report::speed(speed, speed::passing_time() - start);
    if seen.holds() && covered && speed.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Prints everything that happens in one seed.
fn trace(seed: u64) -> ExitCode {
    let outcome = run_seed(&Options { trace: true, ..Options::seed(seed) });
    println!("{}", outcome.trace.join("\n"));
    report::violations(&outcome);
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
