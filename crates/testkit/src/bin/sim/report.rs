//! What people read: progress on a terminal, what a broken seed broke, and the figures at the end.

use std::io::{IsTerminal, Write};
use std::time::Duration;

use orchd_testkit::world::{Options, Outcome, Unreachable, run};

use crate::figures::Figures;
use crate::speed::Speed;

/// Events shown of a seed that broke something.
const LAST: usize = 40;

/// Tells how far the run is.
pub(crate) fn progress(seen: &Figures, of: u64) {
    if std::io::stderr().is_terminal() {
        eprint!("\r{} of {of} seeds, {} broken", seen.seeds, seen.broken);
        // Progress only: nobody reads it where it cannot be written.
        let _ = std::io::stderr().flush();
    }
}

/// Gives the line of the progress back.
pub(crate) fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

/// Tells of a seed that broke something.
pub(crate) fn broken(seed: u64) {
    clear_progress();
    // The same seed is the same run: only one that broke something is told.
    let again = run(&Options { trace: true, ..Options::seed(seed) });
    violations(&again);
    let skip = again.trace.len().saturating_sub(LAST);
    for line in again.trace.iter().skip(skip) {
        println!("  | {line}");
    }
    println!("  again: cargo xtask sim --seed {seed} --trace\n");
}

/// The sentences that a seed broke.
pub(crate) fn violations(outcome: &Outcome) {
    if outcome.violations.is_empty() {
        return;
    }
    println!("seed {} breaks {} invariant(s):", outcome.seed, outcome.violations.len());
    for violation in outcome.violations.iter().take(5) {
        println!("  {violation}");
    }
}

/// The figures of a range.
pub(crate) fn figures(seen: &Figures) {
    println!("{}", seen.matrix);
    let t = &seen.totals;
    let (commits, faults) = (&seen.commits, &seen.faults);
    println!("seeds       {} ({} of them run twice)", seen.seeds, seen.twice);
    println!("hash        {:016x}", seen.hash);
    println!("commits     {} (median {} per seed, least {})", t.commits, commits.median(), commits.least());
    println!("decisions   {}", t.decisions);
    println!("faults      {} (median {} per seed, least {})", t.faults, faults.median(), faults.least());
    println!("crashes     {}", t.crashes);
    println!("landings    {}", t.landings);
    println!("reworks     {}", t.reworks);
    println!("holds       {}", t.holds);
    println!("done        {} ({} cancelled)", t.done, t.cancelled);
    println!("violations  {}", seen.broken);
    for seed in &seen.unlike {
        println!("seed {seed} ran differently the second time: cargo xtask sim --seed {seed} --trace");
    }
}

/// How fast it went; to standard error, since it is the machine's word and not the seeds'.
pub(crate) fn speed(speed: Speed, passed: Duration) {
    eprintln!("per core    {} runs/s; {:.1} s passed", speed.per_core(), passed.as_secs_f64());
    let (now, reference) = (speed.per_unit(), Speed::reference());
    eprintln!(
        "per unit    {now} thousandths of a run per unit of the fixed work; the reference is {reference}"
    );
    if !speed.holds() {
        eprintln!("The simulator is less than half as fast as it was when the reference was written down.");
    }
}

/// The gate of the coverage: whether every cell that can be reached was, often enough for so many seeds.
pub(crate) fn covered(seen: &Figures) -> bool {
    let missing = match Unreachable::of_this_world() {
        Ok(unreachable) => seen.matrix.missing(&unreachable),
        Err(why) => vec![format!("unreachable.toml: {why}")],
    };
    for cell in &missing {
        println!("coverage    {cell}");
    }
    missing.is_empty()
}
