//! `sim` on SQLite: seeds of the simulation whose engine works on a store in memory of SQLite, inline on the
//! simulation's one thread, with the specification's store beside it. `cargo xtask sim` runs it for a part of its
//! seeds. The last lines are the figures; where the two part, the seed and the call are printed.

use std::process::ExitCode;
use std::sync::Arc;

use orchd_core::port::clock::Clock;
use orchd_store_sqlite::SqliteStore;
use orchd_testkit::contract::Subject;
use orchd_testkit::world::{Options, run};

fn in_memory(clock: Arc<dyn Clock>) -> Subject {
    let store = SqliteStore::open_inline(":memory:", clock);
    Subject::new(store.expect("SQLite needs nothing of the host for a store in memory"))
}

fn main() -> ExitCode {
    let numbers: Option<Vec<u64>> = std::env::args().skip(1).map(|word| word.parse().ok()).collect();
    let Some([first, seeds]) = numbers.as_deref() else {
        eprintln!("sim on SQLite: two numbers are needed, the first seed and how many");
        return ExitCode::from(2);
    };
    let (mut commits, mut faults, mut broken) = (0, 0, 0);
    for seed in *first..first.saturating_add(*seeds) {
        let outcome = run(&Options { beside: Some(in_memory), ..Options::seed(seed) });
        let hash = run(&Options::seed(seed)).hash;
        commits += outcome.totals.commits;
        faults += outcome.totals.faults;
        let other =
            (hash != outcome.hash).then(|| "its hash is another on the memory's store alone".to_owned());
        let whys: Vec<String> = outcome.violations.iter().map(ToString::to_string).collect();
        let whys: Vec<String> = whys.into_iter().chain(outcome.parted).chain(other).collect();
        if !whys.is_empty() {
            broken += 1;
            println!("seed {seed} on SQLite: {}", whys.join("\n  "));
        }
    }
    println!("seeds       {seeds} on SQLite");
    println!("commits     {commits}");
    println!("faults      {faults}");
    println!("parted      {broken}");
    if broken > 0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
