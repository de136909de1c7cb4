//! The measurements: the engine against a floor written by hand, the program's start, and the hand-over between two
//! runs. Prints target and figure side by side and fails where a target is missed. Started by `cargo xtask bench`;
//! nothing is shipped.

mod agent;
mod floor;
mod moment;
mod record;
mod report;
mod rounds;
mod runs;
mod script;
mod stand_ins;
mod start;
mod workload;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Parser;
use rustix::fs::{IFlags, ioctl_getflags, ioctl_setflags};

use crate::runs::Amount;
use crate::workload::Size;

/// Measures the engine against a hand-written floor, the program's start, and the hand-over between runs
#[derive(Parser)]
#[command(name = "cargo xtask bench")]
struct Args {
    /// Few and short rounds: whether it works, not how fast it is
    #[arg(long)]
    quick: bool,
    /// The program whose start is measured; the one beside this program by default
    #[arg(long, value_name = "PATH")]
    orchctl: Option<PathBuf>,
    /// Measure the store's part only, not the program's start
    #[arg(long)]
    no_start: bool,
    /// Measure the hand-over between runs only
    #[arg(long)]
    only_runs: bool,
    /// On which disk to measure: a directory for temporary files
    #[arg(long, value_name = "DIR")]
    dir: Option<PathBuf>,
    /// Rounds of floor and engine, in turn; also the blocks of hand-overs
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
}

const FULL: Size = Size { tasks: 128, cycles: 6, rounds: 7 };
const QUICK: Size = Size { tasks: 48, cycles: 2, rounds: 1 };
const FULL_RUNS: Amount = Amount { blocks: 24, rounds: 5 };
const QUICK_RUNS: Amount = Amount { blocks: 2, rounds: 5 };
const STARTS: usize = 9;

fn main() -> ExitCode {
    let mut words = std::env::args().skip(1);
    if words.next().is_some_and(|first| first == "agent") {
        // Before clap: an agent's start is a part of what is measured.
        return exit(agent::agent_main(&words.collect::<Vec<_>>()).map(|()| true));
    }
    exit(run(&Args::parse()))
}

fn exit(done: Result<bool>) -> ExitCode {
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<bool> {
    let program = std::env::current_exe().context("where this program lies is not known")?;
    let beside = program.parent().context("this program lies in no folder")?;
    // Beside the build rather than in a temporary file system: memory would make durability free.
    let dir = args.dir.as_deref().unwrap_or(beside);
    let dir =
        tempfile::Builder::new().prefix("orchd-bench-").tempdir_in(dir).context("no directory to work in")?;
    spread(dir.path());
    let mut size = if args.quick { QUICK } else { FULL };
    size.rounds = args.rounds.unwrap_or(size.rounds).max(1);
    report::heading(dir.path(), size)?;
    let mut rows = Vec::new();
    let orchctl = args.orchctl.clone().unwrap_or_else(|| beside.join("orchctl"));
    if !args.only_runs {
        rows.extend(report::throughput(size, &rounds::measure(dir.path(), size)?));
    }
    if !args.no_start && !args.only_runs {
        let starts = if args.quick { 2 } else { STARTS };
        match start::measure(&orchctl, dir.path(), starts) {
            Ok(start) => rows.extend(report::start(&start)),
            Err(error) => {
                report::table(&rows);
                return Err(error.context("the program's start could not be measured"));
            }
        }
    }
    if !args.no_start {
        let programs = runs::Programs { orchd: beside.join("orchd"), orchctl, own: program.clone() };
        let mut amount = if args.quick { QUICK_RUNS } else { FULL_RUNS };
        amount.blocks = args.rounds.unwrap_or(amount.blocks).max(1);
        match runs::measure(&programs, dir.path(), amount) {
            Ok(more) => rows.extend(more),
            Err(error) => {
                report::table(&rows);
                return Err(error.context("the hand-over between runs could not be measured"));
            }
        }
    }
    Ok(report::table(&rows))
}

/// Asks the file system to keep folders of `dir` away from each other. ext4 without a journal looks for a place for
/// each new file among all that were removed nearby in the last minute: the clones that a floor replaces would cost the
/// engine milliseconds, and its own the floor, in a rhythm that nobody but this program has.
fn spread(dir: &Path) {
    let set = || {
        let dir = std::fs::File::open(dir)?;
        Ok::<_, std::io::Error>(ioctl_setflags(&dir, ioctl_getflags(&dir)? | IFlags::TOPDIR)?)
    };
    // Other file systems need no such thing.
    let _ = set();
}
