//! `cargo xtask sim` and `cargo xtask bench`: programs that are built as the shipped one is (release), and run.

use std::path::Path;

use anyhow::Result;

use crate::shell;

#[derive(clap::Args)]
pub(crate) struct SimArgs {
    /// How many seeds to run
    #[arg(long)]
    pub(crate) seeds: Option<u64>,
    /// The first seed of the range
    #[arg(long)]
    pub(crate) first: Option<u64>,
    /// Run this one seed only
    #[arg(long, conflicts_with_all = ["seeds", "first"])]
    pub(crate) seed: Option<u64>,
    /// Print every step of the run
    #[arg(long)]
    pub(crate) trace: bool,
}

impl SimArgs {
    /// That many seeds, from the program's own first one.
    pub(crate) fn seeds(count: u64) -> Self {
        Self { seeds: Some(count), first: None, seed: None, trace: false }
    }

    fn words(&self) -> Vec<String> {
        let numbers = [("--seeds", self.seeds), ("--first", self.first), ("--seed", self.seed)];
        let mut words: Vec<String> = numbers
            .into_iter()
            .filter_map(|(name, value)| Some([name.to_owned(), value?.to_string()]))
            .flatten()
            .collect();
        words.extend(self.trace.then(|| "--trace".to_owned()));
        words
    }
}

#[derive(clap::Args)]
pub(crate) struct BenchArgs {
    /// Handed to the bench program as they are
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) args: Vec<String>,
}

/// Runs the simulation.
pub(crate) fn sim(root: &Path, args: &SimArgs) -> Result<()> {
    release(root, "orchd-testkit", "sim", &args.words())
}

/// Runs the measurements.
pub(crate) fn bench(root: &Path, args: &BenchArgs) -> Result<()> {
    // What is measured lies beside the program that measures.
    shell::run(&mut shell::cargo(
        root,
        ["build", "--release", "--package", "orchctl", "--package", "orchd"],
    ))?;
    release(root, "orchd-bench", "orchd-bench", &args.args)
}

fn release(root: &Path, package: &str, program: &str, args: &[String]) -> Result<()> {
    let run = ["run", "--release", "--package", package, "--bin", program, "--"];
    shell::run(shell::cargo(root, run).args(args))
}
