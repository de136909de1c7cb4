//! `cargo xtask mutants --design`: each switch of crates/core/src/mutant.rs is a design that fails, and the simulation
//! must break an invariant with it within [`SEEDS`] seeds. Prints the table of docs/dev/mutants.md.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail};

use super::program;

/// Seeds that a mutant may survive, at most.
const SEEDS: u64 = 5000;

/// Switches whose place the simulated world does not have: tests of their own guard them (`--incidents`).
const ELSEWHERE: &[(&str, &str)] = &[
    ("inc-02", "prose as a verdict: the world's agents submit; core's tests of verdicts"),
    ("inc-03", "front matter is read by the runners; core's tests of verdicts"),
    ("inc-06", "the world has no pids; the launcher's tests"),
    ("inc-11", "the world has no exit codes; the launcher's and runners' tests"),
    ("inc-12", "the world's runs have no process tree; the launcher's tests"),
    ("inc-18", "the world has no deploy checkout; core's tests of deployments"),
    ("inc-31", "a world has one project; the stores' contract"),
    ("inc-33", "the world's files have no lines; git's tests"),
    ("inc-34", "policies are made, not read; core's tests of settings"),
    ("inc-35", "the world's stores are not files; the store's own tests"),
    ("inc-36", "the world has no file permissions; git's tests"),
    ("inc-37", "the memory's store counts under its lock; the stores' contract, with threads"),
    ("inc-40", "who approves is modelled, how a run is interrupted is not; core's tests of gates"),
    ("inc-41", "judges of the world do not commit; core's tests of gates"),
    ("inc-43", "the world has no git configuration; git's and the launcher's tests"),
    ("inc-45", "what a person saw is not in the store: nothing could be compared; core's tests of commands"),
    ("inc-46", "the world's git refuses by itself; git's tests"),
];

/// What became of a mutant.
struct Row {
    name: String,
    /// What was broken, and by which seed; `None` if it survived.
    killed: Option<String>,
    seconds: f64,
}

/// Runs every switch of the simulated world, and prints the table. `only` names some of them.
pub(super) fn run(root: &Path, only: &[String]) -> Result<()> {
    let sim = program::simulation(root)?;
    let names = said(Command::new(&sim).arg("--mutants"))?;
    if let Some(healthy) = broken(&sim, "", 100)? {
        bail!("without a mutant: {healthy}");
    }
    let elsewhere = |name: &str| ELSEWHERE.iter().any(|(other, _)| *other == name);
    let asked = |name: &str| only.is_empty() || only.iter().any(|other| other == name);
    let mut rows = Vec::new();
    println!("| mutant | killed by |\n|---|---|");
    for name in names.lines().filter(|name| !elsewhere(name) && asked(name)) {
        let row = judge(&sim, name)?;
        println!("{row}");
        rows.push(row);
    }
    let survivors: Vec<&str> =
        rows.iter().filter(|row| row.killed.is_none()).map(|row| row.name.as_str()).collect();
    if rows.is_empty() || !survivors.is_empty() {
        bail!(
            "{} of {} mutants survive {SEEDS} seeds: {}",
            survivors.len(),
            rows.len(),
            survivors.join(", ")
        );
    }
    println!("{} mutants: each is noticed by the simulation within {SEEDS} seeds", rows.len());
    Ok(())
}

fn judge(sim: &Path, name: &str) -> Result<Row> {
    #[expect(
        clippy::disallowed_methods,
        reason = "tells its reader how long it took; nothing is decided by it"
    )]
    let start = Instant::now();
    let killed = broken(sim, name, SEEDS)?;
    Ok(Row { name: name.to_owned(), killed, seconds: start.elapsed().as_secs_f64() })
}

impl std::fmt::Display for Row {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, killed, seconds } = self;
        let said = killed.as_deref().unwrap_or("SURVIVES");
        let said = said.split(" Broken by: ").next().unwrap_or(said);
        write!(out, "| {name} | {said} ({seconds:.1} s) |")
    }
}

/// The first seed that breaks something under the mutant, and what.
fn broken(sim: &Path, mutant: &str, seeds: u64) -> Result<Option<String>> {
    let mut command = Command::new(sim);
    command.args(["--until-broken", "--seeds", &seeds.to_string()]).env(program::CHOOSES, mutant);
    let output = command.stderr(Stdio::inherit()).output().context("the simulation does not start")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().last().unwrap_or_default().to_owned();
    match output.status.code() {
        Some(0) => Ok(None),
        Some(1) if line.starts_with("seed ") => Ok(Some(line)),
        // A panic is a bug of the model, not an invariant that held watch.
        code => bail!("{mutant}: the simulation ended with {code:?}: {line}"),
    }
}

fn said(command: &mut Command) -> Result<String> {
    crate::shell::output(command)
}

#[cfg(test)]
mod tests;
