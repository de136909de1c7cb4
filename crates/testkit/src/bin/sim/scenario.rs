//! Scenarios: a seed shrunk to one, and one that is played again.

use std::path::Path;
use std::process::ExitCode;

use orchd_testkit::world::{Scenario, shrink};

use crate::report;

/// Shrinks a seed and writes down what is left of it.
pub(crate) fn shrunk(seed: u64, out: Option<&Path>) -> ExitCode {
    let Some(shrunk) = shrink(seed) else {
        println!("seed {seed} breaks nothing");
        return ExitCode::SUCCESS;
    };
    report::violations(&shrunk.outcome);
    println!(
        "{} faults are needed for I-{}, found in {} runs",
        shrunk.needed.len(),
        shrunk.number,
        shrunk.runs
    );
    if !shrunk.replays {
        println!("as a scenario they do not break it: another chance is needed that only the seed has");
    }
    let text = match shrunk.scenario.text() {
        Ok(text) => text,
        Err(why) => {
            eprintln!("sim: {why}");
            return ExitCode::from(2);
        }
    };
    let written = out.map_or(Ok(()), |file| std::fs::write(file, &text));
    match (out, written) {
        (Some(file), Ok(())) => println!("written to {}", file.display()),
        (Some(file), Err(why)) => eprintln!("sim: {} can not be written: {why}", file.display()),
        (None, _) => println!("\n{text}"),
    }
    ExitCode::FAILURE
}

/// Plays a scenario with its trace.
pub(crate) fn play(file: &Path) -> ExitCode {
    let read = std::fs::read_to_string(file).map_err(|e| e.to_string());
    let scenario = match read.and_then(|text| Scenario::parse(&text).map_err(|e| e.to_string())) {
        Ok(scenario) => scenario,
        Err(why) => {
            eprintln!("sim: {}: {why}", file.display());
            return ExitCode::from(2);
        }
    };
    let outcome = scenario.play(true);
    println!("{}", outcome.trace.join("\n"));
    report::violations(&outcome);
    let stale = scenario.stale(&outcome);
    for fault in &stale {
        println!("its place is not passed any more: {} {} {}", fault.fault.name(), fault.at, fault.nth);
    }
    if outcome.violations.is_empty() && stale.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
