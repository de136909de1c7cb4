//! The project's own tasks, started as `cargo xtask <task>`. Each task is a file; this one only names them.
//! Nothing here is shipped, and nothing here may be needed to build or run the product.

mod bans;
mod cargo;
mod check;
mod ci;
mod dist;
mod mutants;
mod programs;
mod shell;
mod suite;
mod tidy;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "The project's own tasks", disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Formatting, clippy without warnings, tidy: run it before each commit
    Check,
    /// The house rules that no compiler knows, each finding with file and line
    Tidy,
    /// All tests: with nextest where it is installed, else with cargo's own runner
    Test(suite::Args),
    /// Everything a change must pass: check, bans, test, sim, sweep, fuzz, chaos, mutants
    Ci,
    /// What is too long for every change: millions of seeds, a thousand kills; some hours
    Nightly,
    /// Dependencies against deny.toml: licences, sources, banned and doubled crates
    Deny,
    /// The simulation: many seeds, or one again with its trace
    Sim(programs::SimArgs),
    /// Switches each safeguard off in turn and expects the incident's test to fail
    Mutants(mutants::Args),
    /// Hostile bytes for everything that reads foreign ones; a finding is kept and can be replayed
    Fuzz(programs::FuzzArgs),
    /// The real program killed at named commit points
    Chaos(programs::ChaosArgs),
    /// The archive of a release, with its checksum
    Dist(dist::Args),
    /// The measurements; arguments are handed to the bench program
    Bench(programs::BenchArgs),
}

fn main() -> ExitCode {
    match run(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let root = cargo::workspace_root()?;
    match cli.task {
        Task::Check => check::run(&root),
        Task::Tidy => tidy::run(&root),
        Task::Test(args) => suite::run(&root, &args).map(drop),
        Task::Ci => return Ok(ci::run(&root)),
        Task::Nightly => return Ok(ci::nightly(&root)),
        Task::Deny => bans::run(&root),
        Task::Sim(args) => programs::sim(&root, &args),
        Task::Mutants(args) => mutants::run(&root, &args),
        Task::Fuzz(args) => programs::fuzz(&root, &args),
        Task::Chaos(args) => programs::chaos(&root, &args),
        Task::Dist(args) => dist::run(&root, &args),
        Task::Bench(args) => programs::bench(&root, &args),
    }?;
    Ok(ExitCode::SUCCESS)
}
