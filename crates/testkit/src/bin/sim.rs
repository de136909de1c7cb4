//! `sim`: runs seeds of the simulation and says what it saw. `cargo xtask sim` builds it in release. The last
//! lines are the figures; a violation prints its seed, its sentence, the last events and how to see it again.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use orchd_testkit::world::{Matrix, Options, Outcome, Totals, run};

/// Events shown of a seed that broke something.
const LAST: usize = 40;

struct Args {
    seeds: u64,
    first: u64,
    trace: bool,
}

fn args() -> Result<Args, String> {
    let mut args = Args { seeds: 1000, first: 0, trace: false };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let mut number = || -> Result<u64, String> {
            let value = words.next().ok_or_else(|| format!("{word} needs a number"))?;
            value.parse().map_err(|_| format!("{word} needs a number, not {value:?}"))
        };
        match word.as_str() {
            "--seeds" => args.seeds = number()?,
            "--first" => args.first = number()?,
            "--seed" => (args.first, args.seeds) = (number()?, 1),
            "--trace" => args.trace = true,
            other => return Err(format!("{other:?} is not known; --seeds N, --first N, --seed N, --trace")),
        }
    }
    Ok(args)
}

fn main() -> ExitCode {
    let args = match args() {
        Ok(args) => args,
        Err(why) => {
            eprintln!("sim: {why}");
            return ExitCode::from(2);
        }
    };
    let mut seen = Vec::new();
    let mut broken = 0;
    let mut matrix = Matrix::default();
    for seed in args.first..args.first.saturating_add(args.seeds) {
        let outcome = run(&Options { trace: args.trace, ..Options::seed(seed) });
        if args.trace {
            println!("{}", outcome.trace.join("\n"));
        }
        if !outcome.violations.is_empty() {
            broken += 1;
            clear_progress();
            show(&outcome);
        }
        matrix.add(&outcome.cells);
        seen.push(outcome.totals);
        progress(seed - args.first + 1, args.seeds, broken);
    }
    clear_progress();
    println!("{matrix}");
    figures(&mut seen, broken);
    if broken > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn progress(done: u64, of: u64, broken: u64) {
    if std::io::stderr().is_terminal() && done.is_multiple_of(50) {
        eprint!("\r{done} of {of} seeds, {broken} broken");
        // Progress only: nobody reads it where it cannot be written.
        let _ = std::io::stderr().flush();
    }
}

fn clear_progress() {
    if std::io::stderr().is_terminal() {
        eprint!("\r\x1b[K");
    }
}

fn show(outcome: &Outcome) {
    let seed = outcome.seed;
    println!("seed {seed} breaks {} invariant(s):", outcome.violations.len());
    for violation in outcome.violations.iter().take(5) {
        println!("  {violation}");
    }
    // The same seed is the same run: only one that broke something is told.
    let again = run(&Options { trace: true, ..Options::seed(seed) });
    let skip = again.trace.len().saturating_sub(LAST);
    for line in again.trace.iter().skip(skip) {
        println!("  | {line}");
    }
    println!("  again: cargo xtask sim --seed {seed} --trace\n");
}

fn figures(seen: &mut [Totals], broken: u64) {
    let sum = |of: fn(&Totals) -> u64| seen.iter().map(of).sum::<u64>();
    let median = |of: fn(&Totals) -> u64| {
        let mut all: Vec<u64> = seen.iter().map(of).collect();
        all.sort_unstable();
        all.get(all.len() / 2).copied().unwrap_or(0)
    };
    println!("seeds       {}", seen.len());
    println!("commits     {} (median {} per seed)", sum(|t| t.commits), median(|t| t.commits));
    println!("faults      {} (median {} per seed)", sum(|t| t.faults), median(|t| t.faults));
    println!("crashes     {}", sum(|t| t.crashes));
    println!("landings    {}", sum(|t| t.landings));
    println!("reworks     {}", sum(|t| t.reworks));
    println!("holds       {}", sum(|t| t.holds));
    println!("done        {} ({} cancelled)", sum(|t| t.done), sum(|t| t.cancelled));
    println!("violations  {broken}");
}
